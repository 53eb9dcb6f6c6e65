// Corrects Docker's container list by Docker's events: the list lags behind them, and may be incomplete.
//
// - A container that died is stopped, and one that was removed is gone, though the list does not show it yet.
// - A container that the list no longer has, though no event said that it was removed, is missing: it is kept until a
//   list has it again, or for `missingTimeoutMs`.
//
// After a gap in the event stream the first list that was requested since then counts alone. Only what was removed stays
// removed: its id is never used again.

import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'
import type { Container } from './container.ts'
import type { ContainerEvent } from './events.ts'

type LifeEvent = Exclude<ContainerEvent, { readonly kind: 'oom' }>

export interface ListCorrections {
  event(event: LifeEvent): void
  /** Events may have been missed. */
  gap(): void
  /** A list is being requested; to be called with it once it was read. */
  request(): (containers: ReadonlyMap<string, Container>) => void
  /** The newest list, corrected. */
  containers(): ReadonlyMap<string, Container>
  /** Whether the list and the events still differ, so that it should be read again soon. */
  isPending(): boolean
}

/** The list is believed if it contradicts an event for so long. Measured on a busy machine: more than 5 s. */
const eventTimeoutMs = 30_000
const missingTimeoutMs = 5_000

interface ReceivedEvent {
  readonly event: LifeEvent
  readonly receivedAt: Mono
  readonly gapsBefore: number
}

interface MissingContainer {
  readonly container: Container
  readonly since: Mono
}

export function createListCorrections(clock: Clock): ListCorrections {
  let listed: ReadonlyMap<string, Container> = new Map()
  /** The newest event of each container. */
  const newest = new Map<string, ReceivedEvent>()
  const missing = new Map<string, MissingContainer>()
  let gaps = 0
  /** Those before the newest list was requested. */
  let gapsBeforeList = -1

  function markMissing(next: ReadonlyMap<string, Container>): void {
    for (const [id, container] of listed)
      if (!next.has(id) && newest.get(id)?.event.kind !== 'removed')
        missing.set(id, { container, since: clock.now() })
  }
  /** What was known before the last of so many gaps is outdated. */
  function forgetBefore(gap: number): void {
    missing.clear()
    for (const [id, { event, gapsBefore }] of newest)
      if (gapsBefore < gap && event.kind !== 'removed') newest.delete(id)
  }
  function expire(): void {
    const now = clock.now()
    for (const [id, { receivedAt }] of newest) if (now - receivedAt > eventTimeoutMs) newest.delete(id)
    for (const [id, { since }] of missing) if (now - since > missingTimeoutMs) missing.delete(id)
  }
  return {
    /** Events may come twice and in the wrong order: a death before the last start is not of this run. */
    event(event) {
      const known = newest.get(event.id)?.event
      const isOlder = known?.atNs !== undefined && event.atNs !== undefined && event.atNs < known.atNs
      if (known?.kind === 'removed' || isOlder) return
      newest.set(event.id, { event, receivedAt: clock.now(), gapsBefore: gaps })
      if (event.kind === 'removed') missing.delete(event.id)
    },
    gap() {
      gaps += 1
    },
    request() {
      const gapsBefore = gaps
      return (next) => {
        if (gapsBefore === gapsBeforeList) markMissing(next)
        else forgetBefore(gapsBefore)
        for (const id of next.keys()) missing.delete(id)
        listed = next
        gapsBeforeList = gapsBefore
      }
    },
    containers() {
      expire()
      const corrected = new Map(listed)
      for (const [id, { container }] of missing) corrected.set(id, container)
      for (const [id, { event }] of newest) {
        const container = corrected.get(id)
        if (event.kind === 'removed') corrected.delete(id)
        if (event.kind === 'died' && container && container.state !== 'stopped')
          corrected.set(id, stopped(container, event.exitCode))
      }
      return corrected
    },
    isPending() {
      const isContradicted = ({ event: { id, kind } }: ReceivedEvent) =>
        (kind === 'died' && listed.has(id) && listed.get(id)!.state !== 'stopped') ||
        (kind === 'removed' && listed.has(id))
      return missing.size > 0 || [...newest.values()].some(isContradicted)
    },
  }
}

function stopped(container: Container, exitCode: number | undefined): Container {
  return { ...container, state: 'stopped', ...(exitCode !== undefined && { exitCode }) }
}
