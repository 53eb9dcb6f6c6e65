// Every block of commands or configuration in the documentation has a proof: a new one without any fails here.

import { execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { settingsOf } from '../../src/labels/settings.ts'
import { parseWebConfig } from '../../src/web/auth/web-config.ts'
import { service, swarmState } from '../helpers/cluster.ts'
import { scaled } from '../helpers/limits.ts'
import { blocksOf, blockUnder } from '../helpers/manual.ts'
import { freePort } from '../helpers/ports.ts'
import { until } from '../helpers/until.ts'
import { startAgents, startApplication } from './parts/agents.ts'
import { nodesAt, startResponder } from './parts/cluster.ts'
import { stories } from './parts/example.ts'
import { releases } from './parts/releases.ts'
import { caddy, nginx, traefik } from './parts/reverse-proxy.ts'
import { started } from './parts/started.ts'

const execute = promisify(execFile)

/** A folder that is gone after the test. */
async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'blocks-'))
  started({ stop: () => rm(folder, { recursive: true }) })
  return folder
}

type Proof = (block: string) => Promise<unknown> | unknown
const all =
  (...proofs: readonly Proof[]): Proof =>
  async (block) => {
    for (const proof of proofs) await proof(block)
  }

/** Each release finds nothing wrong. */
const promtool = (...args: readonly string[]) =>
  Promise.all(releases.map(({ promtool }) => execute(promtool, args)))

/** Prometheus takes it: a whole configuration, or what stands in one below `scrape_configs`. */
const configuration: Proof = async (block) => {
  const file = join(await scratch(), 'prometheus.yml')
  const job = '  - job_name: some\n    static_configs: [{ targets: ["one:2137"] }]\n'
  const parts = { '  - ': `scrape_configs:\n${block}`, '    ': `scrape_configs:\n${job}${block}` }
  await writeFile(file, parts[/^ *(- )?/.exec(block)![0] as keyof typeof parts] ?? block)
  await promtool('check', 'config', '--lint=all', file)
}

/** The labels of a service are understood; a fragment may be indented. */
function labelsIn(block: string): Record<string, string> {
  const { deploy, services } = parse(block)
  const labels = (deploy ?? services.shop.deploy).labels as Record<string, unknown>
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, `${value}`]))
}
const port: Proof = (block) => {
  const { port, remarks } = settingsOf({}, labelsIn(block))
  expect([port?.value, remarks]).toEqual([9187, []])
}

const endpoints: Proof = (block) => {
  const { port, endpoints, remarks } = settingsOf({}, labelsIn(block))
  const shown = [...endpoints].map(([number, one]) => [
    number,
    one.port?.value,
    one.path?.value,
    one.job?.value,
  ])
  expect([port?.value, shown, remarks]).toEqual([8080, [[2, 9113, '/stats/prometheus', 'nginx']], []])
}

/** What the labels of a service become is a rule file that Prometheus takes. */
const alerts: Proof = async (block) => {
  const manager = started(await startResponder('prod'))
  const services = [service('demo_shop', { labels: labelsIn(block) })]
  manager.learn({ nodes: nodesAt(manager.address), swarmState: swarmState(services) })
  const file = join(await scratch(), 'rules.yml')
  await writeFile(file, await (await fetch(`${manager.url}/rules`)).text())
  await promtool('check', 'rules', '--lint=all', '--lint-fatal', file)
  const { groups } = parse(readFileSync(file, 'utf8'))
  expect(groups[0].rules).toHaveLength(2)
}

/** Each command is one of package.json; the demo is started, by itself on its ports, and survives an agent. */
const twoCommands: Proof = async (block) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = [...block.matchAll(/^npm run (\w+)/gm)].map(([, name]) => name!)
  expect(named).toEqual(['demo', 'verify'])
  const [demo, verify] = named.map((name) => /\S+\.ts$/.exec(scripts[name])![0])
  expect(existsSync(verify!)).toBe(true)
  const alone = ['--net', 'sh', '-c', `ip link set lo up && exec ${process.execPath} ${demo}`]
  const child = spawn('unshare', alone, { stdio: ['ignore', 'pipe', 'inherit'] })
  started({
    stop: () =>
      new Promise<void>((resolve) => {
        child.once('close', () => resolve())
        child.kill('SIGTERM')
      }),
  })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  const prints = (text: string) =>
    until(`the demo to print ${text}`, () => said.includes(text), { within: 60_000 })
  await prints('Ctrl-C')
  expect(said).toContain('http://127.0.0.1:2137')
  process.kill(Number(/\bkill (\d+)/.exec(said)![1]), 'SIGKILL')
  await prints('The agent of node2 has ended (SIGKILL)')
  await prints('node2 has started again')
}

