// One log line when the agent has become ready: what it has found.

import type { Clock } from '../clock.ts'
import type { Log } from '../logging/log.ts'
import { agentTarget, endpointNumberOf, type PeerView, type Stoppable } from '../model.ts'
import type { Store } from '../store/store.ts'

interface ReadyLogDeps {
  readonly clock: Clock
  readonly log: Log
  /** What is missing before `/-/ready` is 200. */
  readonly pending: () => readonly string[]
  readonly store: Pick<Store, 'entries'>
  readonly peers: () => readonly PeerView[]
}

const checkIntervalMs = 200

/** Logs once, and then does nothing. */
export function startReadyLog({ clock, log, pending, store, peers }: ReadyLogDeps): Stoppable {
  const startedAt = clock.now()
  let cancel = () => {}

  function check(): void {
    if (pending().length > 0) {
      cancel = clock.after(checkIntervalMs, check)
      return
    }
    const running = [...store.entries()].filter(({ target, ended }) => target.id !== agentTarget && !ended)
    log.info(
      {
        containers: running.filter(({ target }) => endpointNumberOf(target.id) === 1).length,
        targets: running.filter(({ endpoint }) => endpoint !== undefined).length,
        peers: peers().filter(({ state }) => state === 'connected').length,
        afterMs: Math.round(clock.now() - startedAt),
      },
      'ready',
    )
  }

  check()
  return { stop: async () => cancel() }
}
