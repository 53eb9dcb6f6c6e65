// Through every node, a response has the container's own numbers of now, or the reason why not: on a real Swarm, by the
// clocks and counters that the containers' own pages carry.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { scaled } from '../helpers/limits.ts'
import { until } from '../helpers/until.ts'
import { type Prometheus, type Series, startPrometheus } from '../prometheus/parts/prometheus.ts'
import { type Cluster, type Container, startCluster } from './cluster.ts'
import { type Answer, sampleOf } from './harness/ask.ts'
import { appImage, nodeExporterImage } from './harness/images.ts'
import type { Node } from './harness/node.ts'

const many = 44
const staleAfterMs = 8
const onNode = (name: string) => ['--constraint', `node.hostname==${name}`]
const noRestart = ['--restart-condition', 'none']

let cluster: Cluster
let nodes: readonly [Node, Node, Node]

const get = (node: Node, path: string, seconds?: number) => cluster.get(node, path, seconds)
const everywhere = (path: string, seconds?: number) =>
  Promise.all(nodes.map((node) => get(node, path, seconds)))
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)
const becomes = (path: string, status: number) =>
  until(
    `${path} to answer ${status} everywhere`,
    async () => statuses(await everywhere(path)).every((one) => one === status),
    { within: 60_000 },
  )
/** A paused container can't be ended. */
const unpause = async ({ node, id }: Container) => {
  if ((await node.docker('inspect', '--format', '{{.State.Paused}}', id)) === 'true')
    await node.docker('unpause', id)
}
/** Seconds since the container said this. */
const ageOf = ({ text }: Answer) => Date.now() / 1000 - sampleOf(text, 'node_time_seconds')!

/** How far the rate of a clock over one interval is from 1, in the median. */
function jitterOf({ samples }: Series): number {
  const rates = samples
    .slice(1)
    .map(({ at, value }, n) => (value - samples[n]!.value) / (at - samples[n]!.at))
    .map((rate) => Math.abs(rate - 1))
    .sort((a, b) => a - b)
  return rates[rates.length >> 1]!
}

/** For one test: it is gone when that ends. */
const serve: Cluster['run'] = async (name, ...how) => {
  onTestFinished(() => cluster.remove(name))
  await cluster.run(name, ...how)
}

/** A task that answers with what a test writes into it: `sum(what_is)` is known. */
async function runPages(
  name: string,
  replicas: number,
  flags: readonly string[] = [],
  run: Cluster['run'] = serve,
): Promise<void> {
  await run(name, appImage, ['--replicas', `${replicas}`, ...flags], ['app', '8080=page'])
  for (let slot = 1; slot <= replicas; slot += 1) {
    const container = await cluster.containerOf(`${name}.${slot}`)
    await container.exec(`echo 'what_is ${10 ** slot}' > /tmp/page`)
  }
  for (let slot = 1; slot <= replicas; slot += 1) await becomes(`/${name}/${slot}/metrics`, 200)
}

beforeAll(async () => {
  cluster = await startCluster(3, { STALE_AFTER: `${staleAfterMs}` })
  nodes = cluster.nodes as [Node, Node, Node]
  await cluster.run('many', nodeExporterImage, ['--replicas', `${many}`, ...onNode('node2')])
  await cluster.run('exporter', nodeExporterImage, ['--mode', 'global'])
  for (const slot of [1, many]) await becomes(`/many/${slot}/metrics`, 200)
  await becomes('/exporter/metrics', 200)
})
afterAll(() => cluster?.stop())

describe('what is served', () => {
  test(`is of now: ${many} containers on one node, requested through every node`, async () => {
    const ages = await Promise.all(
      nodes.map(async (node) => {
        const seen: number[] = []
        for (let slot = 1; slot <= many; slot += 1) seen.push(ageOf(await get(node, `/many/${slot}/metrics`)))
        return seen.sort((a, b) => a - b)
      }),
    )
    for (const [at, seen] of ages.entries()) {
      const p = (share: number) => seen[Math.min(seen.length - 1, Math.floor(seen.length * share))]!
      console.log(`${nodes[at]!.name}: age p50 ${p(0.5).toFixed(3)} s, p99 ${p(0.99).toFixed(3)} s`)
      // a cache of ten seconds would be five seconds old in the median
      expect(p(0.5)).toBeLessThan(scaled(1))
    }
  })

  test('costs the container one scrape, however many ask through however many nodes', async () => {
    const label = [
      '--container-label',
      'app-metrics-proxy.max-age=30',
      '--container-label',
      'app-metrics-proxy.interval=600',
    ]
    await serve('dear', nodeExporterImage, [...label, ...onNode('node3')])
    await becomes('/dear/1/metrics', 200)
    const scrapes = 'promhttp_metric_handler_requests_total{code="200"}'
    const [first] = await everywhere('/dear/1/metrics')
    const rounds = await Promise.all(Array.from({ length: 10 }, () => everywhere('/dear/1/metrics')))
    const counts = rounds.flat().map(({ text }) => sampleOf(text, scrapes))
    expect(new Set(counts)).toEqual(new Set([sampleOf(first!.text, scrapes)]))
  })
})

