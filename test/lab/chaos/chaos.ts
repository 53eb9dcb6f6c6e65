// A cluster with faults: random events, each answer judged by what the container itself said, and at the end,
// when all is well again, whether every agent knows it.

import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../helpers/until.ts'
import { type Cluster, startCluster } from '../cluster.ts'
import { appImage } from '../harness/images.ts'
import type { Node } from '../harness/node.ts'
import { chooseEvent, service } from './events.ts'
import { createHosts } from './hosts.ts'
import { agesIn, createJudge, type Judge } from './judge.ts'
import { randomOf } from './random.ts'

export interface ChaosOptions {
  readonly minutes: number
  readonly seed: number
  readonly log: (line: string) => void
}

export interface ChaosResult {
  readonly events: number
  readonly requests: number
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>
  /** How old the numbers in the answers were, in seconds, youngest first; those with an age apart. */
  readonly ages: Readonly<Record<'live' | 'cached', readonly number[]>>
  readonly wrong: readonly string[]
}

const staleAfterMs = 10

export async function runChaos({ minutes, seed, log }: ChaosOptions): Promise<ChaosResult> {
  const cluster = await startCluster(3, { STALE_AFTER: `${staleAfterMs}` })
  try {
    await cluster.run(
      service,
      appImage,
      ['--replicas', '3', '--restart-delay', '1s'],
      ['app', '8080=metrics'],
    )
    await everyReplicaIsShown(cluster)
    const random = randomOf(seed)
    const watch = startWatch(cluster, log)
    const end = performance.now() + minutes * 60_000
    let events = 0
    while (performance.now() < end) {
      const event = chooseEvent(cluster, random)
      log(event.what)
      await event.run()
      events += 1
      await pause(random.whole(0, 8) * 1000)
    }
    log('let it settle')
    await cluster.everyAgentIsReady()
    await everyReplicaIsShown(cluster)
    return { events, ...(await watch.stop()) }
  } finally {
    await cluster.stop()
  }
}

/** All that Swarm wants of the service is up, by the word of every agent. */
async function everyReplicaIsShown(cluster: Cluster): Promise<void> {
  await until(
    'every agent to show every replica',
    async () => {
      const replicas = await cluster.manager.docker(
        'service',
        'inspect',
        '--format',
        '{{.Spec.Mode.Replicated.Replicas}}',
        service,
      )
      const answers = await Promise.all(cluster.nodes.map((node) => cluster.get(node, `/${service}/metrics`)))
      return answers.every(({ text }) => {
        const ups = [...text.matchAll(/^app_metrics_proxy_replica_up\{slot="\d+"\} (\d)/gm)]
        return ups.length === Number(replicas) && ups.every(([, up]) => up === '1')
      })
    },
    { within: 180_000, every: 300 },
  )
}

interface Watch {
  stop(): Promise<Omit<ChaosResult, 'events'>>
}

/** Asks every agent again and again. An agent that isn't there is no wrong answer. */
function startWatch(cluster: Cluster, log: (line: string) => void): Watch {
  const hosts = createHosts(cluster.nodes, service)
  const statuses: Record<string, number> = {}
  const ages: Record<'live' | 'cached', number[]> = { live: [], cached: [] }
  const wrong: string[] = []
  let requests = 0
  let stopping = false

  async function askOne(node: Node, judge: Judge): Promise<void> {
    const began = Date.now() / 1000
    const answer = await cluster.get(node, `/${service}/metrics`, 3).catch(() => undefined)
    if (!answer) return
    const answered = Date.now() / 1000
    requests += 1
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
    ages[answer.headers.has('age') ? 'cached' : 'live'].push(...agesIn(answer.text, answered))
    await hosts.learn(answer.text)
    for (const complaint of judge(answer, { requestedAt: began, answered, staleAfterMs, ...hosts })) {
      const line = `${node.name}: ${complaint}`
      log(`WRONG ${line}`)
      wrong.push(line)
    }
  }

  const watching = cluster.nodes.map(async (node) => {
    const judge = createJudge()
    while (!stopping) {
      await askOne(node, judge)
      await pause(150)
    }
  })
  return {
    async stop() {
      stopping = true
      await Promise.all(watching)
      for (const all of [ages.live, ages.cached]) all.sort((a, b) => a - b)
      return { requests, statuses, ages, wrong }
    },
  }
}
