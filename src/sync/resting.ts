// A peer's page at rest: packed, as the owner last gave it in full, and the deltas since. It is put together
// only when somebody asks for it. An immutable value.

import { ProxyError } from '../errors.ts'
import type { Deltas } from '../model.ts'
import { applyDeltas } from './delta.ts'
import { fingerprint, pack, unpack, unpackDelta } from './pack.ts'

/** One version of a page: its owner's number, its fingerprint and its length. */
export interface Version {
  readonly number: number
  readonly print: string
  readonly size: number
}

export interface Resting extends Version {
  readonly content: Deltas
}

/** The deltas at rest stay below this part of the full copy: more would cost memory, fewer would cost time. */
const stepsPart = 1 / 2
/** However short they are: each costs time when the page is asked for. */
const mostSteps = 8

export function restFull(version: Version, full: Uint8Array): Resting {
  const { print, size } = version
  return { ...version, content: { kind: 'deltas', full, steps: [], print, largest: size } }
}

/** The version that follows by `steps`; without any, nothing has changed. Every so often it is put together and packed anew. */
export function restSteps(base: Resting, version: Version, steps: readonly Uint8Array[]): Resting {
  const { print, size } = version
  if (steps.length === 0) return unchanged(base, version)
  const content: Deltas = {
    ...base.content,
    steps: [...base.content.steps, ...steps],
    print,
    largest: Math.max(base.content.largest, size),
  }
  return isCheap(content) ? { ...version, content } : restFull(version, pack(wake(content, size)))
}

function unchanged(base: Resting, version: Version): Resting {
  if (version.print !== base.print || version.size !== base.size)
    throw new ProxyError('protocol', 'a page from a peer has changed without a delta')
  return { ...base, number: version.number }
}

function isCheap({ full, steps }: Deltas): boolean {
  const sum = steps.reduce((total, { length }) => total + length, 0)
  return sum <= full.length * stepsPart && steps.length <= mostSteps
}

/** The page's body. Throws if it isn't what the owner said it would be. */
export function wake({ print, full, steps, largest }: Deltas, size: number): Uint8Array {
  try {
    const deltas = steps.map((step) => unpackDelta(step, 2 * largest + 2 ** 16))
    const body = applyDeltas(unpack(full, largest + 1), deltas)
    if (body.length === size && fingerprint(body) === print) return body
  } catch (cause) {
    throw new ProxyError('protocol', 'a page from a peer can’t be put together', { cause })
  }
  throw new ProxyError('protocol', 'a page from a peer is not what its owner had')
}
