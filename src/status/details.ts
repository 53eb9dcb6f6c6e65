// One target in full: its labels and addresses, its metrics family by family, and a scrape job for Prometheus.

import type { ShownFamily } from '../exposition/families.ts'
import type { Entry, Page } from '../model.ts'
import type {
  DiscoveredTarget,
  FamilyStatus,
  PageStatus,
  SampleStatus,
  SettingsStatus,
  TargetDetails,
  TargetStatus,
} from './shape.ts'
import { type Outcome, type TargetContext, targetOf, type Unix } from './target.ts'

export type FamiliesOf = (page: Page) => Iterable<ShownFamily>

interface DetailsDeps {
  readonly context: TargetContext
  readonly outcome: Outcome
  readonly discovery: DiscoveredTarget | undefined
  readonly settings: SettingsStatus
  readonly cluster: string
  readonly unix: Unix
  readonly now: number
  readonly families: FamiliesOf
  /** Words of which each must be in a series' name or labels or in its HELP. */
  readonly find: string
}

export function detailsOf(entry: Entry, deps: DetailsDeps): TargetDetails {
  const target = targetOf(entry, deps.context, deps.unix, deps.outcome)
  const { snapshot } = entry
  return {
    time: deps.unix(deps.now),
    target,
    labels: entry.target.labels,
    addresses: entry.target.addresses,
    ...(snapshot?.ok && { page: pageOf(deps.families(snapshot.page), deps.find) }),
    ...(deps.discovery && { discovery: deps.discovery }),
    prometheus: scrapeJob(target, deps.settings, deps.cluster),
  }
}

/** All metrics are searched, but only so many samples are shown. */
const maxSamples = 2000
const maxSamplesPerFamily = 200

export function pageOf(families: Iterable<ShownFamily>, find: string): PageStatus {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean)
  const shown: FamilyStatus[] = []
  let count = 0
  let series = 0
  let remaining = maxSamples
  for (const family of families) {
    const matching = matchingSamples(family, words)
    if (matching.length === 0 && (words.length > 0 || family.samples.length > 0)) continue
    count += 1
    series += matching.length
    if (remaining <= 0) continue
    const samples = matching.slice(0, Math.min(remaining, maxSamplesPerFamily)).map(sampleOf)
    remaining -= Math.max(1, samples.length)
    shown.push({ ...family, series: matching.length, samples })
  }
  const samplesShown = shown.reduce((sum, { samples }) => sum + samples.length, 0)
  return { families: count, series, truncated: samplesShown < series || shown.length < count, shown }
}

function matchingSamples(family: ShownFamily, words: readonly string[]): readonly string[] {
  const metadata = `${family.name} ${family.help}`.toLowerCase()
  const missing = words.filter((word) => !metadata.includes(word))
  if (missing.length === 0) return family.samples
  return family.samples.filter((line) => missing.every((word) => line.toLowerCase().includes(word)))
}

/** `name{labels} value …`; braces and blanks inside quotes separate nothing. */
const samplePattern = /^((?:[^\s{"]|"(?:[^"\\]|\\.)*")*\s*(?:\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?)\s*(.*)$/s

export function sampleOf(line: string): SampleStatus {
  const [, series = line, value = ''] = samplePattern.exec(line) ?? []
  return { series: series.trimEnd(), value }
}

/** JSON strings are valid YAML, so no text of a container can leave its string. */
export function scrapeJob(target: TargetStatus, { advertise }: SettingsStatus, cluster: string): string {
  const { kind, service, name, replica, node, path } = target
  const job = kind === 'compose' ? name : (service ?? name)
  const instance = kind === 'replicated' ? `${job}.${replica}` : `${job}@${node}`
  const text = JSON.stringify
  return `scrape_configs:
  - job_name: ${text(job)}
    metrics_path: ${text(path)}
    static_configs:
      - targets: [${text(advertise)}]
        labels:
          cluster: ${text(cluster)}
          instance: ${text(instance)}
`
}
