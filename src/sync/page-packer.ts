// The own pages, packed for peers: the newest one that is ready, in full and as a delta to the one before. Each is made
// once, whatever the number of peers. Of the former body nothing is kept but what the store had.

import type { MetricsPage, Snapshot, ZstdFrame } from '../model.ts'
import { bodyOf, bodyOfAsync, isSmall, maxDeltaBytes, pack, packAsync } from './codec.ts'

export interface PagePacker {
  /** The target has a new page. Without peers nothing is packed until one comes. `unpacked`: its body, if at hand. */
  put(id: string, number: number, scrape: Scrape, hasPeers: boolean, unpacked?: Uint8Array): void
  delete(id: string): void
  /**
   * How a peer that has the page numbered `base` (0: none) gets the newest one; undefined while that is being packed.
   * Throws where the page can't be packed.
   */
  get(id: string, base: number): PackedPage | undefined
  isPacking(id: string): boolean
  /** Resolves once nothing of the target is being packed, which goes before what nobody waits for. */
  idle(id: string): Promise<void>
}

type Scrape = Extract<Snapshot, { ok: true }>

export interface PackedPage {
  readonly number: number
  readonly scrape: Scrape
  /** The page that the frame builds on; 0: none, the frame is the body in full. */
  readonly base: number
  readonly frame: ZstdFrame
}

interface Version {
  readonly number: number
  readonly scrape: Scrape
  /** From the version before; where it can't be made, peers get the page in full. */
  readonly delta?: { readonly base: number; readonly frame: ZstdFrame }
  full?: ZstdFrame
  /** Why it can't be packed. */
  error?: unknown
}

interface PackingState {
  version: Version | undefined
  /** Newer than `version`, and not packed yet. */
  next: Pick<Version, 'number' | 'scrape'> | undefined
  /** What is being packed in a thread, or waits for it. */
  work: Promise<void> | undefined
  /** How many wait for it. */
  waiters: number
}

interface Job {
  readonly state: PackingState
  readonly run: () => Promise<void>
}

/** `ready` is called when a version can be sent that had to be packed in a thread. */
export function createPagePacker(ready: (id: string) => void): PagePacker {
  const states = new Map<string, PackingState>()
  /** One at a time in the whole agent: each takes several times the memory of its page. */
  const jobs = new Set<Job>()
  let isRunning = false

  function inThread(id: string, state: PackingState, work: () => Promise<void>): void {
    if (state.work) return
    const done = Promise.withResolvers<void>()
    state.work = done.promise
    async function run(): Promise<void> {
      await work()
      state.work = undefined
      done.resolve()
      if (states.get(id) !== state) return
      if (state.next) packNext(id, state)
      if (!state.work) ready(id)
    }
    jobs.add({ state, run })
    if (!isRunning) void runAll()
  }

  async function runAll(): Promise<void> {
    isRunning = true
    for (let job = nextJob(); job; job = nextJob()) {
      jobs.delete(job)
      await job.run()
    }
    isRunning = false
  }

  /** First what somebody waits for. */
  function nextJob(): Job | undefined {
    const [oldest] = jobs
    return [...jobs].find(({ state }) => state.waiters > 0) ?? oldest
  }

  function packNext(id: string, state: PackingState, unpacked?: Uint8Array): void {
    const { version: before, next } = state
    if (!next) return
    state.next = undefined
    const [page, pageBefore] = [next.scrape.page, before?.scrape.page]
    const withDelta = (frame: ZstdFrame) => ({ ...next, delta: { base: before!.number, frame } })
    if (!pageBefore || !hasDelta(page, pageBefore)) state.version = next
    else if (isSmall(page) && isSmall(pageBefore)) {
      try {
        state.version = withDelta(pack(unpacked ?? bodyOf(page), bodyOf(pageBefore)))
      } catch {
        state.version = next
      }
    } else
      inThread(id, state, async () => {
        try {
          state.version = withDelta(await packAsync(await bodyOfAsync(page), await bodyOfAsync(pageBefore)))
        } catch {
          state.version = next
        }
      })
  }

  function fullOf(id: string, state: PackingState, version: Version): ZstdFrame | undefined {
    if (version.error) throw version.error
    const { page } = version.scrape
    if (!version.full && isSmall(page)) version.full = pack(bodyOf(page))
    else if (!version.full)
      inThread(id, state, async () => {
        try {
          version.full = await packAsync(await bodyOfAsync(page))
        } catch (error) {
          version.error = error
        }
      })
    return version.full
  }

  return {
    put(id, number, scrape, hasPeers, unpacked) {
      const known: PackingState | undefined = states.get(id)
      const state: PackingState = known ?? {
        version: undefined,
        next: undefined,
        work: undefined,
        waiters: 0,
      }
      states.set(id, state)
      state.next = { number, scrape }
      if (!hasPeers && !state.work) state.version = undefined
      if (!state.work) packNext(id, state, unpacked)
    },
    delete: (id) => void states.delete(id),
    get(id, base) {
      const state = states.get(id)
      const version = state?.version
      if (!state || !version) return undefined
      const { number, scrape, delta } = version
      if (delta?.base === base) return { number, scrape, ...delta }
      const full = fullOf(id, state, version)
      return full && { number, scrape, base: 0, frame: full }
    },
    isPacking: (id) => states.get(id)?.work !== undefined,
    async idle(id) {
      const state = states.get(id)
      if (!state) return
      state.waiters += 1
      while (state.work) await state.work
      state.waiters -= 1
    },
  }
}

const hasDelta = (...pages: readonly MetricsPage[]) => pages.every(({ size }) => size <= maxDeltaBytes)
