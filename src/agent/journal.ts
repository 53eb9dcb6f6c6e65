// What the log tells of this node's containers: each change for better or worse once, with its cause and what
// to do. A container that goes up and down is told of once in a while, not each time.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import { agentTarget, type Change, type Entry, type Mono, type NodeId } from '../model.ts'

export interface JournalOptions {
  readonly clock: Clock
  readonly log: Log
  /** Other nodes' agents tell of their own. */
  readonly own: () => NodeId
}

type Condition =
  | { readonly kind: 'well'; readonly url: string }
  | { readonly kind: 'failing'; readonly trouble: Trouble }
  | { readonly kind: 'without'; readonly trouble: Trouble }
  | { readonly kind: 'ended' }

interface Page {
  condition: Condition
  /** When a failure was last told, and how many were passed over since. */
  failedAt?: Mono
  passedOver: number
}

/** The same container's failures are told no more often. */
const quiet = 600_000

/** To be told of every change of the store. */
export function createJournal({ clock, log, own }: JournalOptions): (change: Change) => void {
  const pages = new Map<string, Page>()

  function note(entry: Entry): void {
    const condition = conditionOf(entry)
    const page = pages.get(entry.target.id)
    if (!condition || (page && isSame(page.condition, condition))) return
    const next: Page = { passedOver: 0, ...page, condition }
    pages.set(entry.target.id, next)
    tell(entry, condition, page?.condition, next)
  }

  function tell(entry: Entry, condition: Condition, before: Condition | undefined, page: Page): void {
    const { name, id } = entry.target
    const who = { name, id: id.slice(0, 12) }
    if (condition.kind === 'failing') failed(who, condition.trouble, page)
    else if (condition.kind === 'without') without(who, condition.trouble)
    else if (condition.kind === 'ended') ended(who, entry)
    else if (before?.kind === 'failing' || before?.kind === 'ended') recovered(who, page)
    else log.info({ ...who, url: condition.url, why: entry.endpoint?.why }, 'found metrics')
  }

  function without(who: object, trouble: Trouble): void {
    log[levels[trouble.code] ?? 'warn']({ ...who, ...told(trouble) }, 'no metrics')
  }

  /** Of one without metrics nobody misses any. */
  function ended(who: object, { endpoint, ended }: Entry): void {
    if (endpoint) log.info({ ...who, exitCode: ended?.exitCode }, 'container ended')
  }

  function failed(who: object, trouble: Trouble, page: Page): void {
    if (page.failedAt !== undefined && clock.now() - page.failedAt < quiet) {
      page.passedOver += 1
      return
    }
    const since = page.passedOver > 0 ? { failedSince: page.passedOver } : {}
    log.warn({ ...who, ...told(trouble), ...since }, 'metrics cannot be read')
    page.failedAt = clock.now()
    page.passedOver = 0
  }

  function recovered(who: object, page: Page): void {
    if (page.passedOver === 0) log.info(who, 'metrics are read again')
  }

  return (change) => {
    if (change.kind === 'gone' && change.owner === own()) pages.delete(change.id)
    if (change.kind !== 'entry' || change.entry.owner !== own()) return
    if (change.entry.target.id !== agentTarget) note(change.entry)
  }
}

/** Undefined while it is still being found out. */
function conditionOf({ ended, finding, endpoint, snapshot }: Entry): Condition | undefined {
  if (ended) return { kind: 'ended' }
  if (!endpoint) return finding.kind === 'none' ? { kind: 'without', trouble: finding.trouble } : undefined
  if (!snapshot) return undefined
  return snapshot.ok ? { kind: 'well', url: endpoint.url } : { kind: 'failing', trouble: snapshot.trouble }
}

/** A failure that goes on for another reason goes on; why there are no metrics at all is another matter. */
function isSame(a: Condition, b: Condition): boolean {
  if (a.kind === 'well' && b.kind === 'well') return a.url === b.url
  if (a.kind === 'without' && b.kind === 'without') return a.trouble.reason === b.trouble.reason
  return a.kind === b.kind
}

/** What is as somebody wanted it is no reason to warn. */
const levels: Readonly<Partial<Record<Trouble['code'], 'debug' | 'info'>>> = {
  disabled: 'debug',
  no_metrics: 'info',
  paused: 'info',
  stopped: 'info',
}

const told = ({ reason, hint }: Trouble) => ({ reason, ...(hint !== undefined && { hint }) })
