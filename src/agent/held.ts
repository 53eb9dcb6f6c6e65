// The newest metrics of this node's containers, in the sum: what exceeds their bound is a failure of that container.

import { ProxyError, troubleOf } from '../errors.ts'
import type { Page, Snapshot, ZstdFrame } from '../model.ts'

export interface HeldPages {
  /** Throws where there is no room for this page in the place of the one before. */
  admit(id: string, page: Page): void
  /** The same for a snapshot: it becomes a failure. */
  checked(id: string, snapshot: Snapshot): Snapshot
  forget(id: string): void
}

/** Larger pages may take only half of the room: they never keep small ones out. */
const largeBytes = 2 ** 20

export function createHeldPages(maxBytes: number): HeldPages {
  const held = new Map<string, number>()

  function sumOfOthers(id: string, isCounted: (bytes: number) => boolean): number {
    let sum = 0
    for (const [other, bytes] of held) if (other !== id && isCounted(bytes)) sum += bytes
    return sum
  }

  function admit(id: string, { content }: Page): void {
    const bytes = content.kind === 'zstd' ? sumOf(content.frames) : content.bytes.length
    const isLarge = bytes > largeBytes
    const others = sumOfOthers(id, (other) => !isLarge || other > largeBytes)
    held.delete(id)
    if (others + bytes > maxBytes * (isLarge ? 1 / 2 : 1))
      throw new ProxyError(
        'overloaded',
        'the metrics of this node’s containers together take too much memory',
        {
          hint: 'raise the memory limit of the agent’s service, or let containers show less or send gzip',
        },
      )
    held.set(id, bytes)
  }

  return {
    admit,
    checked(id, snapshot) {
      if (!snapshot.ok) return snapshot
      try {
        admit(id, snapshot.page)
        return snapshot
      } catch (error) {
        const { at, durationMs } = snapshot
        return { ok: false, at, durationMs, trouble: troubleOf(error) }
      }
    },
    forget: (id) => held.delete(id),
  }
}

function sumOf(frames: readonly ZstdFrame[]): number {
  return frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