describe('a container that', () => {
  test('answers after 8 s is answered live under a deadline of 10 s; who can wait only 4 s gets an error in time', async () => {
    await runPages('slow', 1, onNode('node2'))
    const container = await cluster.containerOf('slow.1')
    await container.exec("sed -i '2a sleep 8; echo what_is $(date +%s) > /tmp/page' /app/page")
    // a scrape that began before the change is shared by those who ask meanwhile
    const isSlow = async () => sampleOf((await get(nodes[0], '/slow/1/metrics')).text, 'what_is')! > 10
    await until('the slow page to be served', isSlow, { within: 60_000 })
    const requestedAt = Math.floor(Date.now() / 1000) - 1
    const answers = await everywhere('/slow/1/metrics', 10)
    expect(statuses(answers)).toEqual([200, 200, 200])
    for (const { text } of answers) expect(sampleOf(text, 'what_is')).toBeGreaterThanOrEqual(requestedAt)
    for (const { status, durationMs } of await everywhere('/slow/1/metrics', 4)) {
      expect(status).toBe(504)
      expect(durationMs).toBeLessThan(scaled(4000))
    }
  })

  test('hangs is a 504 within the deadline, through every node, and delays no other', async () => {
    await runPages('hung', 2, onNode('node2'))
    const container = await cluster.containerOf('hung.1')
    await container.exec("printf '#!/bin/sh\\nexec sleep 3600\\n' > /app/page")
    const answers = await everywhere('/hung/1/metrics', 5)
    expect(statuses(answers)).toEqual([504, 504, 504])
    for (const { durationMs } of answers) expect(durationMs).toBeLessThan(scaled(5000))
    for (const { status, text } of await everywhere('/hung/metrics', 5)) {
      expect(status).toBe(200)
      expect(text).toContain('app_metrics_proxy_replica_up{slot="1"} 0')
      expect(sampleOf(text, 'what_is{slot="2"}')).toBe(100)
    }
  })

  test('is killed, paused or refuses is reported at the first request, through every node', async () => {
    await runPages('doomed', 3, noRestart)
    const [killed, paused, refusing] = await Promise.all(
      [1, 2, 3].map((slot) => cluster.containerOf(`doomed.${slot}`)),
    )
    await killed!.node.docker('kill', killed!.id)
    // 404 as soon as the managers no longer want the slot
    for (const { status } of await everywhere('/doomed/1/metrics')) expect([404, 502]).toContain(status)
    onTestFinished(() => unpause(paused!))
    await paused!.node.docker('pause', paused!.id)
    for (const { status } of await everywhere('/doomed/2/metrics', 3)) expect([502, 504]).toContain(status)
    await refusing!.exec('rm /tmp/page')
    expect(statuses(await everywhere('/doomed/3/metrics'))).toEqual([502, 502, 502])
  })
})

