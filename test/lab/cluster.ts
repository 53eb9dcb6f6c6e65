// The product on a real Swarm, as stack.yml deploys it, and what befalls its containers.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scaled } from '../helpers/limits.ts'
import { until } from '../helpers/until.ts'
import { type Answer, ask } from './harness/ask.ts'
import { type LabOptions, type Swarm, startSwarm } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'

export interface Cluster extends Swarm {
  /** Asks one agent as Prometheus would, with this much time in seconds. */
  get(node: Node, path: string, seconds?: number): Promise<Answer>
  /** Starts a service on the agents' network. */
  run(name: string, image: string, flags?: readonly string[], command?: readonly string[]): Promise<void>
  /** The running container of a task: `demo_web.1`. */
  containerOf(task: string): Promise<Container>
  everyAgentIsReady(): Promise<void>
}

export interface Container {
  readonly node: Node
  readonly id: string
  /** Runs a shell script in it. */
  exec(script: string): Promise<string>
}

/** `settings` are environment variables for all agents. */
export async function startCluster(
  count: number,
  settings: Readonly<Record<string, string>> = {},
  options: LabOptions = {},
): Promise<Cluster> {
  const swarm = await startSwarm(count, options)
  try {
    const secret = { input: 'a secret of this lab alone' }
    await swarm.manager.docker.with(secret)('secret', 'create', 'app-metrics-proxy', '-')
    await deploy(swarm, settings)
    await everyAgentIsReady(swarm)
  } catch (error) {
    await swarm.stop()
    throw error
  }
  return {
    ...swarm,
    get: (node, path, seconds = 10) =>
      ask(node.url(path), { 'x-prometheus-scrape-timeout-seconds': `${seconds}` }, scaled(seconds * 1000)),
    run: (name, image, flags = [], command = []) =>
      swarm.serve(name, image, ['--network', 'monitor', ...flags], command),
    containerOf: (task) =>
      until(`a container of ${task}`, async () => {
        for (const node of swarm.nodes) {
          const id = await node.docker('ps', '--quiet', '--filter', `name=^${task}[.]`)
          if (id !== '') return { node, id, exec: (script) => node.docker('exec', id, 'sh', '-c', script) }
        }
        return undefined
      }),
    everyAgentIsReady: () => everyAgentIsReady(swarm),
    async stop() {
      await reportEndedAgents(swarm)
      await swarm.stop()
    },
  }
}

async function deploy(swarm: Swarm, settings: Readonly<Record<string, string>>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stack-'))
  try {
    const stack = await readFile(join(import.meta.dirname, '../../stack.yml'), 'utf8')
    // Some the stack takes from the environment.
    const lines = Object.entries(settings)
      .filter(([name]) => !stack.includes(`      ${name}: `))
      .map(([name, value]) => `      ${name}: ${JSON.stringify(value)}\n`)
    const file = join(folder, 'stack.yml')
    await writeFile(file, stack.replace('    environment:\n', `    environment:\n${lines.join('')}`))
    await swarm.deploy('metrics', file, { ...settings, IMAGE: productImage })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** An agent that Docker or the Swarm ended explains what a test saw. */
async function reportEndedAgents({ manager }: Swarm): Promise<void> {
  const format = '{{.Name}} on {{.Node}}: {{.CurrentState}} {{.Error}}'
  const tasks = await manager.docker('service', 'ps', '--no-trunc', '--format', format, 'metrics_agent')
  const ended = tasks.split('\n').filter((line) => line.includes('Failed') || line.includes('Rejected'))
  if (ended.length > 0) console.log(`agents that ended by themselves:\n${ended.join('\n')}`)
}

async function everyAgentIsReady({ nodes }: Swarm): Promise<void> {
  await until(
    'every agent to be ready',
    async () => {
      const answers = await Promise.all(nodes.map((node) => ask(node.url('/-/ready'))))
      return answers.every(({ status }) => status === 200)
    },
    { within: 120_000, every: 200 },
  )
}
