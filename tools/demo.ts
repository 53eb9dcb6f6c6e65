// The main job without Docker: three agents on loopback that sync over SSH, and a few applications.
// Each agent scrapes only its own applications; any of them serves the metrics of all. One that ends starts again.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { internalErrorsIn } from '../test/helpers/agent-log.ts'
import { type Application, startApplication } from './demo/applications.ts'

interface Agent {
  readonly node: Node
  readonly process: ChildProcess
  /** Resolves with the exit code or the signal. */
  readonly ended: Promise<number | string>
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

/** Longer than metrics are served from the cache, so that all that follows from the loss of an agent is shown. */
const restartDelayMs = 20_000

async function demo(signal: AbortSignal): Promise<void> {
  await refuseTakenPorts()
  const secret = randomBytes(18).toString('base64')
  const applications = await Promise.all(
    nodes.map((node) => Promise.all(node.applications.map(startApplication))),
  )
  const start = (at: number) => startAgent(nodes[at]!, applications[at]!, secret)
  const agents = nodes.map((_, at) => start(at))
  try {
    await Promise.race([untilAllAreServed(signal), firstExit(agents)])
    if (!signal.aborted) console.log(welcome(agents))
    await Promise.all(nodes.map((_, at) => restart(agents, at, start, signal)))
  } finally {
    for (const { process } of agents) process.kill('SIGTERM')
    await Promise.all(agents.map(({ ended }) => ended))
    for (const application of applications.flat()) application.close()
  }
}

/** Until `signal` aborts, starts the agent again whenever it has ended. */
async function restart(agents: Agent[], at: number, start: (at: number) => Agent, signal: AbortSignal) {
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  while (!signal.aborted) {
    const { node, ended } = agents[at]!
    const end = await Promise.race([ended, aborted.then(() => '')])
    if (signal.aborted) return
    console.log(loss(node, end))
    await sleep(restartDelayMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    agents[at] = start(at)
    console.log(`${node.name} has started again, with pid ${agents[at].process.pid}.`)
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
      SCRAPE_INTERVAL: '5s',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'error',
    },
  })
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    log += text
    process.stdout.write(text)
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    bugs.push(...internalErrorsIn(log).map((line) => `${node.name}: ${line}`))
    return (code ?? signal) as number | string
  })
  return { node, process: child, ended }
}

const startTimeoutMs = 30_000
const urls = nodes.flatMap((node) =>
  ['chat', 'shop', 'queue', 'weather'].map((name) => `${at(node)}/${name}/metrics`),
)

async function untilAllAreServed(signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)])
  for (const url of urls) {
    while (!(await isServed(url, deadline))) {
      if (signal.aborted) return
      if (deadline.aborted) throw new Error(`no metrics at ${url} within ${startTimeoutMs / 1000} s`)
      await sleep(100)
    }
  }
}

function isServed(url: string, signal: AbortSignal): Promise<boolean> {
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
  const [name, end] = await Promise.race(
    agents.map(async ({ node, ended }) => [node.name, await ended] as const),
  )
  throw new Error(`the agent of ${name} has ended (${end})`)
}

function at(node: Node): string {
  return `http://127.0.0.1:${node.port}`
}

function welcome(agents: readonly Agent[]): string {
  const [first, second, third] = nodes.map(at)
  const { node, process } = agents[1]!
  return `
Three agents are up, and each serves the metrics of all applications.

  ${first}/                   the status page (also on ports 2138 and 2139)
  ${second}/shop/metrics       an application of node1, through node2
  ${third}/queue/metrics      an application of node2, through node3
  ${first}/sd                 all targets, for Prometheus
  ${first}/metrics            the agent's own metrics

The application blog has no metrics, and chat sends no Content-Type: the status page shows why, and how to fix it.
To see an agent fail and come back: kill ${process.pid}, which is the agent of ${node.name}. Ctrl-C stops all.`
}

function loss({ name, applications }: Node, end: number | string): string {
  const page = at(nodes.find((node) => node.name !== name)!)
  return `
The agent of ${name} has ended (${typeof end === 'number' ? `exit code ${end}` : end}): ${page}/ shows its node as lost.
The others serve ${page}/${applications[0]}/metrics from the cache for 15 s, with an Age header, then an error (502).
It starts again in ${restartDelayMs / 1000} s.`
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
