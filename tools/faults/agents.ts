// Agents on loopback, each in a process of its own, with requests for each other's applications while something happens.
// An internal error fails the run: after each fault by what the agents count, at the end of one by its log.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { refuseInternalErrors } from '../../test/helpers/agent-log.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { type Running, startAgent as startProcess } from '../bench/processes.ts'
import { refuseCountedErrors } from './internal-errors.ts'
import { liveOf, type Row, seconds } from './row.ts'

/** Seconds, as in the demo. What a lost owner had may stand in for three of them. */
export const interval = 5
/** MiB of JavaScript objects that an agent may hold: all that happens here happens within this limit. */
export const memory = 64

/** `wrong`: a page of another application, or half of one. */
export type Answer = 'live' | 'cached' | 'error' | 'nothing' | 'wrong'

export interface Agents extends AsyncDisposable {
  readonly sshPorts: readonly number[]
  url(at: number): string
  pid(at: number): number
  startAgent(at: number): void
  /** Ends it without a chance to say so, and waits until it is gone. */
  kill(at: number): Promise<void>
  /** Lets it end by itself; resolves with the milliseconds that it took. */
  end(at: number): Promise<number>
  startApplication(at: number): Promise<void>
  endApplication(at: number): void
  ask(node: number, app: number): Promise<Answer>
  /** Milliseconds until one agent answers so for the application of another. */
  until(answer: Answer, node: number, app: number, within?: number): Promise<number>
  /** Until all answer for all. */
  untilWhole(): Promise<number>
  /** The row of what happens to node 2, with what the others answered for each other meanwhile. */
  besideOthers(fault: string, happen: () => Promise<string>): Promise<Row>
}

export interface Options {
  /** Before any agent starts. */
  prepare?(sshPorts: readonly number[]): Promise<void>
  /** As PEERS wants it. Default: all others. */
  peersOf?(at: number, sshPorts: readonly number[]): readonly string[]
  environmentOf?(at: number): NodeJS.ProcessEnv
  /** MiB of JavaScript objects, where it isn't the usual. */
  readonly heap?: number
}

const timeoutMs = 90_000
/** Long enough to be cut off in its middle. */
const pageOf = (app: number) =>
  Array.from({ length: 2000 }, (_, n) => `line{app="${app + 1}",n="${n}"} 1\n`).join('')

export async function startAgents({
  prepare,
  peersOf,
  environmentOf,
  heap = memory,
}: Options = {}): Promise<Agents> {
  const places = [0, 1, 2] as const
  const [ports, sshPorts, applicationPorts] = (await Promise.all(
    places.map(() => Promise.all(places.map(() => freePort()))),
  )) as [number[], number[], number[]]
  const secret = randomBytes(18).toString('base64')
  const applications: Server[] = []
  const running: Running[] = []

  function startAgent(at: number): void {
    const others = sshPorts.filter((_, other) => other !== at).map((port) => `127.0.0.1:${port}`)
    const environment = {
      NODE_NAME: `node${at + 1}`,
      CLUSTER: 'faults',
      LISTEN_PORT: `${ports[at]}`,
      SSH_PORT: `${sshPorts[at]}`,
      SSHPASS: secret,
      PEERS: (peersOf?.(at, sshPorts) ?? others).join(' '),
      TARGETS: `app${at + 1}=http://127.0.0.1:${applicationPorts[at]}/metrics`,
      SCRAPE_INTERVAL: `${interval}`,
      LOG_LEVEL: 'error',
      ...environmentOf?.(at),
    }
    running[at] = startProcess(environment, [`--max-old-space-size=${heap}`])
  }

  async function ended(at: number): Promise<void> {
    await running[at]![Symbol.asyncDispose]()
    refuseInternalErrors(`node ${at + 1}`, running[at]!.printed())
  }

  async function ask(node: number, app: number): Promise<Answer> {
    try {
      const response = await fetch(`http://127.0.0.1:${ports[node]}/app${app + 1}/metrics`)
      const text = await response.text()
      if (response.status !== 200) return 'error'
      if (text !== pageOf(app)) return 'wrong'
      return response.headers.has('age') ? 'cached' : 'live'
    } catch {
      return 'nothing'
    }
  }

  async function until(answer: Answer, node: number, app: number, within = timeoutMs): Promise<number> {
    const began = performance.now()
    for (;;) {
      const found = await ask(node, app)
      if (found === answer) return performance.now() - began
      if (found === 'wrong') throw new Error(`node ${node + 1} gave a wrong page for app${app + 1}`)
      if (performance.now() - began > within) throw new Error(`no ${answer} answer within ${within} ms`)
      await pause(20)
    }
  }

  async function untilWhole(): Promise<number> {
    const began = performance.now()
    for (const node of places) for (const app of places) await until('live', node, app)
    return performance.now() - began
  }

  /** What the other nodes answer for themselves and each other while something happens to node 2. */
  async function watchOthers(signal: AbortSignal): Promise<string> {
    const pairs = [
      [0, 0],
      [0, 2],
      [2, 0],
    ] as const
    let [requests, failed] = [0, 0]
    while (!signal.aborted) {
      for (const [node, app] of pairs) {
        requests += 1
        if ((await ask(node, app)) !== 'live') failed += 1
      }
      await pause(200)
    }
    return liveOf(requests - failed, requests, 'other nodes')
  }

  const agents: Agents = {
    sshPorts,
    url: (at) => `http://127.0.0.1:${ports[at]}`,
    pid: (at) => running[at]!.pid,
    startAgent,
    async kill(at) {
      process.kill(running[at]!.pid, 'SIGKILL')
      await ended(at)
    },
    async end(at) {
      const began = performance.now()
      await ended(at)
      return performance.now() - began
    },
    async startApplication(at) {
      const server = createServer((_request, response) => response.end(pageOf(at)))
      server.listen(applicationPorts[at], '127.0.0.1')
      await once(server, 'listening')
      applications[at] = server
    },
    endApplication(at) {
      applications[at]!.close()
      applications[at]!.closeAllConnections()
    },
    ask,
    until,
    untilWhole,
    async besideOthers(fault, happen) {
      const done = new AbortController()
      const others = watchOthers(done.signal)
      const found = `${await happen().finally(() => done.abort())}; ${await others}`
      for (const at of places) await refuseCountedErrors(`node ${at + 1}`, agents.url(at))
      return { fault, found }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(running.map((_, at) => ended(at)))
      for (const at of applications.keys()) agents.endApplication(at)
    },
  }
  await prepare?.(sshPorts)
  for (const at of places) {
    await agents.startApplication(at)
    startAgent(at)
  }
  return agents
}

/** For a row: the middle and the longest of several times. */
export function spreadOf(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  return `${seconds(sorted[sorted.length >> 1]!)} in the median, ${seconds(sorted.at(-1)!)} at most`
}
