// Sync as the rest of the agent sees it, whether or not it runs: it starts once the agent's node is known, and never
// without a secret.

import { ProxyError } from '../errors.ts'
import type { NodeId, PeerView } from '../model.ts'
import type { Sync } from '../sync/sync.ts'

interface Peers extends Omit<Sync, 'port'> {
  /** Only the first call starts sync. */
  begin(start: () => Promise<Omit<Sync, 'port'>>): void
}

/** `isExpected`: there is a secret, so that the initial sync isn't done before sync has run. */
export function createPeers(isExpected: boolean, onFailure: (error: unknown) => void): Peers {
  let starting: Promise<void> | undefined
  let sync: Omit<Sync, 'port'> | undefined
  let isStopped = false

  return {
    begin(start) {
      if (isStopped) return
      starting ??= start().then((started) => {
        sync = started
      }, onFailure)
    },
    async refresh(node: NodeId, id: string, timeoutMs: number) {
      if (!sync) throw new ProxyError('owner_lost', 'there is no link to the agent of that node')
      return sync.refresh(node, id, timeoutMs)
    },
    flush: () => sync?.flush(),
    peers: (): readonly PeerView[] => sync?.peers() ?? [],
    isInitialSyncDone: () => !isExpected || (sync?.isInitialSyncDone() ?? false),
    async stop() {
      isStopped = true
      await starting
      await sync?.stop()
    },
  }
}
