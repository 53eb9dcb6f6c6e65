import { execFile } from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MergeInput, merge } from '../../src/exposition/merge.ts'
import { corpus, exporters } from '../exposition/corpus/corpus.ts'
import { generatePage } from '../exposition/corpus/generate.ts'
import { samplesOf } from '../exposition/corpus/meaning.ts'
import { seeded } from '../exposition/corpus/random.ts'
import { toText } from '../exposition/pages.ts'
import { startAgentProcess } from './parts/agent-process.ts'
import {
  type Declarations,
  declarationsBy,
  hasLost,
  saidInOpenMetrics,
  saidInText,
} from './parts/declared.ts'
import {
  blanksBeforeName,
  earlier,
  readAll,
  refusedBy242,
  type Seen,
  scrapeConfig,
  scrapedAll,
  seenBy,
  serveCorpus,
  verdict,
  type Way,
  watched,
  ways,
} from './parts/exposition.ts'
import { startPrometheus } from './parts/prometheus.ts'
import { isVersion2, releases } from './parts/releases.ts'

const pages = corpus()

/** What a page with this way to Prometheus came to there. */
type Outcome = (page: number) => Seen

/** What each release made of all pages. */
const findings = releases.map((release) => ({
  release,
  outcomes: {} as Record<Way, Outcome>,
  declared: {} as Record<Way, (page: number) => Declarations>,
}))

// All releases at once scrape one corpus and one agent.
const onEnd: (() => void | Promise<void>)[] = []
beforeAll(async () => {
  const served = await serveCorpus(pages)
  onEnd.unshift(served.stop)
  const agent = await startAgentProcess(watched(pages, served.address))
  onEnd.unshift(agent.stop)
  await readAll(pages, agent.url)
  served.change()
  const config = scrapeConfig(pages, served.address, agent.address)
  await Promise.all(findings.map((found) => scrapeAll(config, found)))
})
afterAll(async () => {
  for (const stop of onEnd) await stop()
})

async function scrapeAll(config: string, found: (typeof findings)[number]): Promise<void> {
  const prometheus = await startPrometheus(config, { release: found.release })
  try {
    await scrapedAll(prometheus, ways.length * pages.length)
    for (const way of ways) {
      const seen = await seenBy(prometheus.url, `{way="${way}"}`, 'page')
      found.outcomes[way] = (page) => seen.get(`${page}`)!
      const declared = await declarationsBy(prometheus.url, `{way="${way}"}`, 'page')
      found.declared[way] = (page) => declared.get(`${page}`) ?? new Map()
    }
  } finally {
    await prometheus.stop()
  }
}

