// Containers that a list lacks though no event said that they were removed: a list may be half a one. They are
// looked for again before they are taken as gone.

import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'
import type { Container } from './container.ts'

export interface Lacking {
  removed(id: string): void
  /** Events were missed: the next list is all there is. */
  missed(): void
  /** What was listed, with what it may have left out. */
  complete(listed: ReadonlyMap<string, Container>): ReadonlyMap<string, Container>
  /** Those that the last list lacked: worth another look. */
  doubtful(): Iterable<string>
}

/** What no look has found for so long is gone. */
const patience = 5_000
/** A list may still name a container for so long after its removal. */
const aftermath = 30_000

export function createLacking(clock: Clock): Lacking {
  let known: ReadonlyMap<string, Container> = new Map()
  const kept = new Map<string, { readonly container: Container; readonly since: Mono }>()
  const removed = new Map<string, Mono>()
  let missedSome = false

  function doubt(listed: ReadonlyMap<string, Container>): void {
    const since = clock.now()
    for (const [id, container] of known)
      if (!listed.has(id) && !removed.has(id)) kept.set(id, { container, since })
  }

  function forget(): void {
    const now = clock.now()
    for (const [id, at] of removed) if (now - at > aftermath) removed.delete(id)
    for (const [id, { since }] of kept) if (now - since > patience) kept.delete(id)
  }

  return {
    removed(id) {
      removed.set(id, clock.now())
      kept.delete(id)
    },
    missed() {
      missedSome = true
    },
    complete(listed) {
      if (listed !== known) {
        if (!missedSome) doubt(listed)
        missedSome = false
        known = listed
      }
      for (const id of listed.keys()) kept.delete(id)
      forget()
      return new Map([...listed, ...[...kept].map(([id, { container }]) => [id, container] as const)])
    },
    doubtful: () => kept.keys(),
  }
}
