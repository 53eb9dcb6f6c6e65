// Protobuf in Prometheus 3 with native histograms enabled: what it accepts and refuses, what it stores of it directly, and of
// the same metrics as a merge writes them.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contentTypeOf } from '../../src/exposition/formats.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { merge } from '../../src/exposition/merge.ts'
import { damaged } from '../../tools/fuzz/damage.ts'
import { corpus } from '../exposition/corpus/corpus.ts'
import { seriesOf } from '../exposition/corpus/meaning.ts'
import { mutated } from '../exposition/corpus/mutate.ts'
import { seeded } from '../exposition/corpus/random.ts'
import { toOpenMetrics, toProtobuf } from '../exposition/pages.ts'
import { generateFamilies } from '../exposition/protobuf/generate.ts'
import { decoded, encoded, isNative } from '../exposition/protobuf/judge.ts'
import { scrapedAll, verdict } from './parts/exposition.ts'
import { type Prometheus, startPrometheus } from './parts/prometheus.ts'
import { isVersion2, releases } from './parts/releases.ts'

const limits = { maxSeries: 100_000, maxLineBytes: 1_000_000 }
const inspected = (body: Uint8Array) => inspect(body, contentTypeOf('protobuf'), limits)
const relabelled = (body: Uint8Array) =>
  merge([{ page: { format: 'protobuf', body }, label: { name: 'quite_new', value: '1' } }], toProtobuf).body

const random = seeded(19)
const valid = Array.from({ length: 150 }, () => encoded(generateFamilies(random)))
const broken = Array.from({ length: 400 }, () => {
  const body = encoded(generateFamilies(random))
  return random.chance(0.5) ? damaged(body, random).bytes : mutated(body, random)
})
/** A native histogram whose buckets aren't those of its spans ends Prometheus before 3.12. */
const isDeadly = (body: Uint8Array) => {
  const found = inspected(body)
  return !found.ok && found.reason.startsWith('spans for')
}
const bodies = [...valid, ...broken].filter((body) => !isDeadly(body))
/** Pages of text of which protobuf can express all, each with what a merge makes of it in both formats. */
const texts = corpus().flatMap((page) => {
  const found = verdict(page)
  if (!found.ok || found.normalized) return []
  const text = { format: found.format, body: page.body }
  const { body: protobuf, remarks } = merge([{ page: text }], toProtobuf)
  return remarks.length > 0 ? [] : [{ text: merge([{ page: text }], toOpenMetrics).body, protobuf }]
})

type Way = 'direct' | 'merged' | 'text' | 'protobuf'

function answerOf(way: Way, at: number): { readonly type: string; readonly body: Uint8Array } {
  const type = contentTypeOf('protobuf')
  switch (way) {
    case 'direct':
      return { type, body: bodies[at]! }
    case 'merged':
      return { type, body: inspected(bodies[at]!).ok ? relabelled(bodies[at]!) : new Uint8Array() }
    case 'text':
      return { type: contentTypeOf('openmetrics/1.0.0'), body: texts[at]!.text }
    case 'protobuf':
      return { type, body: texts[at]!.protobuf }
  }
}

const targets = (['direct', 'merged', 'text', 'protobuf'] as const).flatMap((way) =>
  (way === 'direct' || way === 'merged' ? bodies : texts).map((_, at) => ({ way, at })),
)
const release = releases.find((one) => !isVersion2(one))!

