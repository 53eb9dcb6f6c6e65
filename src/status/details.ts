// What only the details of a target have: its metrics family by family, and a scrape job for Prometheus.

import type { ShownFamily, ShownMetrics } from '../exposition/families.ts'
import type { ConfigStatus, FamilyStatus, MetricsStatus, SampleStatus, TargetStatus } from './shape.ts'

/** All metrics are searched, but only so many samples and buckets are shown. */
const maxLines = 2000
const maxLinesPerFamily = 200

type SeriesOf = Pick<ShownFamily, 'histograms' | 'samples'>

/** The series that have each word of `find` in their name or labels or in the HELP; in steps of some milliseconds. */
export function* metricsStatusOf(
  { families, remarks }: ShownMetrics,
  find: string,
): Generator<void, MetricsStatus> {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean)
  const shown: FamilyStatus[] = []
  let count = 0
  let series = 0
  let remaining = maxLines
  for (const family of families) {
    const matching = yield* matchingOf(family, words)
    const size = sizeOf(matching)
    if (size === 0 && (words.length > 0 || sizeOf(family) > 0)) continue
    count += 1
    series += size
    if (remaining <= 0) continue
    const first = firstOf(matching, Math.min(remaining, maxLinesPerFamily))
    remaining -= Math.max(1, linesOf(first))
    shown.push(familyOf(family, first, size))
  }
  const seriesShown = shown.reduce((sum, family) => sum + family.series - family.omitted, 0)
  return { families: count, series, truncated: seriesShown < series || shown.length < count, shown, remarks }
}

const samplesPerStep = 5000

function* matchingOf(family: ShownFamily, words: readonly string[]): Generator<void, SeriesOf> {
  const metadata = `${family.name} ${family.help}`.toLowerCase()
  const missing = words.filter((word) => !metadata.includes(word))
  if (missing.length === 0) return family
  const matches = (text: string) => missing.every((word) => text.toLowerCase().includes(word))
  const samples: string[] = []
  for (let at = 0; at < family.samples.length; at += samplesPerStep) {
    for (const sample of family.samples.slice(at, at + samplesPerStep))
      if (matches(sample)) samples.push(sample)
    yield
  }
  return { histograms: family.histograms.filter(({ text }) => matches(text)), samples }
}

/** In series. */
function sizeOf({ histograms, samples }: SeriesOf): number {
  return histograms.reduce((sum, { size }) => sum + size, samples.length)
}

function linesOf({ histograms, samples }: SeriesOf): number {
  return histograms.reduce((sum, { buckets }) => sum + 1 + buckets.length, samples.length)
}

/** No histogram is cut: the last one may be beyond the limit. */
function firstOf({ histograms, samples }: SeriesOf, limit: number): SeriesOf {
  let remaining = limit
  const first = histograms.filter(({ buckets }) => {
    const fits = remaining > 0
    remaining -= 1 + buckets.length
    return fits
  })
  return { histograms: first, samples: samples.slice(0, Math.max(0, remaining)) }
}

function familyOf({ name, type, help, unit }: ShownFamily, first: SeriesOf, series: number): FamilyStatus {
  return {
    ...{ name, type, help, unit, series, omitted: series - sizeOf(first) },
    histograms: first.histograms.map(({ size: _, text: __, ...histogram }) => histogram),
    samples: first.samples.map(sampleOf),
  }
}

/** `name{labels} value …`; braces and blanks inside quotes separate nothing. */
const samplePattern = /^((?:[^\s{"]|"(?:[^"\\]|\\.)*")*\s*(?:\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?)\s*(.*)$/s

export function sampleOf(line: string): SampleStatus {
  const [, series = line, value = ''] = samplePattern.exec(line) ?? []
  return { series: series.trimEnd(), value }
}

/** JSON strings are valid YAML, so no text of a container can leave its string. */
export function scrapeJob(target: TargetStatus, { advertise }: ConfigStatus, cluster: string): string {
  const { job, instance, endpointNumber } = target
  const [path] = target.path.split('?')
  const params = endpointNumber === undefined ? '' : `\n    params: { endpoint: ["${endpointNumber}"] }`
  const text = JSON.stringify
  return `scrape_configs:
  - job_name: ${text(job)}
    metrics_path: ${text(path)}${params}
    static_configs:
      - targets: [${text(advertise)}]
        labels:
          cluster: ${text(cluster)}
          instance: ${text(instance)}
`
}
