// Containers that an event said have ended while Docker's list still calls them running: the event is right.

import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'
import type { Container } from './container.ts'

export interface Ended {
  died(id: string, exitCode: number | undefined): void
  started(id: string): void
  /** Events were missed: the list is all there is. */
  missed(): void
  /** What was listed, put right. */
  correct(listed: ReadonlyMap<string, Container>): ReadonlyMap<string, Container>
  /** Those that the list was wrong about the last time: worth another look. */
  doubtful(): Iterable<string>
}

/** A list that insists for so long is believed. Measured on a busy machine: more than 5 seconds. */
const patience = 30_000

export function createEnded(clock: Clock): Ended {
  const ended = new Map<string, { readonly at: Mono; readonly exitCode: number | undefined }>()
  return {
    died: (id, exitCode) => void ended.set(id, { at: clock.now(), exitCode }),
    started: (id) => void ended.delete(id),
    missed: () => ended.clear(),
    correct(listed) {
      const corrected = new Map(listed)
      for (const [id, { at, exitCode }] of ended) {
        const container = listed.get(id)
        if (!container || container.state === 'stopped' || clock.now() - at > patience) ended.delete(id)
        else corrected.set(id, stopped(container, exitCode))
      }
      return corrected
    },
    doubtful: () => ended.keys(),
  }
}

function stopped(container: Container, exitCode: number | undefined): Container {
  return { ...container, state: 'stopped', ...(exitCode !== undefined && { exitCode }) }
}