let prometheus: Prometheus
const onEnd: (() => unknown)[] = []
beforeAll(async () => {
  const server = createServer((request, response) => {
    const [, way, at] = request.url!.split('/')
    const { type, body } = answerOf(way as Way, Number(at))
    response.writeHead(200, { 'content-type': type }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onEnd.unshift(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = {
    global: { scrape_interval: '15s', scrape_timeout: '15s' },
    scrape_configs: [
      {
        job_name: 'corpus',
        honor_timestamps: false,
        always_scrape_classic_histograms: true,
        static_configs: targets.map(({ way, at }) => ({
          targets: [address],
          labels: { __metrics_path__: `/${way}/${at}`, way, at: `${at}` },
        })),
      },
    ],
  }
  prometheus = await startPrometheus(JSON.stringify(config), { release, features: 'native-histograms' })
  onEnd.unshift(prometheus.stop)
  await scrapedAll(prometheus, targets.length)
})
afterAll(async () => {
  for (const stop of onEnd) await stop()
})

interface Stored {
  up: boolean
  /** Values and native histograms by series. */
  readonly series: Map<string, string>
}

const ownLabels = new Set(['job', 'instance', 'way', 'at', 'quite_new'])

async function storedBy(way: Way): Promise<ReadonlyMap<number, Stored>> {
  const query = encodeURIComponent(`{way="${way}"}`)
  const response = await fetch(`${prometheus.url}/api/v1/query?query=${query}`)
  const { data } = (await response.json()) as {
    data: {
      result: { metric: Record<string, string>; value?: [number, string]; histogram?: [number, unknown] }[]
    }
  }
  const stored = new Map<number, Stored>()
  for (const { metric, value, histogram } of data.result) {
    const at = Number(metric.at)
    const entry = stored.get(at) ?? { up: false, series: new Map() }
    stored.set(at, entry)
    const { __name__: name = '' } = metric
    if (name === 'up') entry.up = value![1] === '1'
    else if (!name.startsWith('scrape_')) {
      // the series of an incomplete histogram are untyped in protobuf, and their bounds as they were
      const series = seriesOf(Object.entries(metric).filter(([label]) => !ownLabels.has(label)))
      entry.series.set(series, JSON.stringify(histogram?.[1] ?? value![1]))
    }
  }
  return stored
}

describe(`Prometheus ${release.version}`, () => {
  test('accepts and refuses what we do, but where we are known to differ', async () => {
    const stored = await storedBy('direct')
    const errors = await errorsOf('direct')
    const differing = bodies.flatMap((body, at) => {
      const found = inspected(body)
      const isAlike = found.ok === stored.get(at)!.up
      return isAlike || isKnown(found, errors.get(at)!)
        ? []
        : [{ at, found, error: errors.get(at), body: body.toString('base64') }]
    })
    expect(differing).toEqual([])
    const up = bodies.filter((_, at) => stored.get(at)!.up)
    expect(up.length).toBeGreaterThan(valid.length)
    expect(bodies.length - up.length).toBeGreaterThan(100)
  })

  test('stores the same of a merge, native histograms among it', async () => {
    const [direct, merged] = [await storedBy('direct'), await storedBy('merged')]
    let histograms = 0
    for (const [at, body] of bodies.entries()) {
      if (!direct.get(at)!.up || !inspected(body).ok || isMixed(body)) continue
      expect(differences(direct.get(at)!, merged.get(at)!)).toEqual([])
      histograms += [...direct.get(at)!.series.values()].filter((value) => value.startsWith('{')).length
    }
    expect(histograms).toBeGreaterThan(100)
  })

  test('stores the same of text that is converted to protobuf', async () => {
    const [text, protobuf] = [await storedBy('text'), await storedBy('protobuf')]
    const differing = texts.flatMap(({ text: body }, at) => {
      const found = differences(text.get(at)!, protobuf.get(at)!)
      return found.length === 0 ? [] : [{ at, text: body.toString(), found }]
    })
    expect(differing).toEqual([])
  })
})

/** What one of two has and the other has not. */
function differences(one: Stored, other: Stored): readonly unknown[] {
  const names = new Set([...one.series.keys(), ...other.series.keys()])
  const found = [...names].map((name) => [name, one.series.get(name), other.series.get(name)])
  return [...(one.up === other.up ? [] : ['up']), ...found.filter(([, a, b]) => a !== b)]
}

async function errorsOf(way: Way): Promise<ReadonlyMap<number, string>> {
  const { active } = await prometheus.targets()
  const own = active.filter(({ labels }) => labels.way === way)
  return new Map(own.map(({ labels, lastError }) => [Number(labels.at), lastError]))
}

/** Whether a family has native histograms beside classic ones in one message, which 3.5 doesn't distinguish. */
const isMixed = (body: Uint8Array) =>
  decoded(body).some(
    ({ type, metric = [] }) =>
      type?.endsWith('HISTOGRAM') && metric.some(isNative) && !metric.every(isNative),
  )

/** What docs/EXPOSITION.md says of protobuf. */
const stricter =
  /NUL|overlap|exemplar|64 bits|the label \S+ occurs twice|schema|label's name is empty|wire type|group/
const lenient = /unit ".*" not a suffix/

function isKnown(found: ReturnType<typeof inspected>, error: string): boolean {
  return found.ok ? lenient.test(error) : stricter.test(found.reason)
}
