// Real agents' sync over real SSH on loopback.

import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
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
    const n3 = await start('n3', [at(n1), at(n2)])
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
    await until(() => n3.sync.isSettled() && n1.sync.isSettled())
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

  test('a stopped agent’s pages stay, and its successor is believed at once', async () => {
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

describe('the secret', () => {
  test('another one is refused before anything is said: logged once, counted, shown', async () => {
    const n1 = await start('n1', [])
    const n2 = await start('n2', [at(n1)], { secret: 'quite another secret' })
    const failed = await until(() => n2.sync.peers().find(({ state }) => state === 'failed'))
    expect(failed.trouble).toMatchObject({
      reason: expect.stringContaining('another secret'),
      mend: expect.any(String),
    })
    await until(() => /refused_total\{why="unproven"\} [2-9]/.test(n1.metrics.print()))
    expect(n2.told.filter((line) => line.includes('another secret'))).toHaveLength(1)
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
    expect(n2.told.filter((line) => line.includes('secret'))).toEqual([])
  })
})
