// What a metrics page says, read without any of the product's own code, and how two pages differ: the oracle of
// the tests that compare what an agent serves with what the container itself answers.

import { decoded, type JudgedMetric } from '../exposition/protobuf/judge.ts'

export interface Family {
  readonly type?: string
  readonly help?: string
  readonly unit?: string
}

export interface PageContent {
  readonly families: ReadonlyMap<string, Family>
  /** By name and sorted labels, the rest of the line: value, timestamp, exemplar. */
  readonly series: ReadonlyMap<string, string>
}

/** Reads text 0.0.4, text 1.0.0 and OpenMetrics; throws at anything it does not understand. */
export function parsePage(text: string): PageContent {
  const families = new Map<string, Family>()
  const series = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, keyword, name, rest = ''] = /^# (TYPE|HELP|UNIT) (\S+) ?(.*)$/.exec(line) ?? []
    if (name !== undefined) families.set(name, { ...families.get(name), [keyword!.toLowerCase()]: rest })
    else if (line !== '' && !line.startsWith('#')) addSample(series, line)
  }
  return { families, series }
}

/** Reads protobuf with protobufjs. Where a metric is more than a value, its fields are its value. */
export function parseProtobuf(body: Uint8Array): PageContent {
  const families = new Map<string, Family>()
  const series = new Map<string, string>()
  for (const { name = '', type = 'COUNTER', help = '', unit = '', metric = [] } of decoded(body)) {
    families.set(name, { type, help, unit })
    for (const { label = [], ...fields } of metric) {
      const labels = label.map(({ name = '', value = '' }) => [name, value] as const)
      const key = keyOf(name, labels)
      if (series.has(key)) throw new Error(`stands twice: ${key}`)
      series.set(key, printed(fields))
    }
  }
  return { families, series }
}

function printed({ gauge, untyped, timestampMs, ...fields }: JudgedMetric): string {
  const simple = timestampMs === undefined ? (gauge ?? untyped) : undefined
  if (simple) return String(simple.value ?? 0)
  return JSON.stringify({ gauge, untyped, timestampMs, ...fields }, (_, value) =>
    typeof value === 'number' ? String(value) : value,
  )
}

function addSample(series: Map<string, string>, line: string): void {
  const { name, labels, rest } = splitSample(line)
  const key = keyOf(name, labels)
  if (series.has(key)) throw new Error(`stands twice: ${key}`)
  series.set(key, canonicalRest(rest))
}

type Labels = readonly (readonly [string, string])[]

interface Line {
  readonly name: string
  readonly labels: Labels
  readonly rest: string
}

function splitSample(line: string): Line {
  const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0]
  if (name === undefined) throw new Error(`not a sample: ${line}`)
  const labels: [string, string][] = []
  let rest = line.slice(name.length)
  if (!rest.startsWith('{')) return { name, labels, rest }
  rest = rest.slice(1)
  while (!rest.startsWith('}')) {
    const [all, label, value] = /^\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?\s*/.exec(rest) ?? []
    if (all === undefined) throw new Error(`not a label: ${rest} of ${line}`)
    labels.push([label!, unescapeValue(value!)])
    rest = rest.slice(all.length)
  }
  return { name, labels, rest: rest.slice(1) }
}

const unescapeValue = (value: string) =>
  value.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))

/** A label set is the same in any order, and an empty label is none. */
function keyOf(name: string, labels: Labels): string {
  const sorted = labels
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .sort()
  return `${name}{${sorted.join(',')}}`
}

/** Of an exemplar's time Prometheus keeps the milliseconds. */
const exemplarTime = / # (\{.*\} \S+) (\S+)$/

/** A number is the same however it is written. */
function canonicalRest(rest: string): string {
  const inMs = rest.replace(
    exemplarTime,
    (_, exemplar, seconds) => ` # ${exemplar} ${Math.trunc(Number(seconds) * 1000)}`,
  )
  const [value = '', ...others] = inMs.trim().split(' ')
  const number = /^[+-]?inf$/i.test(value) ? Number(value.replace(/inf/i, 'Infinity')) : Number(value)
  if (value === '' || (Number.isNaN(number) && !/^nan$/i.test(value))) throw new Error(`not a value: ${rest}`)
  return [String(number), ...others].join(' ')
}

/** What a replica's page is within its service's: each series with a label more, one of that name set aside. */
export function withLabel(page: PageContent, label: string, value: string): PageContent {
  const series = new Map<string, string>()
  for (const [key, rest] of page.series) {
    const { name, labels } = splitSample(key)
    const aside = labels.map(([of, to]): [string, string] => [of === label ? `exported_${label}` : of, to])
    series.set(keyOf(name, [...aside, [label, value]]), rest)
  }
  return { ...page, series }
}

/** Pages side by side in one. */
export function union(pages: readonly PageContent[]): PageContent {
  return {
    families: new Map(pages.flatMap(({ families }) => [...families])),
    series: new Map(pages.flatMap(({ series }) => [...series])),
  }
}

/** Values that depend on who asks just now, over how many connections, from how many processes. */
const movedByAsking = new RegExp(
  `^(${[
    ...['go', 'process', 'promhttp', 'python_gc', 'nodejs', 'app_metrics_proxy'],
    ...['net_conntrack_listener', 'prometheus_http', 'alertmanager_http'],
    ...['node_filefd', 'node_netstat', 'node_procs', 'node_sockstat'],
  ].join('|')})_`,
)

/** One series for each kind of socket and timer that is open at the moment: a request may add one. */
const comesAndGoes = /^nodejs_active_resources\{/

/**
 * What of a page is not what the container said just before and just after, by its name. What changed by itself in
 * between may be either; all else must be the same: families with type, help and unit, series, values, exemplars.
 */
export function differences(
  page: PageContent,
  before: PageContent,
  after: PageContent,
): ReadonlyMap<string, string> {
  const families = compare(page.families, before.families, after.families, (family) =>
    JSON.stringify([family.type, family.help, family.unit]),
  )
  const print = (rest: string, key: string) => (movedByAsking.test(key) ? '' : rest)
  return new Map([...families, ...compare(page.series, before.series, after.series, print)])
}

function compare<T>(
  page: ReadonlyMap<string, T>,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  print: (value: T, key: string) => string,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const key of page.keys())
    if (!before.has(key) && !after.has(key) && !comesAndGoes.test(key)) found.set(key, 'too much')
  for (const [key, value] of before) {
    const [later, served] = [after.get(key), page.get(key)]
    if (later === undefined) continue
    if (served === undefined) {
      found.set(key, 'missing')
      continue
    }
    const [said, saidLater, shown] = [value, later, served].map((one) => print(one, key))
    if (said === saidLater && shown !== said) found.set(key, `${shown} instead of ${said}`)
  }
  return found
}
