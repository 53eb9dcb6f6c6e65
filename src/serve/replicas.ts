// The page of a service: its replicas' pages side by side, told apart by a label, and which of them are up.

import type { Trouble } from '../errors.ts'
import { ProxyError, troubleOf } from '../errors.ts'
import type { Entry, Format, Page } from '../model.ts'
import type { Reading } from './freshness.ts'
import type { Reader } from './reader.ts'

/** What of the formats' engine is used here. */
export interface Merging {
  /** A part's label is added to each of its series; an own one of that name becomes `exported_…`. */
  merge(parts: readonly MergePart[], to: Format): Page
}

export interface MergePart {
  readonly page: Page
  readonly label?: { readonly name: string; readonly value: string }
}

export interface ReplicasDeps {
  readonly replicaLabel: string
  readonly merging: Merging
  readonly reader: Reader
}

export interface Slot {
  readonly slot: string
  readonly entry?: Entry
}

/** One slot's page, or why there is none. */
type Outcome = { readonly slot: string } & ({ readonly reading: Reading } | { readonly trouble: Trouble })
type Up = Extract<Outcome, { readonly reading: Reading }>

export type ReadReplicas = (full: string, slots: readonly Slot[], budget: number) => Promise<Reading>

export function createReadReplicas({ replicaLabel, merging, reader }: ReplicasDeps): ReadReplicas {
  const joined = new WeakMap<Page, Joined[]>()

  async function outcomeOf({ slot, entry }: Slot, budget: number): Promise<Outcome> {
    if (!entry) return { slot, trouble: { code: 'stopped', reason: 'no container runs in this slot' } }
    try {
      return { slot, reading: await reader.read(entry, budget) }
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      return { slot, trouble: troubleOf(error) }
    }
  }

  /** Made once for the same parts, and kept as long as the first of them. */
  function join(outcomes: readonly Outcome[], up: readonly Up[]): Page {
    const first = up[0]!.reading.page
    const kept = joined.get(first) ?? []
    joined.set(first, kept)
    const before = kept.find(({ parts }) => sameParts(parts, outcomes))
    if (before) return before.page
    const format = commonFormat(up.map(({ reading }) => reading.page.format))
    const labelled = up.map(({ slot, reading }) => ({
      page: reading.page,
      label: { name: replicaLabel, value: slot },
    }))
    const page = merging.merge([...labelled, { page: upPage(replicaLabel, outcomes) }], format)
    kept.push({ parts: outcomes.map(partOf), page })
    return page
  }

  return async (full, slots, budget) => {
    const outcomes = await Promise.all(slots.map((slot) => outcomeOf(slot, budget)))
    const up = outcomes.filter((outcome): outcome is Up => 'reading' in outcome)
    if (up.length === 0) throw noneUp(full, outcomes)
    const age = Math.max(...up.map(({ reading }) => reading.age))
    const cached = up.some(({ reading }) => reading.cached)
    return { page: join(outcomes, up), age, ...(cached && { cached }) }
  }
}

/** A merged page and what it was made from. */
interface Joined {
  readonly parts: readonly Part[]
  readonly page: Page
}

type Part = readonly [slot: string, page: Page | undefined]

function partOf(outcome: Outcome): Part {
  return [outcome.slot, 'reading' in outcome ? outcome.reading.page : undefined]
}

function sameParts(parts: readonly Part[], outcomes: readonly Outcome[]): boolean {
  return (
    parts.length === outcomes.length &&
    outcomes.map(partOf).every(([slot, page], at) => slot === parts[at]?.[0] && page === parts[at]?.[1])
  )
}

/** The replicas' own format, if they agree: merging then changes no more than it must. */
function commonFormat(formats: readonly Format[]): Format {
  const [first, ...others] = new Set(formats)
  return first && others.length === 0 ? first : 'text/0.0.4'
}

function upPage(label: string, outcomes: readonly Outcome[]): Page {
  const name = 'app_metrics_proxy_replica_up'
  const samples = outcomes.map(
    (outcome) => `${name}{${label}=${JSON.stringify(outcome.slot)}} ${'reading' in outcome ? 1 : 0}\n`,
  )
  const help = `# HELP ${name} Whether this replica answered.\n# TYPE ${name} gauge\n`
  const body = Buffer.from(help + samples.join(''))
  return { format: 'text/0.0.4', body, size: body.length, series: samples.length, remarks: [] }
}

const mostReasons = 10

/** One reason for all is the service's own; else the page fails as a whole, and each slot says why. */
function noneUp(full: string, outcomes: readonly Outcome[]): ProxyError {
  const troubles = outcomes.flatMap((outcome) => ('trouble' in outcome ? [outcome] : []))
  const codes = new Set(troubles.map(({ trouble }) => trouble.code))
  const [only] = codes
  const code = codes.size === 1 && only ? only : codes.size === 0 ? 'stopped' : 'unreachable'
  const reasons = troubles.slice(0, mostReasons).map(({ slot, trouble }) => `${slot}: ${trouble.reason}`)
  return new ProxyError(
    code,
    `no replica of "${full}" is up`,
    reasons.length > 0 ? { mend: reasons.join('\n') } : {},
  )
}
