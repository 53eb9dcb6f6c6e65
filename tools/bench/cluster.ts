// A whole cluster on one machine: ten agents, each with a thousand endpoints of 62 KB, each of which holds all ten
// thousand. Memory and CPU of an agent, and how soon one that restarts has all again.

import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { cpuOf, cpuOver, type Running, rssOf, start, startAgent } from './processes.ts'
import { addressesOf } from './scrape.ts'
import { type Section, spread } from './section.ts'

interface Size {
  readonly agents: number
  /** Of each agent. */
  readonly endpoints: number
  /** Seconds between two scrapes of one endpoint. */
  readonly interval: number
  readonly seconds: number
}

export const cluster: Section = {
  name: 'cluster',
  title: 'Ten agents, 10,000 endpoints',
  method: `Ten agents on one machine, each with 1,000 endpoints of 62 KB, every 30 s, and with the pages of all others.`,
  async run(isQuick) {
    const size = isQuick
      ? { agents: 3, endpoints: 50, interval: 5, seconds: 5 }
      : { agents: 10, endpoints: 1000, interval: 30, seconds: 15 }
    const { rss, cpu, restart } = await measure(size)
    const sum = cpu.reduce((all, one) => all + one)
    return {
      rows: [
        {
          what: 'RSS of an agent with 1,000 endpoints of 62 KB, and 9,000 of others, every 30 s',
          budget: '512 MB, as in the stack file',
          isMissed: Math.max(...rss) > 512e6 / 2 ** 20,
          figure: `${spread(rss, 0)} MiB`,
        },
        { what: 'CPU of an agent, scraping and sync', figure: `${spread(cpu, 2)} of a core` },
        {
          what: 'CPU of all ten agents: 333 scrapes per second, each sent to nine peers',
          figure: `${sum.toFixed(2)} of a core`,
        },
        {
          what: 'restart of an agent, until it has all pages of the nine others',
          figure: `${restart.seconds.toFixed(1)} s, ${restart.cpu.toFixed(1)} s of CPU`,
        },
      ],
    }
  },
}

interface Place {
  readonly node: string
  readonly port: number
  readonly env: Record<string, string>
}

async function measure(options: Size) {
  await using stack = new AsyncDisposableStack()
  const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts']))
  const places = await placesOf(options, Number(await targets.firstLine()))
  const running = places.map(({ env }) => stack.use(startAgent(env)))
  const all = options.agents * options.endpoints
  for (const { port } of places) await holds(port, all)
  await pause(5000)
  const cpu = await Promise.all(running.map(({ pid }) => cpuOver(pid, options.seconds * 1000)))
  const rss = running.map(({ pid }) => rssOf(pid))
  return {
    rss,
    cpu: cpu.map((ms) => ms / (options.seconds * 1000)),
    restart: await restart(running[0]!, places[0]!, stack, all - options.endpoints),
  }
}

async function restart(before: Running, place: Place, stack: AsyncDisposableStack, foreign: number) {
  await before[Symbol.asyncDispose]()
  const began = performance.now()
  const again = stack.use(startAgent(place.env))
  await holds(place.port, foreign, place.node)
  return { seconds: (performance.now() - began) / 1000, cpu: cpuOf(again.pid) / 1000 }
}

async function placesOf({ agents, endpoints, interval }: Size, target: number): Promise<Place[]> {
  const ports = await Promise.all(
    Array.from({ length: agents }, async () => [await freePort(), await freePort()]),
  )
  const peers = ports.map(([, ssh]) => `127.0.0.1:${ssh}`).join(' ')
  return ports.map(([port, ssh], n) => ({
    node: `n${n}`,
    port: port!,
    env: {
      SSHPASS: 'only for this benchmark, on loopback',
      SCRAPE_INTERVAL: String(interval),
      MAX_AGE: 'off',
      LOG_LEVEL: 'error',
      NODE_NAME: `n${n}`,
      LISTEN_PORT: String(port),
      SSH_PORT: String(ssh),
      PEERS: peers,
      TARGETS: addressesOf(endpoints, target)
        .map((address, at) => `t${n}x${at}=http://${address}/metrics`)
        .join(' '),
    },
  }))
}

const heldWithinMs = 240_000

/** Until the agent has pages of so many containers; those of `without` don't count. */
async function holds(port: number, count: number, without = ''): Promise<void> {
  const end = performance.now() + heldWithinMs
  while ((await pagesAt(port, without)) < count) {
    if (performance.now() > end)
      throw new Error(`the agents hold ${await pagesAt(port, without)} of ${count}`)
    await pause(100)
  }
}

async function pagesAt(port: number, without: string): Promise<number> {
  const own = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => '',
  )
  const counts = [...own.matchAll(/^app_metrics_proxy_targets\{(.*),state="up"\} (\d+)$/gm)]
  return counts
    .filter(([, labels]) => !labels!.includes(`node_id="${without}"`))
    .reduce((sum, [, , value]) => sum + Number(value), 0)
}
