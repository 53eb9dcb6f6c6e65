// Sync as the rest of the agent sees it, whatever it is about to do.

import { describe, expect, test } from 'vitest'
import { createPeers } from '../../src/agent/peers.ts'

function stub() {
  const calls: unknown[][] = []
  return {
    calls,
    sync: {
      async refresh(...request: readonly unknown[]) {
        calls.push(['refresh', ...request])
      },
      flush: () => void calls.push(['flush']),
      peers: () => [],
      isInitialSyncDone: () => true,
      stop: async () => void calls.push(['stop']),
    },
  }
}

describe('sync', () => {
  test('without a secret never begins, and nobody waits for it', async () => {
    const peers = createPeers(false, () => {})
    expect(peers.isInitialSyncDone()).toBe(true)
    expect(peers.peers()).toEqual([])
    await expect(peers.refresh('n2', 'a', 100)).rejects.toMatchObject({ code: 'owner_lost' })
    await peers.stop()
  })

  test('begins once, is waited for until it is settled, and is stopped', async () => {
    const { calls, sync } = stub()
    let begun = 0
    const start = async () => {
      begun += 1
      return sync
    }
    const peers = createPeers(true, () => {})
    expect(peers.isInitialSyncDone()).toBe(false)
    peers.begin(start)
    peers.begin(start)
    peers.flush()
    expect(begun).toBe(1)
    await expect(peers.refresh('n2', 'a', 100)).rejects.toMatchObject({ code: 'owner_lost' })
    await Promise.resolve()
    expect(peers.isInitialSyncDone()).toBe(true)
    await peers.refresh('n2', 'a', 100)
    peers.flush()
    await peers.stop()
    expect(calls).toEqual([['refresh', 'n2', 'a', 100], ['flush'], ['stop']])
  })

  test('that is stopped while it begins is stopped when it has; afterwards it begins no more', async () => {
    const { calls, sync } = stub()
    const beginning = Promise.withResolvers<typeof sync>()
    let begun = 0
    const start = () => {
      begun += 1
      return beginning.promise
    }
    const peers = createPeers(true, () => {})
    peers.begin(start)
    const stopped = peers.stop()
    beginning.resolve(sync)
    await stopped
    expect(calls).toEqual([['stop']])
    peers.begin(start)
    expect(begun).toBe(1)
  })

  test('that can’t begin ends the agent, and can be stopped', async () => {
    const failures: unknown[] = []
    const error = new Error('the port is taken')
    const peers = createPeers(true, (failure) => failures.push(failure))
    peers.begin(() => Promise.reject(error))
    await peers.stop()
    expect(failures).toEqual([error])
    expect(peers.isInitialSyncDone()).toBe(false)
  })
})
