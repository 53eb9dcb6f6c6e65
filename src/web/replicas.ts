// The page of a service: its replicas' pages side by side, told apart by a label, and which of them are up.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import { ProxyError, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Entry, Format, Mono, Page } from '../model.ts'
import { plainPage } from '../model.ts'
import { expired, type Reading } from './freshness.ts'
import type { Kept, Part } from './kept.ts'
import type { Reader } from './reader.ts'

/** What of the formats' engine is used here. */
export interface Merging {
  /** That of all, or the one that changes the least of them. */
  commonFormat(formats: readonly Format[]): Format
  /** A part's label is added to each of its series; an own one of that name becomes `exported_…`. */
  merge(parts: readonly MergePart[], to: Format): Page
  /** What is large is unpacked beside the event loop. */
  ready(page: Page): Page | Promise<Page>
}

export interface MergePart {
  readonly page: Page
  readonly label?: { readonly name: string; readonly value: string }
}

export interface ReplicasDeps {
  readonly clock: Clock
  readonly log: Log
  readonly replicaLabel: string
  readonly merging: Merging
  readonly reader: Reader
  /** Where merged pages are kept. */
  readonly kept: Pick<Kept, 'pageOf'>
}

export interface Slot {
  readonly slot: string
  readonly entry?: Entry
}

/** One slot's page, or why there is none. */
type Outcome = { readonly slot: string } & ({ readonly reading: Reading } | { readonly trouble: Trouble })
type Up = Extract<Outcome, { readonly reading: Reading }>

/** What was read, and the page that can be made of it. */
export interface Readings extends Omit<Reading, 'page'> {
  /** The memory that making the page takes. */
  readonly bytes: number
  makePage(): Page | Promise<Page>
}

/** `again` tells who stands in each slot by then: asked once, where one could not be read. */
export type ReadReplicas = (
  full: string,
  slots: readonly Slot[],
  budget: number,
  again: () => readonly Slot[],
) => Promise<Readings>

export function createReadReplicas({
  clock,
  log,
  replicaLabel,
  merging,
  reader,
  kept,
}: ReplicasDeps): ReadReplicas {
  async function outcomeOf({ slot, entry }: Slot, budget: number): Promise<Outcome> {
    if (!entry) return { slot, trouble: { code: 'stopped', reason: 'no container runs in this slot' } }
    try {
      return { slot, reading: await reader.read(entry, budget) }
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      return { slot, trouble: troubleOf(error) }
    }
  }

  function readAll(slots: readonly Slot[], budget: number): Promise<readonly Outcome[]> {
    return Promise.all(slots.map((slot) => outcomeOf(slot, budget)))
  }

  /** In the place of one that ended while it was asked, another may stand by now. */
  async function readSuccessors(
    before: readonly Slot[],
    outcomes: readonly Outcome[],
    now: readonly Slot[],
    budget: number,
  ): Promise<readonly Outcome[]> {
    const failed = before.filter((_, at) => !isUp(outcomes[at]!))
    const successors = now.filter((next) => failed.some((one) => isSuccessor(next, one)))
    const read = await readAll(successors, budget)
    return outcomes.map((outcome) => read.find(({ slot }) => slot === outcome.slot) ?? outcome)
  }

  async function readyToJoin({ slot, reading }: Up): Promise<Up> {
    return { slot, reading: { ...reading, page: await merging.ready(reading.page) } }
  }

  function join(outcomes: readonly Outcome[], up: readonly Up[]): Page {
    const labelled = up.map(({ slot, reading }) => ({
      page: reading.page,
      label: { name: replicaLabel, value: slot },
    }))
    const format = merging.commonFormat(up.map(({ reading }) => reading.page.format))
    return merging.merge([...labelled, { page: upPage(replicaLabel, outcomes) }], format)
  }

  /** What could not stay as the replicas say it. Not each time: which of many it names first may change. */
  function tellRemarks(service: string, remarks: readonly string[], before: readonly string[] = []): void {
    if (remarks.length > before.length) log.warn({ service, remarks }, 'replicas contradict each other')
  }

  return async (full, slots, budget, again) => {
    const until = clock.now() + budget
    const first = await readAll(slots, budget)
    const left = until - clock.now()
    const read = first.every(isUp) || left <= 0 ? first : await readSuccessors(slots, first, again(), left)
    // what was read first has waited for the others
    const now = clock.now()
    const outcomes = read.map((outcome) => atLast(outcome, now))
    const up = outcomes.filter(isUp)
    if (up.length === 0) throw noneUp(full, outcomes)
    const makePage = () =>
      kept.pageOf(`${full} ${slots.length}`, outcomes.map(partOf), async (before) => {
        const joined = join(outcomes, await Promise.all(up.map(readyToJoin)))
        tellRemarks(full, joined.remarks, before?.remarks)
        return joined
      })
    return { bytes: bytesFor(up), makePage, ...traitsOf(up.map(({ reading }) => reading)) }
  }
}

/** The replicas' metrics, the merged ones while they are made, and those as they are sent: measured. */
function bytesFor(up: readonly Up[]): number {
  return up.reduce((sum, { reading }) => sum + 5 * reading.page.size, 0)
}

function isUp(outcome: Outcome): outcome is Up {
  return 'reading' in outcome
}

function atLast(outcome: Outcome, now: Mono): Outcome {
  const trouble = isUp(outcome) && expired(outcome.reading, now)
  return trouble ? { slot: outcome.slot, trouble } : outcome
}

/** A page is as old as its oldest part. */
function traitsOf(readings: readonly Reading[]): Omit<Reading, 'page'> {
  const at = Math.min(...readings.map((reading) => reading.at))
  const cached = readings.some((reading) => reading.cached)
  const [expires] = readings.flatMap((reading) => reading.expires ?? []).sort((a, b) => a.at - b.at)
  return { at, ...(cached && { cached }), ...(expires && { expires }) }
}

/** Another container, or the same one of a node that has another id by now. */
function isSuccessor(next: Slot, before: Slot): boolean {
  if (next.slot !== before.slot || !next.entry) return false
  const { owner, target } = next.entry
  return target.id !== before.entry?.target.id || owner !== before.entry.owner
}

function partOf(outcome: Outcome): Part {
  return [outcome.slot, isUp(outcome) ? outcome.reading.page : undefined]
}

function upPage(label: string, outcomes: readonly Outcome[]): Page {
  const name = 'app_metrics_proxy_replica_up'
  const samples = outcomes.map(
    (outcome) => `${name}{${label}=${JSON.stringify(outcome.slot)}} ${isUp(outcome) ? 1 : 0}\n`,
  )
  const help = `# HELP ${name} Whether this replica answered.\n# TYPE ${name} gauge\n`
  const body = Buffer.from(help + samples.join(''))
  return plainPage(body, { format: 'text/0.0.4', series: samples.length, remarks: [] })
}

const mostReasons = 10

/** One reason for all is the service's own; else the page fails as a whole, and each slot says why. */
function noneUp(full: string, outcomes: readonly Outcome[]): ProxyError {
  const troubles = outcomes.flatMap((outcome) => (isUp(outcome) ? [] : [outcome]))
  const codes = new Set(troubles.map(({ trouble }) => trouble.code))
  const [only] = codes
  const code = codes.size === 1 && only ? only : codes.size === 0 ? 'stopped' : 'unreachable'
  const reasons = troubles.slice(0, mostReasons).map(({ slot, trouble }) => `${slot}: ${trouble.reason}`)
  return new ProxyError(code, `no replica of "${full}" is up`, {
    isKnown: true,
    ...(reasons.length > 0 && { hint: reasons.join('\n') }),
  })
}
