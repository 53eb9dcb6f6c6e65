// Sync as the rest of the agent sees it: there from the start, whether or not there are peers yet. It begins once
// the agent knows which node it is on; without a secret it never does.

import { ProxyError } from '../errors.ts'
import type { NodeId, PeerView, Stoppable } from '../model.ts'

interface Sync extends Stoppable {
  refresh(node: NodeId, id: string, budget: number): Promise<void>
  flush(): void
  peers(): readonly PeerView[]
  isSettled(): boolean
}

export interface Peers extends Sync {
  /** The node is known: time to look for the others. Only the first call counts. */
  begin(): void
}

export function createPeers(
  start: (() => Promise<Sync>) | undefined,
  failed: (error: unknown) => void,
): Peers {
  let starting: Promise<Sync | undefined> | undefined
  let sync: Sync | undefined
  let isStopped = false

  async function run(startSync: () => Promise<Sync>): Promise<Sync | undefined> {
    try {
      sync = await startSync()
      return sync
    } catch (error) {
      failed(error)
      return undefined
    }
  }

  return {
    begin() {
      if (start && !isStopped) starting ??= run(start)
    },
    async refresh(node, id, budget) {
      if (!sync) throw new ProxyError('owner_lost', 'there is no link to the agent of that node')
      await sync.refresh(node, id, budget)
    },
    flush: () => sync?.flush(),
    peers: () => sync?.peers() ?? [],
    isSettled: () => !start || (sync?.isSettled() ?? false),
    async stop() {
      isStopped = true
      const running = await starting
      await running?.stop()
    },
  }
}
