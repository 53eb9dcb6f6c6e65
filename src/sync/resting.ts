// A peer's page at rest: packed, as the owner last gave it in full, and the deltas since. It is put together
// only when somebody asks for it. An immutable value.

import { ProxyError } from '../errors.ts'
import { applyDeltas } from './delta.ts'
import { fingerprint, pack, unpack, unpackDelta } from './pack.ts'

/** One version of a page: its owner's number, its fingerprint and its length. */
export interface Version {
  readonly number: number
  readonly print: string
  readonly size: number
}

export interface Resting extends Version {
  readonly full: Uint8Array
  readonly steps: readonly Uint8Array[]
  /** The length of the largest version from the full copy on: nothing unpacks to much more. */
  readonly largest: number
}

/** The deltas at rest stay below this part of the full copy: more would cost memory, fewer would cost time. */
const stepsPart = 1 / 2
/** However short they are: each costs time when the page is asked for. */
const mostSteps = 8

export function restFull(version: Version, full: Uint8Array): Resting {
  return { ...version, full, steps: [], largest: version.size }
}

/** The version that follows by `steps`. Every so often it is put together and packed anew. */
export function restSteps(base: Resting, version: Version, steps: readonly Uint8Array[]): Resting {
  if (version.print === base.print && version.size === base.size) return { ...base, number: version.number }
  const next: Resting = {
    ...version,
    full: base.full,
    steps: [...base.steps, ...steps],
    largest: Math.max(base.largest, version.size),
  }
  const sum = next.steps.reduce((total, { length }) => total + length, 0)
  return sum <= base.full.length * stepsPart && next.steps.length <= mostSteps
    ? next
    : restFull(version, pack(wake(next)))
}

/** The page's text. Throws if it isn't what the owner said it would be. */
export function wake({ print, size, full, steps, largest }: Resting): Uint8Array {
  try {
    const deltas = steps.map((step) => unpackDelta(step, 2 * largest + 2 ** 16))
    const body = applyDeltas(unpack(full, largest + 1), deltas)
    if (body.length === size && fingerprint(body) === print) return body
  } catch (cause) {
    throw new ProxyError('internal', 'a page from a peer can’t be put together', { cause })
  }
  throw new ProxyError('internal', 'a page from a peer is not what its owner had')
}