describe.each(findings)('what Prometheus $release.version makes of a page', (found) => {
  const { release, outcomes, declared } = found

  const differing = (differs: (page: number) => boolean) =>
    pages.flatMap(({ name, openMetrics }, at) =>
      differs(at) ? [`${name}${openMetrics ? ' (OpenMetrics)' : ''}`] : [],
    )
  const isValid = (page: number) => verdict(pages[page]!).ok
  /** Whether it is valid as it came, without a hint. */
  const isTaken = (page: number) => {
    const found = verdict(pages[page]!)
    return found.ok && !found.normalized
  }
  /** Why the release refuses what is valid for us, as for Prometheus 3; empty if it takes it, too. */
  const whyRefused = (page: number) =>
    (isVersion2(release) && isTaken(page) && refusedBy242(pages[page]!)) || ''

  test('we refuse exactly what it refuses, but for what version 3 takes beyond 2.42', () => {
    expect(
      differing((page) => outcomes.direct(page).up !== (isTaken(page) && whyRefused(page) === '')),
    ).toEqual([])
  })

  test('what it takes from the program it takes through the proxy, and what it refuses is down there too', () => {
    const tooNew = (page: number) => !['', 'names in quotes'].includes(whyRefused(page))
    expect(differing((page) => outcomes.proxy(page).up !== (isValid(page) && !tooNew(page)))).toEqual([])
  })

  test.each(['converted', 'merged'] as const)('it takes all that we write: %s', (way) => {
    const tooNew = (page: number) => way === 'merged' && whyRefused(page) === 'an exemplar of a gauge'
    expect(differing((page) => outcomes[way](page).up !== (isValid(page) && !tooNew(page)))).toEqual([])
  })

  test('the same series and values come through the proxy, also of pages in which it saw other numbers before', () => {
    expect(comparable().length).toBeGreaterThan(300)
    const renewed = pages.filter((page) => Buffer.compare(earlier(page).body, page.body) !== 0)
    expect(renewed.length).toBeGreaterThan(200)
    expect(
      differing((page) => isComparable(page) && !same(outcomes.proxy(page), outcomes.direct(page))),
    ).toEqual([])
  })

  test('the same series and values come in the other format', () => {
    expect(
      differing((page) => isRewritable(page) && !same(outcomes.converted(page), outcomes.direct(page), page)),
    ).toEqual([])
  })

  test('the same series and values come twice from a merge of two', () => {
    const halves = (page: number) => ['1', '2'].map((slot) => half(outcomes.merged(page), slot))
    const expected = (page: number) => half(labelled(outcomes.direct(page)), '1')
    expect(
      differing((page) => isRewritable(page) && !halves(page).every((one) => same(one, expected(page)))),
    ).toEqual([])
  })

  test('it learns the same of each family through the proxy', () => {
    expect(comparable().filter((page) => declared.direct(page).size > 0).length).toBeGreaterThan(100)
    expect(
      differing(
        (page) => isComparable(page) && !isDeepStrictEqual(declared.proxy(page), declared.direct(page)),
      ),
    ).toEqual([])
  })

  test('it learns the same of each family from a merge', () => {
    const differs = (page: number) =>
      hasLost(declared.merged(page), declared.direct(page)) ||
      hasLost(declared.direct(page), declared.merged(page))
    expect(differing((page) => isComparable(page) && !isOdd(page) && differs(page))).toEqual([])
  })

  test('it learns of each family in the other format what that can say', () => {
    const isLost = (page: number) => {
      const { openMetrics } = pages[page]!
      const expected = openMetrics
        ? saidInText(declared.direct(page))
        : saidInOpenMetrics(declared.direct(page))
      return hasLost(declared.converted(page), expected)
    }
    expect(differing((page) => isComparable(page) && !isOdd(page) && isLost(page))).toEqual([])
  })

  /** What Prometheus hears twice it believes the last time; and two families may come to have one name. */
  function isOdd(page: number): boolean {
    const { name, openMetrics, body } = pages[page]!
    const said = body.toString().match(/^#[ \t]+(HELP|TYPE|UNIT)[ \t]+\S+/gm) ?? []
    const isTwice = new Set(said.map((line) => line.replaceAll(/\s+/g, ' '))).size < said.length
    return isTwice || (openMetrics && /"a 1\\n# TYPE a counter|# TYPE a_total gauge/.test(name))
  }

  const isComparable = (page: number) => outcomes.direct(page).up
  const isRewritable = (page: number) => isComparable(page) && refusedBy242(pages[page]!) !== blanksBeforeName
  const comparable = () => pages.map((_, at) => at).filter(isComparable)
  /** Text has no times before 1970, so a sample with one can only be missing. */
  function same(one: Seen, two: Seen, page?: number): boolean {
    const early = page !== undefined && pages[page]!.openMetrics && hasEarly(page)
    const missing = [...two.series].filter(([series, value]) => !Object.is(one.series.get(series), value))
    return early ? missing.length > 0 : missing.length === 0 && one.series.size === two.series.size
  }
  const hasEarly = (page: number) =>
    samplesOf({ format: 'openmetrics/1.0.0', body: pages[page]!.body }).some(
      ({ time }) => time !== undefined && (time < 0 || time >= 2 ** 63),
    )
})

/** The series with `slot="1"`, by the rule of Prometheus for a label that is there already. */
function labelled({ up, series }: Seen): Seen {
  const moved = [...series].map(([key, value]): [string, number] => {
    const labels = new Map(JSON.parse(key) as [string, string][])
    const before = labels.get('slot')
    let name = 'exported_slot'
    while (labels.has(name)) name = `exported_${name}`
    if (before !== undefined) labels.set(name, before)
    labels.set('slot', '1')
    return [JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1))), value]
  })
  return { up, series: new Map(moved) }
}

/** What has this slot, without it. */
function half({ up, series }: Seen, slot: string): Seen {
  const mine = [...series].flatMap(([key, value]): [string, number][] => {
    const labels = JSON.parse(key) as [string, string][]
    const isMine = labels.some(([name, label]) => name === 'slot' && label === slot)
    return isMine ? [[JSON.stringify(labels.filter(([name]) => name !== 'slot')), value]] : []
  })
  return { up, series: new Map(mine) }
}

describe.each(releases)('promtool $version', ({ promtool }) => {
  const real = exporters()
    .filter(({ openMetrics }) => !openMetrics)
    .map(({ name, body }) => [name, body] as const)
  const made = Array.from({ length: 25 }, (_, seed) => {
    const { body } = generatePage(seeded(1000 + seed), false)
    return [`generated with seed ${1000 + seed}`, body] as const
  })

  const declaring = pages.flatMap((page) => {
    const found = verdict(page)
    const isOne = !page.openMetrics && /^line .*TYPE/.test(page.name)
    return isOne && found.ok
      ? [[page.name, { format: found.format, body: found.normalized ?? page.body }] as const]
      : []
  })

  test.concurrent.each(declaring)('finds in a merge no more than in the page: %s', async (_, page) => {
    // 2.42 reads no quotes; without them it finds nothing
    const before = page.format === 'text/0.0.4' ? await complaints(promtool, page.body) : []
    const after = await complaints(promtool, merge(twice(page), toText).body)
    expect(after.length).toBeLessThanOrEqual(before.length)
  })

  test.concurrent.each([...real, ...made])('reads a merge: %s', async (_, body) => {
    expect(await complaints(promtool, merge(twice({ format: 'text/1.0.0', body }), toText).body)).toEqual([])
  })
})

const twice = (page: MergeInput['page']): MergeInput[] =>
  ['1', '2'].map((value) => ({ page, label: { name: 'slot', value } }))

/** What it can't read; its opinions on names, and on counts that generated histograms have, don’t count. */
function complaints(promtool: string, page: Uint8Array): Promise<string[]> {
  return new Promise((resolve) => {
    const child = execFile(promtool, ['check', 'metrics'], (_, __, stderr) =>
      resolve(
        stderr.split('\n').filter((line) => /error while linting(?!.*negative (?:bucket|count))/.test(line)),
      ),
    )
    child.stdin!.end(page)
  })
}
