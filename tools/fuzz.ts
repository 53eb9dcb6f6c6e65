// Mutation fuzzing of all that reads bytes of others, for as long as one likes: node tools/fuzz.ts [seconds] [seed] [engine].
// Whatever comes must be taken or refused in the way that is meant (tools/fuzz), in a time that its size allows.
// Memory must not grow. The seconds are those of CPU, so that a busy machine tries as much as a quiet one.

import { createHash } from 'node:crypto'
import { setImmediate as breath } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Random, seeded } from '../test/exposition/corpus/random.ts'
import type { Engine } from './fuzz/engine.ts'
import { exposition, protobuf } from './fuzz/exposition.ts'
import { stream } from './fuzz/frames.ts'
import { pages } from './fuzz/pages.ts'

interface Share {
  readonly make: (random: Random) => Engine
  /** Of the time. */
  readonly share: number
}

const engines: Readonly<Record<string, Share>> = {
  exposition: { make: exposition, share: 0.4 },
  protobuf: { make: protobuf, share: 0.2 },
  frames: { make: stream, share: 0.2 },
  pages: { make: pages, share: 0.2 },
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** What one input of a few kilobytes may take at most, in milliseconds of CPU, and what may be held at the end. */
const longest = 2000
const most = 128 * 2 ** 20

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const only = process.argv[4]

// each input that is refused is an error made, and most of its cost is the stack
Error.stackTraceLimit = 3

console.log(`fuzzing for ${seconds} s with seed ${seed}`)
for (const [name, { make, share }] of Object.entries(engines)) {
  if (only === undefined) await fuzz(name, make(seeded(seed)), seconds * share)
  else if (only === name) await fuzz(name, make(seeded(seed)), seconds)
}

async function fuzz(name: string, engine: Engine, seconds: number): Promise<void> {
  const memory = settledMemory()
  const start = computedMs()
  let inputs = 0
  for (; computedMs() - start < seconds * 1000; inputs += 1) {
    // what has been unpacked is let go of only then
    if (inputs % 1000 === 0) await breath()
    const before = computedMs()
    const { what, bytes, run } = engine.next()
    try {
      run()
      const took = computedMs() - before
      if (took > longest) throw new Error(`took ${Math.round(took)} ms`)
    } catch (error) {
      const print = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
      console.log(`${name} failed on ${print} (${what}, seed ${seed}, input ${inputs}):`)
      console.log(Buffer.from(bytes).toString('base64'))
      throw error
    }
  }
  await breath()
  const growth = Math.round((settledMemory() - memory) / 2 ** 20)
  console.log(`${name}: ${inputs} inputs (${engine.summary()}), memory ${growth < 0 ? '' : '+'}${growth} MiB`)
  if (growth * 2 ** 20 > most) throw new Error(`memory grew by ${growth} MiB`)
}

/** The CPU time of this thread. */
function computedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** What is still held after all that isn't has been let go of. */
function settledMemory(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
