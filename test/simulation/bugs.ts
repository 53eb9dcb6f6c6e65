// Bugs that there were, or that attacks would need, to be put back: the simulation must find each of them. Each changes a
// few lines of the product's source as it is loaded, in the thread that calls `putBack`.

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import type { Kind } from './generate.ts'

export interface Bug {
  readonly name: string
  /** What it breaks. */
  readonly text: string
  readonly edits: readonly Edit[]
  /** It is found within so many scenarios of 200 events, from the seed 1 on, */
  readonly within: number
  /** in which only these happen: where other things happen too, it takes more of them. */
  readonly only?: readonly Kind[]
}

interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Occurs once in the file. */
  readonly from: string
  readonly to: string
}

/** What each agent ever had of an epoch, however much of it was dropped since. */
const everHeld: Edit = {
  file: 'src/sync/session.ts',
  from: '/** How often a manager sends',
  to: `const held = new WeakMap<object, Map<string, Map<string, readonly [string, number, number, number]>>>()
function everHeld(own: object, epoch: string) {
  const epochs = held.get(own) ?? new Map()
  held.set(own, epochs)
  if (!epochs.has(epoch)) epochs.set(epoch, new Map())
  return epochs.get(epoch)
}
/** How often a manager sends`,
}

/** Numbers that are higher than any that was sent are taken for sent. */
const foreignNumbers: Edit = {
  file: 'src/sync/feed.ts',
  from: 'const isUsable = !isForeign(digest)',
  to: 'const isUsable = true',
}

