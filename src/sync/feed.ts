// What one peer is told of the own side: it gets what it lacks, the newest state of each target, in as few bytes
// as its last version allows. Bounded: what waits is a set of ids, never a queue of pages.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Entry } from '../model.ts'
import { largestFrame } from './frames.ts'
import type { Digest, ListingMessage, Message } from './messages.ts'
import type { OwnStore, Versioned } from './needs.ts'
import type { Versions, Way } from './versions.ts'

export interface Feed {
  /** The peer has said what it holds: everything else is due. Returns what it has to let go of. */
  start(digest: Digest): readonly Message[]
  /** Something about this own target has changed. */
  mark(id: string): void
  /** The peer couldn't use a delta. */
  lacks(born: number): void
  /** What is due about one target; what is due at all comes from `due`. */
  take(id: string): readonly Message[]
  /** The next target about which something may be due. */
  due(): string | undefined
}

/** Packed; leaves room for the header. */
const largestPage = largestFrame - 2 ** 20
const tooLarge: Trouble = {
  code: 'too_large',
  reason: 'the page is too large to be shared with other nodes',
  mend: 'ask the agent on the container’s own node, or lower MAX_BODY',
}

/** The numbers that the peer has, or will have once it has read what was sent. */
interface Told {
  readonly born: number
  readonly directory: number
  readonly snapshot: number
  readonly page: number
}

const unreadable: Trouble = {
  code: 'internal',
  reason: 'the metrics could not be prepared for other nodes',
  mend: 'ask the agent on the container’s own node',
}

interface Context {
  readonly own: OwnStore
  readonly versions: Versions
  readonly clock: Clock
  /** This target's metrics could not be prepared: the peer gets a failure, all other targets are sent as usual. */
  readonly failed: (id: string, error: unknown) => void
}

export function createFeed({ own, versions, clock, failed }: Context): Feed {
  const told = new Map<string, Told>()
  const waiting = new Set<string>()
  let started = false

  function listing({ born, directory, entry }: Versioned, known: Told | undefined): ListingMessage[] {
    if (known && directory <= known.directory) return []
    const { target, finding, endpoint, ended } = entry
    return [
      {
        kind: 'listing',
        number: directory,
        born,
        target,
        finding,
        ...(endpoint && { endpoint }),
        ...(ended && { ended: aged(ended, clock.now()) }),
      },
    ]
  }

  function wayTo(id: string, base: number): Way | undefined | 'unreadable' {
    try {
      return versions.way(id, base)
    } catch (error) {
      failed(id, error)
      return 'unreadable'
    }
  }

  function snapshot({ born, page: number, entry }: Versioned, known: Told | undefined): Message[] {
    const given = entry.snapshot
    if (!given || number <= (known?.snapshot ?? 0)) return []
    const numbers = { born, number, age: Math.max(0, clock.now() - given.at), took: given.took }
    if (!given.ok) return [{ kind: 'failure', ...numbers, trouble: given.trouble }]
    const base = known?.page ?? 0
    const way = wayTo(entry.target.id, base)
    if (!way) return []
    if (way === 'unreadable') return [{ kind: 'failure', ...numbers, trouble: unreadable }]
    const { size, series, format, remarks } = given.page
    const parts = way.kind === 'steps' ? way.packed : [way.packed]
    if (bytesOf(parts) > largestPage) return [{ kind: 'failure', ...numbers, trouble: tooLarge }]
    return [
      {
        kind: 'page',
        ...numbers,
        ...{ size, series, format, remarks },
        print: way.print,
        ...(way.kind === 'steps' && { base: { number: base, print: way.basePrint } }),
        parts,
      },
    ]
  }

  function gone(id: string, known: Told | undefined): Message[] {
    told.delete(id)
    return known ? [{ kind: 'gone', born: known.born }] : []
  }

  return {
    start({ epoch, held }) {
      const holds = new Map(epoch === own.epoch ? held.map((numbers) => [numbers[0], numbers]) : [])
      told.clear()
      for (const { entry, born } of own.entries()) {
        const [, directory = 0, snapshot = 0, page = 0] = holds.get(born) ?? []
        if (holds.delete(born)) told.set(entry.target.id, { born, directory, snapshot, page })
        waiting.add(entry.target.id)
      }
      started = true
      return [...holds.keys()].map((born) => ({ kind: 'gone', born }))
    },
    mark(id) {
      if (started) waiting.add(id)
    },
    lacks(born) {
      for (const [id, known] of told)
        if (known.born === born) {
          told.set(id, { ...known, snapshot: 0, page: 0 })
          waiting.add(id)
        }
    },
    take(id) {
      waiting.delete(id)
      const now = own.entry(id)
      const before = told.get(id)
      if (!now) return gone(id, before)
      const known = before?.born === now.born ? before : undefined
      const { born, directory, page } = now
      const messages = [...listing(now, known), ...snapshot(now, known)]
      const showsPage = messages.at(-1)?.kind === 'page'
      told.set(id, { born, directory, snapshot: page, page: showsPage ? page : (known?.page ?? 0) })
      return messages
    },
    due() {
      const [id] = waiting
      return id
    },
  }
}

function aged({ at, ...rest }: NonNullable<Entry['ended']>, now: number) {
  return { ...rest, age: Math.max(0, now - at) }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}
