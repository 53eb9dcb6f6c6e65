// Deltas between pages of which both are there.

import { makeDelta } from '../../src/sync/delta.ts'
import { keepOutline, type Outline, outlineOf } from '../../src/sync/outline.ts'

export const outlined = (page: Uint8Array): Outline => keepOutline(outlineOf(page))!

export const deltaBetween = (from: Uint8Array, to: Uint8Array) =>
  makeDelta(outlined(from), outlineOf(to)!, to)
