// Containers that an event said have ended while Docker's list still calls them running: the event is right.

import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'
import type { Container } from './container.ts'

export interface Ended {
  /** `at`: when it happened by Docker's clock, where Docker says it. What is older than what is known counts no more. */
  died(id: string, at: number | undefined, exitCode: number | undefined): void
  started(id: string, at: number | undefined): void
  /** Events were missed: the list is all there is. */
  missed(): void
  /** What was listed, put right. */
  correct(listed: ReadonlyMap<string, Container>): ReadonlyMap<string, Container>
  /** Those that the list was wrong about the last time: worth another look. */
  doubtful(): Iterable<string>
}

/** The newest that was heard of a container's start or end. */
interface News {
  readonly dead: boolean
  readonly at: number | undefined
  readonly heard: Mono
  readonly exitCode?: number
}

/** A list that insists for so long is believed. Measured on a busy machine: more than 5 seconds. */
const patience = 30_000

export function createEnded(clock: Clock): Ended {
  const newest = new Map<string, News>()

  /** Events may come doubled and in the wrong order: an end before the last start is not of this run. */
  function hear(id: string, news: Omit<News, 'heard'>): void {
    const known = newest.get(id)
    if (known?.at !== undefined && news.at !== undefined && news.at < known.at) return
    newest.set(id, { ...news, heard: clock.now() })
  }

  return {
    died: (id, at, exitCode) => hear(id, { dead: true, at, ...(exitCode !== undefined && { exitCode }) }),
    started: (id, at) => hear(id, { dead: false, at }),
    missed: () => newest.clear(),
    correct(listed) {
      const corrected = new Map(listed)
      for (const [id, { dead, heard, exitCode }] of newest) {
        const container = listed.get(id)
        const agreed = dead && (!container || container.state === 'stopped')
        if (agreed || clock.now() - heard > patience) newest.delete(id)
        else if (dead) corrected.set(id, stopped(container!, exitCode))
      }
      return corrected
    },
    *doubtful() {
      for (const [id, { dead }] of newest) if (dead) yield id
    },
  }
}

function stopped(container: Container, exitCode: number | undefined): Container {
  return { ...container, state: 'stopped', ...(exitCode !== undefined && { exitCode }) }
}
