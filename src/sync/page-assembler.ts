// The pages of one peer, put together from what it sends. A page is stored packed: a full frame and the deltas since.
// Nothing is unpacked to more than was announced, and nothing above 1 MiB on the event loop.

import type { LimitFunction } from 'p-limit'
import type { Clock } from '../clock.ts'
import { type Failure, failureOf } from '../errors.ts'
import type { MetricsPage, NodeId, Snapshot, ZstdFrame } from '../model.ts'
import type { Store } from '../store/store.ts'
import { maxSyncBytes, pack, packAsync, unpack, unpackAsync } from './codec.ts'
import type { Link } from './link.ts'
import type { PageMessage } from './messages.ts'

interface PageAssembler {
  /** The snapshot that the page makes; undefined: it can't be put together, and is requested in full. */
  assemble(message: PageMessage): Snapshot | undefined
  /** The link is closed. */
  close(): void
}

interface AssemblerDeps {
  readonly node: NodeId
  readonly peers: Store['peers']
  readonly link: Pick<Link, 'send' | 'fail'>
  readonly clock: Clock
  readonly maxBodyBytes: number
  /** One large page at a time of all peers: each takes several times its memory. */
  readonly repackLimit: LimitFunction
}

/** What a page is stored in: more deltas would cost memory, fewer would cost time. */
const maxDeltasPart = 1 / 2
const maxDeltas = 8
/** While more than so many wait for a large page to be repacked, it is requested in full. */
const maxFrames = 4 * maxDeltas

export function createPageAssembler(deps: AssemblerDeps): PageAssembler {
  const { node, peers, link, clock, maxBodyBytes, repackLimit } = deps
  /** Pages that came over this link. */
  const current = new WeakSet<MetricsPage>()
  /** Targets whose large pages are being repacked. */
  const repacking = new Set<string>()
  let isClosed = false

  const pageOf = (id: string) => peers.records(node).get(id)?.page

  /** What the page of this number is stored in, unless nothing can build on it. */
  function framesOf(id: string, number: number): readonly ZstdFrame[] | undefined {
    const page = pageOf(id)
    if (page?.number !== number || page.value.content.kind !== 'zstd') return undefined
    const { frames } = page.value.content
    return frames.length <= maxFrames ? frames : undefined
  }

  /** A full frame is checked now. A chain of deltas that has become long is repacked as one. */
  function checked(id: string, frames: readonly ZstdFrame[]): readonly ZstdFrame[] {
    if (frames.some(({ size }) => size > maxSyncBytes)) {
      if (isLong(frames)) repackLater(id)
      return frames
    }
    if (frames.length > 1 && !isLong(frames)) return frames
    try {
      const body = unpack(frames)
      return frames.length === 1 ? frames : [pack(body)]
    } catch (error) {
      peers.update(node, id, { kind: 'unusable' })
      throw error
    }
  }

  function repackLater(id: string): void {
    if (repacking.has(id)) return
    repacking.add(id)
    void repackLimit(() => repack(id))
      .catch((error: unknown) => link.fail(failureOf(error)))
      .finally(() => repacking.delete(id))
  }

  /** Frames that come meanwhile follow the new full one. */
  async function repack(id: string): Promise<void> {
    const content = pageOf(id)?.value.content
    if (isClosed || content?.kind !== 'zstd') return
    const { frames } = content
    try {
      const full = await packAsync(await unpackAsync(frames))
      const page = pageOf(id)
      if (isClosed || page?.value.content.kind !== 'zstd') return
      const at = page.value.content.frames.indexOf(frames.at(-1)!)
      if (at < 0) return
      const repacked = { kind: 'zstd' as const, frames: [full, ...page.value.content.frames.slice(at + 1)] }
      const value = { ...page.value, content: repacked }
      current.add(value)
      peers.update(node, id, { kind: 'repacked', number: page.number, value })
    } catch (error) {
      if (isClosed) return
      peers.update(node, id, { kind: 'unusable' })
      link.fail({ code: 'protocol', reason: (error as Error).message })
    }
  }

  return {
    assemble({ id, ageMs, durationMs, base, format, hasUtf8Names, series, remarks, frames }) {
      const { size } = frames.at(-1)!
      const times = { at: clock.now() - ageMs, durationMs }
      if (frames.some((frame) => frame.size > maxBodyBytes))
        return { ...times, ok: false, failure: tooLarge(size) }
      const before = base === 0 ? [] : framesOf(id, base)
      const failure = before ? undefined : peers.refusalOf(node, id)
      if (failure) return { ...times, ok: false, failure }
      if (!before || (base > 0 && !current.has(pageOf(id)!.value) && !isFollowedBy(before, frames))) {
        link.send({ kind: 'resend', id })
        return undefined
      }
      const content = { kind: 'zstd' as const, frames: checked(id, [...before, ...frames]) }
      const utf8 = hasUtf8Names && { hasUtf8Names }
      const page: MetricsPage = { format, ...utf8, size, series, remarks, content }
      current.add(page)
      return { ...times, ok: true, page }
    },
    close() {
      isClosed = true
    },
  }
}

/**
 * A page from before this link may have been sent by a copy of the owner's process, which gave the same number to another
 * page. To check that of a large one takes too long.
 */
function isFollowedBy(before: readonly ZstdFrame[], frames: readonly ZstdFrame[]): boolean {
  const all = [...before, ...frames]
  if (all.some(({ size }) => size > maxSyncBytes)) return false
  try {
    unpack(all)
    return true
  } catch {
    return false
  }
}

function isLong([full, ...deltas]: readonly ZstdFrame[]): boolean {
  const bytes = deltas.reduce((sum, delta) => sum + delta.bytes.length, 0)
  return deltas.length > maxDeltas || bytes > full!.bytes.length * maxDeltasPart
}

function tooLarge(size: number): Failure {
  return {
    code: 'too_large',
    reason: `the metrics have ${size} bytes, more than this agent’s MAX_BODY`,
    hint: 'give all agents the same MAX_BODY',
  }
}