describe('a rolling update', () => {
  /** On SIGTERM it stops listening at once, and takes its time for the rest. */
  const lingers = `
echo "what_is{who=\\"$(hostname)\\"} 1" > /tmp/page
nc -ll -p 8080 -e /app/page & listener=$!
trap 'kill $listener; sleep 8 & wait $!; exit' TERM
while :; do wait; done`

  test('that starts the new ones first shows each slot once, without a gap, and never goes back', async () => {
    const flags = ['--replicas', '3', '--update-order', 'start-first', '--update-monitor', '1s']
    await serve('rolling', appImage, flags, ['sh', '-c', lingers])
    for (const slot of [1, 2, 3]) await becomes(`/rolling/${slot}/metrics`, 200)
    let updating = true
    const wrong: string[] = []
    /** By slot, who has been seen in it, as each node reports. */
    const pasts = nodes.map(() => new Map<string, string[]>())
    const followed = nodes.map(async (node, at) => {
      const past = pasts[at]!
      const upAt = new Map<string, number>()
      let gap = 0
      while (updating) {
        const { status, text } = await get(node, '/rolling/metrics')
        const now = performance.now()
        if (status !== 200) wrong.push(`${node.name}: ${status} ${text}`)
        const shown = [...text.matchAll(/^what_is\{slot="(\d)",who="(\w+)"\}/gm)]
        for (const [, slot = '', who = ''] of shown) {
          gap = Math.max(gap, now - (upAt.get(slot) ?? now))
          upAt.set(slot, now)
          const seen = past.get(slot) ?? []
          past.set(slot, seen)
          if (seen.at(-1) === who) continue
          if (seen.includes(who)) wrong.push(`${node.name}: slot ${slot} went back to ${who}`)
          seen.push(who)
        }
        if (new Set(shown.map(([, slot]) => slot)).size !== shown.length)
          wrong.push(`${node.name}: a slot stands twice`)
        // the old one may end before the new one listens: nothing to show, and an error
        const down = text.match(/^app_metrics_proxy_replica_up\{slot="\d"\} 0$/gm) ?? []
        if (shown.length + down.length !== 3) wrong.push(`${node.name}: ${shown.length} slots are shown`)
      }
      console.log(`${node.name}: no slot was without numbers for longer than ${Math.round(gap)} ms`)
      return gap
    })
    try {
      await cluster.manager.docker(
        'service',
        'update',
        '--detach',
        '--no-resolve-image',
        '--force',
        'rolling',
      )
      await until(
        'each node to show only new ones',
        () => pasts.every((past) => past.size === 3 && [...past.values()].every((seen) => seen.length > 1)),
        { within: 90_000 },
      )
    } finally {
      updating = false
    }
    // an old one that is waited for until it has ended would be a gap of eight seconds
    expect(Math.max(...(await Promise.all(followed)))).toBeLessThan(scaled(4000))
    expect(wrong).toEqual([])
    for (const past of pasts) expect([...past.values()].map((seen) => seen.length)).toEqual([2, 2, 2])
  })
})

