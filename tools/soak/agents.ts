// Three agents that sync with each other, each on a node of its own. The first two stay, the third is killed.

import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { refuseInternalErrors } from '../../test/helpers/agent-log.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { type Running, startAgent } from '../bench/processes.ts'
import type { Node } from './node.ts'
import type { Held } from './verdict.ts'

export interface Answer {
  /** 0: no answer. */
  readonly status: number
  readonly text: string
}

export interface Agents extends AsyncDisposable {
  ask(at: number, path: string, encoding?: string): Promise<Answer>
  /** Ends it without a chance to say so, and starts it again. */
  restart(at: number): Promise<void>
  /** What it holds now; of several looks the least, since something is always under way. */
  held(at: number): Promise<Held>
}

const looks = 5
const betweenLooks = 200
const patience = 60_000

/** Resolves once all are ready. `interval` in seconds. */
export async function startAgents(nodes: readonly Node[], interval: number): Promise<Agents> {
  const [ports, sshPorts] = await Promise.all(
    [nodes, nodes].map((all) => Promise.all(all.map(() => freePort()))),
  )
  const secret = randomBytes(18).toString('base64')
  const running = nodes.map((_, at) => begin(at))

  function begin(at: number): Running {
    const others = sshPorts!.filter((_, other) => other !== at).map((port) => `127.0.0.1:${port}`)
    const environment = {
      CLUSTER: 'soak',
      DOCKER_HOST: nodes[at]!.host,
      LISTEN_PORT: `${ports![at]}`,
      SSH_PORT: `${sshPorts![at]}`,
      SSHPASS: secret,
      PEERS: others.join(' '),
      SCRAPE_INTERVAL: `${interval}`,
      FORGET_AFTER: '10',
      LOG_LEVEL: 'error',
    }
    return startAgent(environment, ['--import', './tools/soak/inside.ts'])
  }

  async function ask(at: number, path: string, encoding = 'gzip'): Promise<Answer> {
    try {
      const url = `http://127.0.0.1:${ports![at]}${path}`
      const response = await fetch(url, { headers: { 'accept-encoding': encoding } })
      return { status: response.status, text: await response.text() }
    } catch {
      return { status: 0, text: '' }
    }
  }

  async function ready(at: number): Promise<void> {
    const until = performance.now() + patience
    while ((await ask(at, '/-/ready')).status !== 200) {
      if (performance.now() > until) throw new Error(`agent ${at + 1} doesn’t become ready`)
      await pause(100)
    }
  }

  /** Throws if it logged an internal error. */
  async function end(at: number): Promise<void> {
    await running[at]![Symbol.asyncDispose]()
    refuseInternalErrors(`agent ${at + 1}`, running[at]!.printed())
  }

  const agents: Agents = {
    ask,
    async restart(at) {
      process.kill(running[at]!.pid, 'SIGKILL')
      await end(at)
      running[at] = begin(at)
    },
    async held(at) {
      const all: Held[] = []
      for (let look = 0; look < looks; look += 1) {
        all.push((await running[at]!.ask('what is held?')) as Held)
        await pause(betweenLooks)
      }
      return all.reduce(leastOf)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(running.map((_, at) => end(at)))
    },
  }
  try {
    await Promise.all(nodes.map((_, at) => ready(at)))
    return agents
  } catch (error) {
    await agents[Symbol.asyncDispose]()
    throw error
  }
}

function leastOf(one: Held, other: Held): Held {
  return {
    resident: Math.min(one.resident, other.resident),
    objects: Math.min(one.objects, other.objects),
    buffers: Math.min(one.buffers, other.buffers),
    files: Math.min(one.files, other.files),
    handles: Math.min(one.handles, other.handles),
  }
}