/** The commands of the block against real agents, at other addresses, with the program of this folder. */
async function shell(block: string, moved: Readonly<Record<string, string>>): Promise<string> {
  const folder = await scratch()
  const program = `#!/bin/sh\nexec ${process.execPath} ${join(process.cwd(), 'src/main.ts')} "$@"\n`
  await writeFile(join(folder, 'app-metrics-proxy'), program, { mode: 0o755 })
  const text = Object.entries(moved).reduce((all, [from, to]) => all.replaceAll(from, to), block)
  const env = { PATH: `${folder}:${process.env.PATH}` }
  return (await execute('bash', ['-e', '-c', text], { env, timeout: scaled(60_000) })).stdout
}

const status: Proof = async (block) => {
  const sick = started(await startApplication())
  const [agent] = await startAgents('prod', [[`sick=${sick.url}`]])
  started(agent!)
  await until('it to be found', async () => (await fetch(`${agent!.url}/sick/metrics`)).ok)
  sick.well = false
  await until('it to be down', async () => (await fetch(`${agent!.url}/sick/metrics`)).status === 502)
  await until('the agent to report', async () => {
    const moved = { 'http://localhost:2137': agent!.url, 'targets --json': `targets --json ${agent!.url}` }
    const said = await shell(block, moved)
    return said.includes('/sick/') && said.includes('"targets"')
  })
}

const rules: Proof = async (block) => {
  const clusters = await Promise.all(['prod', 'dev'].map((name) => startResponder(name)))
  for (const one of clusters) started(one).learn({ nodes: nodesAt(one.address) })
  const [prod, dev] = clusters.map(({ url }) => url)
  const to = await scratch()
  const listen = await freePort()
  const ready = `curl -sf http://127.0.0.1:${listen}/-/ready`
  const moved = {
    'http://prod1.example.org:2137': prod!,
    'http://prod2.example.org:2137': prod!,
    'http://dev.example.org:2137': dev!,
    '/etc/prometheus/from-labels': to,
    '--reload http://localhost:9090/-/reload': '',
    '--every 30s --listen 2138': `--every 30s --listen ${listen} & until ${ready}; do sleep 0.1; done; kill $!`,
  }
  await shell(block, moved)
  const files = readdirSync(to).filter((name) => !name.startsWith('.'))
  expect(files.toSorted()).toEqual(['app-metrics-proxy-dev.yml', 'app-metrics-proxy-prod.yml'])
}

const webConfiguration: Proof = (block) => {
  const { openPaths, allowedAddresses, tokens } = parseWebConfig(
    block.replace('0d2b…', '0d'.repeat(32)),
    (path) => path,
  )
  expect(openPaths).toEqual(['/-/healthy', '/-/ready'])
  expect([allowedAddresses.length, Object.keys(tokens)]).toEqual([1, ['prometheus']])
}

/** Each command of the page against a real agent, at its address; `check` is given a configuration. */
const troubleshooting: Proof = async (block) => {
  const well = started(await startApplication())
  const sick = started(await startApplication())
  const [agent] = await startAgents('prod', [[`well=${well.url}`, `sick=${sick.url}`]])
  started(agent!)
  await until('both to be found', async () =>
    (await Promise.all(['well', 'sick'].map((name) => fetch(`${agent!.url}/${name}/metrics`)))).every(
      ({ ok }) => ok,
    ),
  )
  sick.well = false
  await until('one to be down', async () => (await fetch(`${agent!.url}/sick/metrics`)).status === 502)
  const free = await freePort()
  const moved = {
    'app-metrics-proxy check ': `TARGETS=well=${well.url} LISTEN_PORT=${free} app-metrics-proxy check `,
    'down,lost,unscraped ': `down,lost,unscraped ${agent!.url} `,
    'http://10.0.1.7:8080/metrics': well.url,
  }
  const printed = await shell(block, moved)
  for (const words of [`port: ${free} is free`, 'down   sick', 'valid: 1 series'])
    expect(printed).toContain(words)
}

/** All labels are understood. */
const labels: Proof = (block) => {
  const { remarks, port, path, network, intervalMs, timeoutMs } = settingsOf({}, labelsIn(block))
  const values = [port, path, network, intervalMs, timeoutMs].map((setting) => setting?.value)
  expect([remarks, values]).toEqual([[], [9187, '/stats/prometheus', 'monitor', 30_000, 20_000]])
}

const hostStart = 'Quick start: one Docker host'

/** A test of the lab runs it from the page: the words by which it takes it stand there. */
const inLab =
  (file: string, ...words: readonly string[]): Proof =>
  () => {
    const text = readFileSync(`test/lab/${file}`, 'utf8')
    for (const word of words) expect(text).toContain(word)
  }
const followed = (story: string, block: number) => inLab('examples.test.ts', `blockOf('${story}', ${block})`)
const composed = inLab('examples.test.ts', 'blockOf(story, 0)')

