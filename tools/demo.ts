// The main job without Docker: three agents on loopback that sync over SSH, and a few applications.
// Each agent knows only its own applications; any of them answers for all.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { internalErrorsIn } from '../test/helpers/agent-log.ts'
import { type Application, startApplication } from './demo/applications.ts'

interface Agent {
  readonly name: string
  readonly process: ChildProcess
  readonly log: () => string
}

interface Node {
  readonly name: string
  readonly port: number
  readonly sshPort: number
  readonly applications: readonly string[]
}

const nodes: readonly Node[] = [
  { name: 'node1', port: 2137, sshPort: 2141, applications: ['chat', 'shop'] },
  { name: 'node2', port: 2138, sshPort: 2142, applications: ['queue', 'blog'] },
  { name: 'node3', port: 2139, sshPort: 2143, applications: ['weather'] },
]

async function demo(signal: AbortSignal): Promise<void> {
  await refuseTakenPorts()
  const secret = randomBytes(18).toString('base64')
  const applications = await Promise.all(
    nodes.map((node) => Promise.all(node.applications.map(startApplication))),
  )
  const agents = nodes.map((node, at) => startAgent(node, applications[at]!, secret))
  try {
    await Promise.race([untilAllAnswer(signal), firstExit(agents)])
    console.log(welcome())
    await Promise.race([once(signal, 'abort'), firstExit(agents)])
  } finally {
    for (const { process } of agents) process.kill('SIGTERM')
    await Promise.all(agents.map(ended))
    for (const application of applications.flat()) application.close()
    for (const { name, log } of agents)
      bugs.push(...internalErrorsIn(log()).map((line) => `${name}: ${line}`))
  }
}

function startAgent(node: Node, applications: readonly Application[], secret: string): Agent {
  const others = nodes.filter((other) => other !== node)
  const child = spawn(process.execPath, ['src/main.ts'], {
    stdio: ['inherit', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NODE_NAME: node.name,
      CLUSTER: 'demo',
      LISTEN_PORT: String(node.port),
      SSH_PORT: String(node.sshPort),
      ADVERTISE: `127.0.0.1:${node.port}`,
      SSHPASS: secret,
      PEERS: others.map((other) => `127.0.0.1:${other.sshPort}`).join(' '),
      TARGETS: applications.map(({ name, url }) => `${name}=${url}`).join(' '),
      SCRAPE_INTERVAL: '5',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'error',
    },
  })
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    log += text
    process.stdout.write(text)
  })
  return { name: node.name, process: child, log: () => log }
}

const urls = nodes.flatMap((node) =>
  ['chat', 'shop', 'queue', 'weather'].map((name) => `${at(node)}/${name}/metrics`),
)

async function untilAllAnswer(signal: AbortSignal): Promise<void> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(30_000)])
  for (const url of urls) {
    while (!(await answers(url, patience))) {
      if (signal.aborted) return
      if (patience.aborted) throw new Error(`${url} has not answered within 30 s`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function answers(url: string, signal: AbortSignal): Promise<boolean> {
  return fetch(url, { signal }).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function refuseTakenPorts(): Promise<void> {
  const ports = nodes.flatMap(({ port, sshPort }) => [port, sshPort])
  const taken = await Promise.all(ports.map(isTaken))
  const list = ports.filter((_, at) => taken[at])
  if (list.length > 0)
    throw new Error(`port ${list.join(', ')} is in use; end what listens there and try again`)
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function firstExit(agents: readonly Agent[]): Promise<never> {
  const code = await Promise.race(agents.map(ended))
  throw new Error(`an agent ended (exit code ${code})`)
}

async function ended({ process: child }: Agent): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

function at(node: Node): string {
  return `http://127.0.0.1:${node.port}`
}

function welcome(): string {
  const [first, second, third] = nodes.map(at)
  return `
Three agents are up, and each answers for the applications of all.

  ${first}/                   the status page (also on ports 2138 and 2139)
  ${second}/shop/metrics       an application of node1, through node2
  ${third}/queue/metrics      an application of node2, through node3
  ${first}/sd                 all targets, for Prometheus
  ${first}/metrics            the agent's own metrics

The application blog has no metrics, and chat sends no Content-Type: the status page says why, and how to fix it.
Ctrl-C stops them.`
}

const stopping = new AbortController()
/** The lines of internal errors in the agents' logs: none may be left unseen. */
const bugs: string[] = []
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
await demo(stopping.signal).catch((error: unknown) => {
  if (stopping.signal.aborted) return
  console.error(`The demo can't go on: ${(error as Error).message}`)
  process.exitCode = 1
})
if (bugs.length > 0) {
  console.error(`The agents logged internal errors:\n${bugs.join('\n')}`)
  process.exitCode = 1
}
