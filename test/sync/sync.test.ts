// Real agents' sync over real SSH on loopback.

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { ProxyError } from '../../src/errors.ts'
import type { Store } from '../../src/store/store.ts'
import { agents, at, linked, run, show, start, stop, stopAll, textOf, until } from './agents.ts'

afterEach(stopAll)

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)

const page = (value: number) =>
  Array.from({ length: 900 }, (_, n) => `metric_${n}{a="b"} ${n % 50 === 0 ? n * value : n}`).join('\n')

describe('three agents over SSH', () => {
  test('share all pages, over one link a pair, and ask each other', async () => {
    const refreshOwn = async (store: Store, id: string) => show(store, id, page(7))
    const n1 = await start('n1', [], { refreshOwn })
    const n2 = await start('n2', [at(n1)])
    const later = { ...systemClock, now: () => systemClock.now() + 1_000_000 }
    const n3 = await start('n3', [at(n1), at(n2)], { clock: later })
    for (const [agent, node] of [
      [n1, 'n1'],
      [n2, 'n2'],
      [n3, 'n3'],
    ] as const)
      run(agent, node, `c-${node}`)
    show(n1.store, 'c-n1', page(1))
    for (const agent of [n1, n2, n3]) await linked(agent, 2)
    await until(() => textOf(n3, 'n1', 'c-n1') === page(1) && textOf(n2, 'n1', 'c-n1') === page(1))
    await n3.sync.refresh('n1', 'c-n1', 5000)
    expect(textOf(n3, 'n1', 'c-n1')).toBe(page(7))
    expect(n3.metrics.print()).toMatch(/sync_refresh_seconds_bucket\{le="10"\} 1$/m)
    expect(n1.metrics.print()).toMatch(/sync_refresh_seconds_count 0$/m)
    await until(() => n3.sync.isInitialSyncDone() && n1.sync.isInitialSyncDone())
    expect(n3.sync.peers().toSorted((a, b) => (a.node! < b.node! ? -1 : 1))).toMatchObject([
      { node: 'n1', state: 'connected' },
      { node: 'n2', state: 'connected' },
    ])
    expect(n3.metrics.print()).toMatch(/sync_received_messages_total\{kind="page"\} [1-9]/)
    expect(n1.metrics.print()).toMatch(/sync_sent_messages_total\{kind="page_delta"\} [1-9]/)
  })

  test.skipIf(!hasIPv6)('meet by IPv6 too', async () => {
    const n1 = await start('n1', [])
    const n2 = await start('n2', [`[::1]:${n1.sync.port}`])
    await linked(n2, 1)
    expect(n2.sync.peers()).toMatchObject([{ address: `[::1]:${n1.sync.port}`, state: 'connected' }])
  })

  test('a large page passes whole, and others go on meanwhile', async () => {
    const n1 = await start('n1', [])
    const n2 = await start('n2', [at(n1)])
    run(n1, 'n1', 'a')
    await linked(n2, 1)
    const large = Array.from({ length: 400_000 }, (_, n) => `m_${n} ${Math.sin(n)}`).join('\n')
    show(n1.store, 'a', large)
    await until(() => textOf(n2, 'n1', 'a')?.length === large.length)
    expect(textOf(n2, 'n1', 'a') === large).toBe(true)
  })

  test('a stopped agent’s pages stay, and its successor is used at once', async () => {
    const n1 = await start('n1', [])
    const n2 = await start('n2', [at(n1)])
    run(n1, 'n1', 'a')
    show(n1.store, 'a', page(1))
    await until(() => textOf(n2, 'n1', 'a') === page(1))
    const { port } = n1.sync
    await stop(agents.splice(0, 1)[0]!)
    await until(() => n2.store.nodes()[1]?.link === 'lost')
    expect(textOf(n2, 'n1', 'a')).toBe(page(1))
    const again = await start('n1', [], { port })
    run(again, 'n1', 'a')
    show(again.store, 'a', page(2))
    await until(() => textOf(n2, 'n1', 'a') === page(2))
  })
})

