// Bugs that there were, or that attacks would need, to be put back: the simulation must find each of them. Each changes a
// few lines of the product's source as it is loaded, in the thread that calls `putBack`.

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import type { Kind } from './generate.ts'

export interface Bug {
  readonly name: string
  /** What it breaks. */
  readonly text: string
  /** From the root of the repository. */
  readonly file: string
  /** Occurs once in the file. */
  readonly from: string
  readonly to: string
  /** It is found within so many scenarios of 200 events, from the seed 1 on, */
  readonly within: number
  /** in which only these happen: where other things happen too, it takes more of them. */
  readonly only?: readonly Kind[]
}

export const bugs: readonly Bug[] = [
  {
    name: 'early-timer',
    text: 'a timer that fires early drops its scrape, and all later ones',
    file: 'src/runtime/schedule.ts',
    from: 'if (clock.now() < at) set(key, at)\n      else onDue(key)',
    to: 'if (clock.now() >= at) onDue(key)',
    within: 10,
  },
  {
    name: 'stolen-epoch',
    text: 'a peer speaks with the epoch of a running agent, from a hello that it relays',
    file: 'src/sync/mesh.ts',
    from: '!isProven(epoch, proof, claim)',
    to: 'false && !isProven(epoch, proof, claim)',
    within: 20,
    only: ['ask', 'intrude'],
  },
  {
    name: 'claim-unchallenged',
    text: 'whoever claims a node id last has it, as long as its link lasts',
    file: 'src/sync/membership.ts',
    from: "? 'precede' : 'claim'",
    to: "? 'precede' : 'join'",
    within: 100,
    only: ['ask', 'intrude'],
  },
  {
    name: 'bomb',
    text: 'what a peer sends is unpacked to any size',
    file: 'src/sync/codec.ts',
    from: 'maxOutputLength: Math.max(1, size),\n    chunkSize',
    to: 'chunkSize',
    within: 100,
  },
  {
    name: 'swarm-from-anybody',
    text: 'swarm state is taken from who says that it is a manager',
    file: 'src/store/swarm-states.ts',
    from: 'filter(({ from }) => isManager(from))',
    to: 'filter(() => true)',
    within: 100,
  },
  {
    name: 'numbers-across-epochs',
    text: 'the numbers of an agent that restarted are compared with those of its previous start',
    file: 'src/store/peer-entries.ts',
    from: 'node.records.set(id, ofPreviousEpoch(owner, record))',
    to: 'node.records.set(id, record)',
    within: 100,
  },
  {
    name: 'stale-cache',
    text: 'the cache is served however old it is',
    file: 'src/web/freshness.ts',
    from: 'const { now, staleAfterMs, owner } = context',
    to: 'const { now, owner } = context, staleAfterMs = 10 * context.staleAfterMs',
    within: 100,
  },
]

const root = new URL('../../', import.meta.url)

/** The file's text with the bug in it. Throws if it no longer contains what the bug replaces. */
export function withBug({ name, file, from, to }: Bug): string {
  const source = readFileSync(new URL(file, root), 'utf8')
  if (source.split(from).length !== 2)
    throw new Error(`${name}: ${file} has changed: put the bug back in another way`)
  return source.replace(from, () => to)
}

/** To be called before the product is imported. */
export function putBack(bug: Bug): void {
  const source = withBug(bug)
  const { href } = new URL(bug.file, root)
  registerHooks({
    load: (url, context, next) =>
      url === href ? { format: 'module-typescript', source, shortCircuit: true } : next(url, context),
  })
}
