// Whether what is known of a container may be shown, must be read anew, or must be refused: one pure decision.
// It never hides a container's failure, and never shows old numbers as new ones.

import type { Code, Trouble } from '../errors.ts'
import type { Entry, Mono, Page } from '../model.ts'
import type { Link } from './links.ts'

export interface Circumstances {
  readonly now: Mono
  /** What is older than this is read anew; `off`: never. */
  readonly maxAgeMs: number | 'off'
  /** How long the cache may stand in for an owner that can't be asked. */
  readonly staleAfterMs: number
  /** The way to the owner. */
  readonly link: Link
  /**
   * The snapshot was not read before: for own containers the start of its scrape, for others when their agent was asked
   * for it. What a peer merely sent may have been on its way for any time: then it is absent.
   */
  readonly readSince?: Mono | undefined
}

export interface Reading {
  readonly page: Page
  /** When it was read. */
  readonly at: Mono
  /** Set where the age must be sent: the page is older than the client may expect. */
  readonly cached?: true
  /** Set where it stands in for an owner that can't be asked: until when it may, and then why it is refused. */
  readonly expires?: { readonly at: Mono; readonly trouble: Trouble }
}

export type Settled =
  | { readonly kind: 'show'; readonly reading: Reading }
  | { readonly kind: 'refuse'; readonly trouble: Trouble }

export type Verdict = Settled | { readonly kind: 'refresh' }

export function judge(entry: Entry, circumstances: Circumstances): Verdict {
  const { now, maxAgeMs, link, readSince } = circumstances
  const { snapshot } = entry
  if (link.state === 'lost') return standIn(entry, circumstances)
  const hindrance = whyNotRead(entry)
  if (hindrance) return { kind: 'refuse', trouble: hindrance }
  if (!snapshot) return { kind: 'refresh' }
  if (maxAgeMs === 'off') return shown(entry, { cached: true })
  return readSince !== undefined && now - readSince <= maxAgeMs ? shown(entry) : { kind: 'refresh' }
}

/** What a read that has just ended brought. */
export function shown({ snapshot }: Entry, traits: Omit<Reading, 'page' | 'at'> = {}): Settled {
  if (!snapshot) return { kind: 'refuse', trouble: { code: 'searching', reason: 'not read yet' } }
  if (!snapshot.ok) return { kind: 'refuse', trouble: snapshot.trouble }
  return { kind: 'show', reading: { page: snapshot.page, at: snapshot.at, ...traits } }
}

/** Why a reading that has waited since may not be shown any more. */
export function expired({ expires }: Pick<Reading, 'expires'>, now: Mono): Trouble | undefined {
  return expires && now > expires.at ? expires.trouble : undefined
}

/** What the cache may say for an owner that can't be asked, for the reason given or since its link is lost. */
export function standIn(entry: Entry, circumstances: Circumstances, why?: Trouble): Settled {
  const { now, staleAfterMs, link } = circumstances
  const { snapshot } = entry
  const how = link.state === 'lost' || !why ? lostText(link, now) : why.reason
  const reason = `the agent of ${link.name}, where this container runs, cannot be asked: ${how}`
  const refused = (hint: string): Trouble => ({ code: 'owner_lost', reason, hint })
  const tooOld = (age: number) => refused(`what it last said is ${seconds(age)} old, too old to stand in`)
  if (!snapshot) return { kind: 'refuse', trouble: refused('it has said nothing of this container yet') }
  const age = now - snapshot.at
  if (age > staleAfterMs) return { kind: 'refuse', trouble: tooOld(age) }
  const hindrance = whyNotRead(entry)
  if (hindrance) return { kind: 'refuse', trouble: hindrance }
  const expires = { at: snapshot.at + staleAfterMs, trouble: tooOld(staleAfterMs) }
  return shown(entry, { cached: true, expires })
}

function lostText({ since }: Link, now: Mono): string {
  return since === undefined
    ? 'there is no link to it'
    : `the link to it was lost ${seconds(now - since)} ago`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

/** The codes that say: not the container failed, its agent couldn't be asked. */
export function isOwnersFailure(code: Code): boolean {
  return code === 'owner_lost' || code === 'not_ready' || code === 'stopping'
}

/** Why nobody reads this container, where that is known without asking it. */
function whyNotRead({ target, ended, finding, endpoint }: Entry): Trouble | undefined {
  if (ended || target.state === 'stopped') return { code: 'stopped', reason: stoppedText(ended) }
  if (target.state === 'paused') return { code: 'paused', reason: 'the container is paused' }
  if (target.unreachable) return target.unreachable
  if (finding.kind === 'none') return finding.trouble
  if (finding.kind === 'searching' && !endpoint)
    return { code: 'searching', reason: 'the container is still being searched for metrics' }
  return undefined
}

function stoppedText(ended: Entry['ended']): string {
  if (ended?.removed) return 'the container was removed'
  return ended?.exitCode === undefined
    ? 'the container has stopped'
    : `the container has stopped with exit code ${ended.exitCode}`
}