describe('with the real Prometheus', () => {
  let prometheus: Prometheus
  /** What is to befall which replica of a service. */
  const fates = { killed: 1, hung: 2, paused: 3 }
  beforeAll(async () => {
    const published = ['--publish', 'mode=host,target=9100,published=9100']
    await Promise.all([
      runPages('known', 4, [], cluster.run),
      cluster.run('beside', nodeExporterImage, [...onNode('node2'), ...published]),
    ])
    await becomes('/beside/1/metrics', 200)
    const through = nodes.map(
      ({ name, address }) => `
  - job_name: through-${name}
    metrics_path: /beside/1/metrics
    static_configs: [{ targets: ['${address}:2137'] }]
  - job_name: cut-off-${name}
    metrics_path: /exporter/node3/metrics
    static_configs: [{ targets: ['${address}:2137'] }]${Object.entries(fates)
      .map(
        ([fate, slot]) => `
  - job_name: ${fate}-${name}
    metrics_path: /fated/${slot}/metrics
    static_configs: [{ targets: ['${address}:2137'] }]`,
      )
      .join('')}`,
    )
    const all = nodes.map(({ address }) => `'${address}:2137'`).join(', ')
    prometheus = await startPrometheus(`
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:${through.join('')}
  - job_name: directly
    static_configs: [{ targets: ['${nodes[1].address}:9100'] }]
  - job_name: everywhere
    metrics_path: /known/metrics
    params: { scope: [node] }
    static_configs: [{ targets: [${all}] }]
  - job_name: anywhere
    metrics_path: /known/metrics
    static_configs: [{ targets: ['${nodes[0].address}:2137'] }]
`)
  })
  afterAll(() => prometheus?.stop())

  test.each(['everywhere', 'anywhere'])('the sum over a service is the truth, requested %s', async (job) => {
    await until('the sum', async () => {
      const [sum] = await prometheus.query(`sum(what_is{job="${job}"})`)
      if (sum?.value !== 11_110) throw new Error(`now ${sum?.value}`)
      return true
    })
    const counts = await prometheus.query(`count by (slot) (what_is{job="${job}"})`)
    expect(counts.map(({ labels, value }) => `${labels.slot} ${value}`).sort()).toEqual([
      '1 1',
      '2 1',
      '3 1',
      '4 1',
    ])
  })

  /** The samples of `up` after a moment, of one job a node. */
  const upAfter = async (job: string, moment: number) => {
    const series = await prometheus.samples(`up{job=~"${job}-.*"}[60s]`)
    return series.map(({ samples }) => samples.filter(({ at }) => at > moment).map(({ value }) => value))
  }
  /** The same, once there are so many through each node. */
  const upOf = (job: string, moment: number, count: number) =>
    until(`${count} scrapes of ${job} through each node`, async () => {
      const after = await upAfter(job, moment)
      return (
        after.length === nodes.length &&
        after.every(({ length }) => length >= count) &&
        after.map((values) => values.slice(0, count))
      )
    })

  test('up is 0 from the first scrape after a container was killed, hangs or is paused, through every node', async () => {
    const since = Date.now() / 1000
    await runPages('fated', 3, [...onNode('node3'), ...noRestart])
    const [killed, hung, paused] = await Promise.all(
      Object.values(fates).map((slot) => cluster.containerOf(`fated.${slot}`)),
    )
    for (const fate of Object.keys(fates))
      await until(
        `${fate} to have been up`,
        async () => {
          const seen = await upAfter(fate, since)
          if (seen.length === nodes.length && seen.every((values) => values.includes(1))) return true
          const { active } = await prometheus.targets()
          throw new Error(active.map(({ scrapeUrl, lastError }) => `${scrapeUrl} ${lastError}`).join('\n'))
        },
        { within: 60_000, every: 200 },
      )
    onTestFinished(() => unpause(paused!))
    const befall = {
      killed: () => killed!.node.docker('kill', killed!.id),
      hung: () => hung!.exec("printf '#!/bin/sh\\nexec sleep 3600\\n' > /app/page"),
      paused: () => paused!.node.docker('pause', paused!.id),
    }
    for (const [fate, happens] of Object.entries(befall)) {
      await happens()
      // what was read a moment ago is of now, as far as MAX_AGE
      const moment = Date.now() / 1000 + 0.1
      expect([fate, await upOf(fate, moment, 3)]).toEqual([fate, nodes.map(() => [0, 0, 0])])
    }
  })

  test('a rate has no more jitter than directly, but for MAX_AGE', async () => {
    const all = await until(
      'enough samples',
      async () => {
        const series = await prometheus.samples('node_time_seconds{job=~"through-.*|directly"}[40s]')
        return series.length === 4 && series.every(({ samples }) => samples.length >= 15) && series
      },
      { within: 90_000 },
    )
    const jitter = new Map(all.map((series) => [series.labels.job, jitterOf(series)]))
    for (const [job, off] of jitter) {
      console.log(`${job}: a rate over one second is off by ${off.toFixed(3)} in the median`)
      // one MAX_AGE more at one end and less at the other
      expect(off).toBeLessThan(jitter.get('directly')! + 0.2)
    }
  })

  test('a node that is cut off is stood in for by the cache, with its age, no longer than STALE_AFTER', async () => {
    const [one, two, three] = nodes
    const path = '/exporter/node3/metrics'
    await becomes(path, 200)
    onTestFinished(() => three.heal())
    await three.cut()
    const cut = Date.now() / 1000
    let stoodIn = 0
    const givesUp = (node: Node) =>
      until(
        `${node.name} to give up`,
        async () => {
          const answer = await get(node, path)
          if (answer.status !== 200)
            return (
              answer.status === 502 &&
              /of node3, .* cannot be reached: the link to it was lost \d+ s ago/.test(answer.text)
            )
          const said = sampleOf(answer.text, 'node_time_seconds')!
          if (answer.headers.has('age')) stoodIn += 1
          else expect(said).toBeLessThan(cut + scaled(1))
          expect(Date.now() / 1000 - said).toBeLessThan(staleAfterMs + scaled(2))
          return false
        },
        { within: 40_000, every: 100 },
      )
    await Promise.all([one, two].map(givesUp))
    expect(stoodIn).toBeGreaterThan(0)
    // through the other nodes up is 1 as long as the cache may stand in, and 0 from the first scrape after that
    expect(await upOf('cut-off', cut + staleAfterMs, 2)).toEqual(nodes.map(() => [0, 0]))
    const through = await upAfter('cut-off', cut)
    const stoodFor = through.map((values) => values.filter((value) => value === 1).length)
    console.log(`up stayed 1 for ${stoodFor.join(', ')} scrapes through the three nodes`)
    expect(Math.min(...stoodFor.slice(0, 2))).toBeGreaterThan(1)
    expect(stoodFor[2]).toBe(0)
    await three.heal()
    await becomes(path, 200)
    expect(ageOf(await get(one, path))).toBeLessThan(staleAfterMs)
  })
})
