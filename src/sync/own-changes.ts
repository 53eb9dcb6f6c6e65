// The own side of the store, as it changes: new pages are packed, and the sessions learn what to send.

import type { Clock } from '../clock.ts'
import type { NodeId } from '../model.ts'
import { createPagePacker, type PagePacker } from './page-packer.ts'
import type { Session, SyncStore } from './session.ts'

interface OwnChanges {
  readonly packer: PagePacker
  /** No more changes are expected now: what waits is sent. */
  flush(): void
  stop(): void
}

interface OwnChangesDeps {
  readonly clock: Clock
  readonly store: SyncStore
  readonly sessions: ReadonlyMap<unknown, Session>
  /** This node has another id than before. */
  readonly renamed: (before: NodeId) => void
}

/** Changes wait for others to go with them: a packet, and the wake-ups on both sides, cost more than a page's delta. */
const batchDelayMs = 20

export function watchOwnChanges({ clock, store, sessions, renamed }: OwnChangesDeps): OwnChanges {
  const { ownNode } = store
  const packer = createPagePacker(mark)
  let { node } = ownNode.self()
  let cancelFlush: (() => void) | undefined

  function putPage(id: string, unpacked?: Uint8Array): void {
    const { entry, snapshotNumber } = ownNode.entry(id)!
    if (entry.snapshot?.ok) packer.put(id, snapshotNumber, entry.snapshot, sessions.size > 0, unpacked)
  }

  function mark(id: string): void {
    for (const session of sessions.values()) session.mark(id)
    flushSoon()
  }

  function flush(): void {
    if (!cancelFlush) return
    cancelFlush()
    cancelFlush = undefined
    for (const session of sessions.values()) session.flush()
  }

  function flushSoon(): void {
    cancelFlush ??= clock.after(batchDelayMs, flush)
  }

  for (const { entry } of ownNode.entries()) putPage(entry.target.id)
  const unsubscribe = store.subscribeToStreams((change) => {
    const self = ownNode.self()
    if (change.kind === 'entry' && change.entry.owner === self.node) {
      const { entry, before, unpacked } = change
      if (entry.snapshot !== before?.snapshot) putPage(entry.target.id, unpacked)
      mark(entry.target.id)
    } else if (change.kind === 'deleted' && change.owner === self.node) {
      packer.delete(change.id)
      mark(change.id)
    } else if (change.kind === 'swarmState' || change.kind === 'nodes') {
      const before = node
      node = self.node
      if (before !== node) renamed(before)
      flushSoon()
    }
  })

  return {
    packer,
    flush,
    stop() {
      unsubscribe()
      cancelFlush?.()
    },
  }
}