export const bugs: readonly Bug[] = [
  {
    name: 'early-timer',
    text: 'a timer that fires early drops its scrape, and all later ones',
    edits: [
      {
        file: 'src/runtime/schedule.ts',
        from: 'if (clock.now() < at) set(key, at)\n      else onDue(key)',
        to: 'if (clock.now() >= at) onDue(key)',
      },
    ],
    within: 10,
  },
  {
    name: 'stolen-epoch',
    text: 'a peer speaks with the epoch of a running agent, from a hello that it relays',
    edits: [
      {
        file: 'src/sync/mesh.ts',
        from: '!isProven(epoch, proof, signed)',
        to: 'false && !isProven(epoch, proof, signed)',
      },
    ],
    within: 100,
    only: ['ask', 'intrude'],
  },
  {
    name: 'claim-unchallenged',
    text: 'whoever claims a node id last has it, as long as its link lasts',
    edits: [
      {
        file: 'src/sync/membership.ts',
        from: 'return mine < 0 || (present >= 0 && present < mine)',
        to: 'return false',
      },
    ],
    within: 100,
    only: ['ask', 'intrude'],
  },
  {
    name: 'bomb',
    text: 'what a peer sends is unpacked to any size',
    edits: [
      {
        file: 'src/sync/codec.ts',
        from: 'maxOutputLength: Math.max(1, size),\n    chunkSize',
        to: 'chunkSize',
      },
    ],
    within: 100,
  },
  {
    name: 'swarm-from-anybody',
    text: 'swarm state is taken from who says that it is a manager',
    edits: [
      {
        file: 'src/store/swarm-states.ts',
        from: 'filter(({ from }) => isManager(from))',
        to: 'filter(() => true)',
      },
    ],
    within: 100,
  },
  {
    name: 'numbers-across-epochs',
    text: 'the numbers of an agent that restarted are compared with those of its previous start',
    edits: [
      {
        file: 'src/store/peer-entries.ts',
        from: 'setRecord(node, id, ofPreviousEpoch(owner, record))',
        to: 'node.records.set(id, record)',
      },
      foreignNumbers,
    ],
    within: 100,
  },
  {
    name: 'digest-of-dropped',
    text: 'a digest lists what was dropped since, so that it is not sent again',
    edits: [
      {
        file: 'src/sync/session.ts',
        from: "link.send({ kind: 'digest', records })",
        to: `const held = everHeld(ownNode, peer.epoch)
      for (const record of records) held.set(record[0], record)
      link.send({ kind: 'digest', records: [...held.values()] })`,
      },
      everHeld,
    ],
    within: 100,
  },
  {
    name: 'frozen-page',
    text: 'a digest lists dropped snapshots, and a refresh counts without its snapshot: old data is served as live',
    edits: [
      {
        file: 'src/sync/session.ts',
        from: "link.send({ kind: 'digest', records })",
        to: `const held = everHeld(ownNode, peer.epoch)
      for (const record of records) held.set(record[0], record)
      const listings = new Map(records.map(([id, listing]) => [id, listing]))
      link.send({
        kind: 'digest',
        records: [...held].map(([id, [, , ...numbers]]) => [id, listings.get(id) ?? 0, ...numbers] as const),
      })`,
      },
      everHeld,
      {
        file: 'src/sync/feed.ts',
        from: 'if (isUsable && known.delete(id) && listingNumber >= generation)',
        to: 'if (known.delete(id))',
      },
      { file: 'src/sync/session.ts', from: 'feed.resend(message.id)', to: '' },
      {
        file: 'src/sync/refreshes.ts',
        from: 'if (number !== undefined && storedNumber(id) >= number) result',
        to: 'if (number !== undefined) result',
      },
      {
        file: 'src/store/peer-entries.ts',
        from: 'else if (previous) put(owner, node, id, present)',
        to: 'else if (previous && present.snapshot) put(owner, node, id, present)',
      },
    ],
    within: 100,
  },
  {
    name: 'first-endpoint-for-second',
    text: 'a request for the second endpoint of a container returns the first one’s metrics',
    edits: [
      {
        file: 'src/names/endpoints.ts',
        from: 'return source.entry(container.owner, id) ?? unlisted',
        to: 'return source.entry(container.owner, container.target.id) ?? unlisted',
      },
    ],
    within: 10,
  },
  {
    name: 'restored-process',
    text: 'an agent that was restored from a snapshot is taken to have sent what it sent after that snapshot',
    edits: [foreignNumbers],
    within: 100,
    only: ['ask', 'snapshot'],
  },
  {
    name: 'stale-cache',
    text: 'the cache is served however old it is',
    edits: [
      {
        file: 'src/web/freshness.ts',
        from: 'const { now, staleAfterMs, owner } = context',
        to: 'const { now, owner } = context, staleAfterMs = 10 * context.staleAfterMs',
      },
    ],
    within: 100,
  },
  {
    name: 'pushed-is-live',
    text: 'what a peer sent unasked is served as live, however long it was on its way',
    edits: [{ file: 'src/web/freshness.ts', from: "owner.state === 'self' && now", to: 'now' }],
    within: 100,
  },
  {
    name: 'older-replica',
    text: 'the older of two replicas follows the newer one when its node is lost',
    edits: [
      {
        file: 'src/names/active-replica.ts',
        from: 'if (newerBy !== 0) return newerBy > 0',
        to: 'if (newerBy > 0) return true',
      },
    ],
    within: 100,
  },
  {
    name: 'passed-over-replica',
    text: 'the newer of two replicas is passed over while it is still being searched, as after a restart of its agent',
    edits: [
      {
        file: 'src/names/active-replica.ts',
        from: '(isBeingSearched(entry) && mayHaveBeenShown(entry))',
        to: 'false',
      },
      {
        file: 'src/names/active-replica.ts',
        from: '(last.endpoint !== undefined || isBeingSearched(last))',
        to: 'last.endpoint !== undefined',
      },
    ],
    within: 100,
  },
]

const root = new URL('../../', import.meta.url)

/** The file's text with the bug in it. Throws if it no longer contains what the bug replaces. */
export function withEdit(
  { file, from, to }: Edit,
  source = readFileSync(new URL(file, root), 'utf8'),
): string {
  if (source.split(from).length !== 2)
    throw new Error(`${file} no longer has ${JSON.stringify(from)}: put the bug back in another way`)
  return source.replace(from, () => to)
}

/** To be called before the product is imported. */
export function putBack({ edits }: Bug): void {
  const sources = new Map<string, string>()
  for (const edit of edits) {
    const { href } = new URL(edit.file, root)
    sources.set(href, withEdit(edit, sources.get(href)))
  }
  registerHooks({
    load(url, context, next) {
      const source = sources.get(url)
      return source === undefined
        ? next(url, context)
        : { format: 'module-typescript', source, shortCircuit: true }
    },
  })
}
