// One target in full: its labels and addresses, its page as people read it, and the block for Prometheus.

import type { Entry, Page } from '../model.ts'
import { prometheusBlock } from './prometheus-block.ts'
import type { FamilyStatus, PageStatus, SampleStatus, SettingsStatus, TargetDetails } from './shape.ts'
import { type Surroundings, targetOf, type Unix } from './target.ts'

/** A family of a page, as the exposition tells it. */
export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string
  /** The lines as the page has them. */
  readonly samples: readonly string[]
}

export type FamiliesOf = (page: Page) => Iterable<Family>

interface Context {
  readonly around: Surroundings
  readonly settings: SettingsStatus
  readonly cluster: string
  readonly unix: Unix
  readonly now: number
  readonly families: FamiliesOf
  /** Words that a series must hold, each somewhere in its name, its labels or its HELP. */
  readonly find: string
}

export function detailsOf(entry: Entry, context: Context): TargetDetails {
  const target = targetOf(entry, context.around, context.unix)
  const { snapshot } = entry
  return {
    time: context.unix(context.now),
    target,
    labels: entry.target.labels,
    addresses: entry.target.addresses,
    ...(snapshot?.ok && { page: pageOf(context.families(snapshot.page), context.find) }),
    prometheus: prometheusBlock(target, context.settings, context.cluster),
  }
}

/** A page of a million series is searched in full, but shown only so far. */
const mostSamples = 2000
const mostOfFamily = 200

export function pageOf(families: Iterable<Family>, find: string): PageStatus {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean)
  const shown: FamilyStatus[] = []
  let count = 0
  let series = 0
  let room = mostSamples
  for (const family of families) {
    const matching = matchingSamples(family, words)
    if (matching.length === 0 && (words.length > 0 || family.samples.length > 0)) continue
    count += 1
    series += matching.length
    if (room <= 0) continue
    const samples = matching.slice(0, Math.min(room, mostOfFamily)).map(sampleOf)
    room -= Math.max(1, samples.length)
    shown.push({ ...family, series: matching.length, samples })
  }
  const given = shown.reduce((sum, { samples }) => sum + samples.length, 0)
  return { families: count, series, truncated: given < series || shown.length < count, shown }
}

function matchingSamples(family: Family, words: readonly string[]): readonly string[] {
  const about = `${family.name} ${family.help}`.toLowerCase()
  const open = words.filter((word) => !about.includes(word))
  if (open.length === 0) return family.samples
  return family.samples.filter((line) => open.every((word) => line.toLowerCase().includes(word)))
}

/** `name{labels} value …`: braces and blanks inside quotes are no borders. */
const border = /^((?:[^\s{"]|"(?:[^"\\]|\\.)*")*\s*(?:\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?)\s*(.*)$/s

export function sampleOf(line: string): SampleStatus {
  const [, series = line, value = ''] = border.exec(line) ?? []
  return { series: series.trimEnd(), value }
}
