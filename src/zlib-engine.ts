// Packing and unpacking at once, by an engine that is used again. To make one for each text, as Node does, takes as
// long as half of the work, and leaves much to collect. What is used here lies behind Node's own objects.

import { constants } from 'node:zlib'

export interface Done {
  /** How much of the input it has read. */
  readonly read: number
  /** How much it has written. Where that is all that there was room for, there may be more. */
  readonly written: number
}

export type Run = (input: Uint8Array, output: Uint8Array) => Done

/** What a stream of `node:zlib` has, as far as it is used here. */
interface Engine {
  reset(): void
  on(event: 'error', handler: () => void): void
  readonly errored: Error | null
  readonly _handle?: { writeSync?(...given: readonly (number | Uint8Array)[]): void }
  readonly _writeState?: Uint32Array
}

/** Undefined where Node has it no longer: then there are slower ways. */
export function createEngine(make: () => object): Run | undefined {
  let engine = open(make)
  if (!engine._handle?.writeSync || !engine._writeState) return undefined

  return (input, output) => {
    engine.reset()
    const [read, write] = [input.length, output.length]
    engine._handle!.writeSync!(constants.Z_FINISH, input, 0, read, output, 0, write)
    const { errored } = engine
    if (errored) {
      // it is closed by now
      engine = open(make)
      throw errored
    }
    const [room, unread] = engine._writeState!
    return { read: read - unread!, written: write - room! }
  }
}

function open(make: () => object): Engine {
  const engine = make() as Engine
  // it tells of the same error once more, when nobody waits for it any longer
  engine.on('error', () => {})
  return engine
}
