// The own pages, packed for peers: the newest one that is ready, and the deltas that lead to it from those before.
// Each is made once, whatever the number of peers. Of the former body nothing is kept but what the store had.

import type { Page, Snapshot, ZstdFrame } from '../model.ts'
import { bodyOf, bodyOfAside, isSmall, maxDeltaBytes, pack, packAside } from './codec.ts'

export interface Outgoing {
  /** The target has a new page. Without peers nothing is packed until one comes. */
  put(id: string, number: number, scrape: Scrape, hasPeers: boolean): void
  forget(id: string): void
  /**
   * How a peer that has the version `base` (0: none) gets the newest one; undefined as long as that is being packed.
   * Throws where the page can't be packed.
   */
  get(id: string, base: number): Update | undefined
  /** Resolves once nothing of the target is being packed. */
  settled(id: string): Promise<void>
}

export type Scrape = Extract<Snapshot, { ok: true }>

export interface Update {
  readonly number: number
  readonly scrape: Scrape
  /** Set if `frames` build on that version; else the one frame is the body in full. */
  readonly base: number
  readonly frames: readonly ZstdFrame[]
}

interface Delta {
  readonly from: number
  readonly frame: ZstdFrame
}

interface Version {
  readonly number: number
  readonly scrape: Scrape
  /** Oldest first; the last one leads to this version. */
  readonly deltas: readonly Delta[]
  full?: ZstdFrame
  /** Why it can't be packed. */
  error?: unknown
}

interface State {
  version: Version | undefined
  /** Newer than `version`, and not packed yet. */
  next: Pick<Version, 'number' | 'scrape'> | undefined
  /** What is being packed in a thread. */
  work: Promise<void> | undefined
}

/** All deltas of a page together stay below this part of it: then they cost less than a full frame. */
const maxDeltasPart = 1 / 16
const maxDeltas = 64

/** `ready` is called when a version can be sent that had to be packed in a thread. */
export function createOutgoing(ready: (id: string) => void): Outgoing {
  const states = new Map<string, State>()
  /** One at a time in the whole agent: each holds several times the memory of its page. */
  let queue = Promise.resolve()

  function aside(id: string, state: State, work: () => Promise<void>): void {
    state.work ??= queue = queue.then(work).then(() => {
      state.work = undefined
      if (states.get(id) !== state) return
      if (state.next) packNext(id, state)
      if (!state.work) ready(id)
    })
  }

  function packNext(id: string, state: State): void {
    const { version, next } = state
    if (!next) return
    state.next = undefined
    const first = { ...next, deltas: [] }
    const [page, before] = [next.scrape.page, version?.scrape.page]
    if (!version || !before || !hasDelta(before, page)) state.version = first
    else if (isSmall(before) && isSmall(page)) {
      try {
        state.version = { ...next, deltas: deltasAfter(version, page, pack(bodyOf(page), bodyOf(before))) }
      } catch {
        state.version = first
      }
    } else
      aside(id, state, async () => {
        try {
          const frame = await packAside(await bodyOfAside(page), await bodyOfAside(before))
          state.version = { ...next, deltas: deltasAfter(version, page, frame) }
        } catch {
          state.version = first
        }
      })
  }

  function fullOf(id: string, state: State, version: Version): ZstdFrame | undefined {
    if (version.error) throw version.error
    const { page } = version.scrape
    if (!version.full && isSmall(page)) version.full = pack(bodyOf(page))
    else if (!version.full)
      aside(id, state, async () => {
        try {
          version.full = await packAside(await bodyOfAside(page))
        } catch (error) {
          version.error = error
        }
      })
    return version.full
  }

  return {
    put(id, number, scrape, hasPeers) {
      const known = states.get(id)
      const state: State = known ?? { version: undefined, next: undefined, work: undefined }
      states.set(id, state)
      state.next = { number, scrape }
      if (!hasPeers && !state.work) state.version = undefined
      if (!state.work) packNext(id, state)
    },
    forget: (id) => void states.delete(id),
    get(id, base) {
      const state = states.get(id)
      const version = state?.version
      if (!state || !version) return undefined
      const { number, scrape, deltas } = version
      const first = deltas.findIndex(({ from }) => from === base)
      if (first >= 0) return { number, scrape, base, frames: deltas.slice(first).map(({ frame }) => frame) }
      const full = fullOf(id, state, version)
      return full && { number, scrape, base: 0, frames: [full] }
    },
    async settled(id) {
      for (let work = states.get(id)?.work; work; work = states.get(id)?.work) await work
    },
  }
}

const hasDelta = (...pages: readonly Page[]) => pages.every(({ size }) => size <= maxDeltaBytes)

/** The newest deltas that together cost less than a full frame would. */
function deltasAfter({ number, deltas }: Version, { size }: Page, frame: ZstdFrame): readonly Delta[] {
  const maxBytes = Math.max(256, size * maxDeltasPart)
  const all = [...deltas.slice(1 - maxDeltas), { from: number, frame }]
  let bytes = frame.bytes.length
  let first = all.length - 1
  while (first > 0 && bytes + all[first - 1]!.frame.bytes.length <= maxBytes) {
    first -= 1
    bytes += all[first]!.frame.bytes.length
  }
  return all.slice(first)
}