const victoria: Proof = () => {
  const text = readFileSync('test/prometheus/victoria.test.ts', 'utf8')
  for (const program of ['vmagent', 'vmalert']) expect(text).toContain(`documentedFlags('${program}', moved)`)
}

/** The lab's image is built by the first line; a test deploys by the others. */
const swarm: Proof = (block) => {
  expect(block).toMatch(/^docker build /)
  inLab('harness/product.ts', "blockUnder(join(repository, 'README.md'), 'Quick start: Swarm')")(block)
  inLab('stack.test.ts', "blockUnder('README.md', swarmStart)")(block)
}

/** Each expression, as the rule of a file that Prometheus takes. */
const queries: Proof = async (block) => {
  const expressions = block.split('\n\n').map((text) => text.replaceAll(/^#.*\n/gm, ''))
  expect(expressions.length).toBeGreaterThan(0)
  const rules = expressions.map((expr, at) => ({ record: `query:${at}`, expr }))
  const file = join(await scratch(), 'queries.yml')
  await writeFile(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  await promtool('check', 'rules', file)
}

/** What a test in the lab runs: a part of deploy/standalone, and the flags that mean the same. */
const standalone: Proof = (block) => {
  const { services } = parse(readFileSync('deploy/standalone/compose.yml', 'utf8'))
  const [[name, short]] = Object.entries(parse(block).services) as [[string, Record<string, unknown>]]
  expect({ ...services[name], image: short.image }).toMatchObject(short)
  const command = blockUnder('README.md', hostStart).replaceAll('\\\n', '')
  const flag = (key: string) => new RegExp(` --${key}[ =](\\S+)`).exec(command)?.[1]
  expect({
    image: command.trim().split(' ').at(-1),
    network_mode: flag('network'),
    volumes: [flag('volume')],
    cap_drop: [flag('cap-drop')],
    read_only: command.includes(' --read-only '),
    mem_limit: flag('memory'),
    restart: flag('restart'),
  }).toEqual(short)
}

const statsdLabel: Proof = (block) => {
  const { services } = parse(readFileSync('deploy/examples/statsd/compose.yml', 'utf8'))
  expect(services.statsd.labels).toEqual(parse(block).labels)
}

const proofs: Readonly<Record<string, readonly Proof[]>> = {
  'README.md': [
    inLab('compose.test.ts', "blockUnder('README.md', hostStart)"),
    standalone,
    swarm,
    all(port, inLab('stack.test.ts', "blockUnder('README.md', swarmStart, 'yaml')")),
    all(configuration, inLab('stack.test.ts', "blockUnder('README.md', 'Prometheus', 'yaml')")),
    twoCommands,
  ],
  'docs/FAQ.md': [troubleshooting, labels],
  'docs/LABELS.md': [port, endpoints, alerts],
  'docs/MIGRATION.md': [configuration],
  'docs/OPERATIONS.md': [
    inLab('stack.test.ts', "blockUnder('docs/OPERATIONS.md', 'Upgrade')"),
    inLab('peers.test.ts', "blockUnder('docs/OPERATIONS.md', secretChapter)"),
    inLab('peers.test.ts', "blockUnder('docs/OPERATIONS.md', secretChapter, 'sh', 1)"),
  ],
  'docs/PROMETHEUS.md': [configuration, configuration, rules, victoria, configuration],
  'docs/REVERSE-PROXY.md': [configuration, nginx, caddy, traefik],
  'docs/SECURITY-MODEL.md': [webConfiguration],
  'docs/STATUS.md': [status],
  'docs/SWARM-METRICS.md': [queries],
  'deploy/examples/chat/README.md': [composed, followed('chat', 1)],
  'deploy/examples/global/README.md': [followed('global', 0), followed('global', 1)],
  'deploy/examples/labels/README.md': [followed('labels', 0), followed('labels', 1)],
  'deploy/examples/replicas/README.md': [0, 1, 2].map((block) => followed('replicas', block)),
  'deploy/examples/statsd/README.md': [statsdLabel, composed],
  'deploy/examples/websocket/README.md': [followed('websocket', 0), followed('websocket', 1)],
}

const pages = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'deploy/examples/README.md',
  ...stories.map((story) => `deploy/examples/${story}/README.md`),
]
const blocks = pages.flatMap((page) => blocksOf(page).map((block, at) => ({ page, at, ...block })))

describe('each block of the documentation', () => {
  test('has one proof', () => {
    const counts = Object.groupBy(blocks, ({ page }) => page)
    const proved = Object.entries(proofs).map(([page, all]) => [page, all.length])
    expect(Object.fromEntries(Object.entries(counts).map(([page, all]) => [page, all!.length]))).toEqual(
      Object.fromEntries(proved),
    )
  })

  test.each(blocks)('$page $at ($language)', async ({ page, at, text }) => {
    await proofs[page]![at]!(text)
  })
})