describe('peers are looked for', () => {
  /** Every few seconds: here as often as is said, or never again. */
  const every = (pause: number | 'never'): Clock => ({
    ...systemClock,
    sleep: (ms, signal) =>
      systemClock.sleep(ms === 5000 ? (pause === 'never' ? 600_000 : pause) : ms, signal),
  })

  test('again and again: who comes later is found, and what can’t be looked up is logged once', async () => {
    const n1 = await start('n1', [])
    let found: readonly string[] = []
    let lookUps = 0
    const lookUp = async () => {
      lookUps += 1
      if (lookUps <= 3) throw new ProxyError('unreachable', 'SERVFAIL')
      return found
    }
    const n2 = await start('n2', [`peer:${n1.sync.port}`], { lookUp, clock: every(20) })
    await until(() => lookUps > 5)
    expect(n2.logged.filter((line) => line.startsWith('peers can’t be found'))).toHaveLength(1)
    found = ['127.0.0.1']
    await linked(n2, 1)
  })

  test('after the start it is a warning that they can’t be found', async () => {
    let sinceStartMs = 0
    const clock = { ...every(20), now: () => systemClock.now() + sinceStartMs }
    const lookUp = () => Promise.reject(new ProxyError('unreachable', 'SERVFAIL'))
    const { logged } = await start('n1', ['peer:1'], { lookUp, clock })
    const failures = () =>
      logged.filter((line) => line.startsWith('peers can’t be found')).map((line) => line.split(' {')[0])
    await until(() => failures().length > 0)
    sinceStartMs = 15_001
    await until(() => failures().length > 1)
    expect(failures()).toEqual(['peers can’t be found yet', 'peers can’t be found'])
  })

  test('at once when a link is lost', async () => {
    const n1 = await start('n1', [])
    let lookUps = 0
    const lookUp = async () => {
      lookUps += 1
      return ['127.0.0.1']
    }
    const n2 = await start('n2', [`peer:${n1.sync.port}`], { lookUp, clock: every('never') })
    await linked(n2, 1)
    expect(lookUps).toBe(1)
    await stop(agents.splice(0, 1)[0]!)
    await until(() => lookUps === 2)
  })

  test('an agent that finds no addresses is complete; one whose peer sends nothing waits for it a while', async () => {
    const alone = await start('n1', [])
    await until(() => alone.sync.isInitialSyncDone())
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    let now = 0
    const clock = { ...systemClock, now: () => systemClock.now() + now }
    const waiting = await start('n2', [`127.0.0.1:${port}`], { clock })
    await until(() => waiting.sync.peers().length === 1)
    expect(waiting.sync.isInitialSyncDone()).toBe(false)
    now = 14_000
    expect(waiting.sync.isInitialSyncDone()).toBe(false)
    now = 15_001
    expect(waiting.sync.isInitialSyncDone()).toBe(true)
    now = 0
    expect(waiting.sync.isInitialSyncDone()).toBe(true)
    silent.close()
  })
})

describe('leaves nothing running', () => {
  /** The time, and what waits for it: timers, and the pause until peers are looked for again. */
  function watched(): { clock: Clock; waiting: () => number } {
    const timers = new Set<object>()
    const clock: Clock = {
      ...systemClock,
      after(ms, callback) {
        const timer = {}
        timers.add(timer)
        const cancel = systemClock.after(ms, () => {
          timers.delete(timer)
          callback()
        })
        return () => {
          timers.delete(timer)
          cancel()
        }
      },
      async sleep(ms, signal) {
        const nap = {}
        if (ms === 5000) timers.add(nap)
        await systemClock.sleep(ms, signal).finally(() => timers.delete(nap))
      },
    }
    return { clock, waiting: () => timers.size }
  }

  test('a start on a port that is taken', async () => {
    const n1 = await start('n1', [])
    const { clock, waiting } = watched()
    await expect(start('n2', [], { port: n1.sync.port, clock })).rejects.toThrow('is in use')
    expect(waiting()).toBe(0)
  })

  test('a stop', async () => {
    const n1 = await start('n1', [])
    const { clock, waiting } = watched()
    const n2 = await start('n2', [at(n1)], { clock })
    await linked(n2, 1)
    expect(waiting()).toBeGreaterThan(0)
    await stop(agents.pop()!)
    expect(waiting()).toBe(0)
    await until(() => n1.store.nodes()[1]?.failure?.reason.includes('the agent is stopping'))
  })
})

describe('the secret', () => {
  test('another one is refused before anything is said: logged once, counted, shown', async () => {
    const n1 = await start('n1', [])
    const n2 = await start('n2', [at(n1)], { secret: 'quite another secret' })
    const failed = await until(() => n2.sync.peers().find(({ state }) => state === 'failed'))
    expect(failed.failure).toMatchObject({
      reason: expect.stringContaining('another secret'),
      hint: expect.any(String),
    })
    await until(() => /refused_total\{reason="unproven"\} [2-9]/.test(n1.metrics.print()))
    expect(n2.logged.filter((line) => line.includes('another secret'))).toHaveLength(1)
    expect(n1.store.nodes()).toHaveLength(1)
    expect(n2.store.nodes()).toHaveLength(1)
  })

  test.each([
    ['accept, on one side', ['old secret', 'new secret'], ['old secret', undefined]],
    ['switch, on one side', ['new secret', 'old secret'], ['old secret', 'new secret']],
    ['let go, on one side', ['new secret', undefined], ['new secret', 'old secret']],
  ])('is changed in two updates: %s', async (_, [one, onePrevious], [other, otherPrevious]) => {
    const options = (secret?: string, previousSecret?: string) => ({
      secret: secret!,
      ...(previousSecret && { previousSecret }),
    })
    const n1 = await start('n1', [], options(one, onePrevious))
    const n2 = await start('n2', [at(n1)], options(other, otherPrevious))
    await linked(n2, 1)
    await stop(agents.pop()!)
    await stop(agents.pop()!)
    const n3 = await start('n1', [], options(other, otherPrevious))
    await linked(await start('n2', [at(n3)], options(one, onePrevious)), 1)
    expect(n2.logged.filter((line) => line.includes('secret'))).toEqual([])
  })
})
