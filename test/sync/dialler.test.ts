// When each address is dialled.

import { beforeEach, describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { createChangeLog } from '../../src/logging/change-log.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Channel } from '../../src/sync/channel.ts'
import { createDialler, type Dialler } from '../../src/sync/dialler.ts'
import { tickIntervalMs } from '../../src/sync/link.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'

const failure = { code: 'reset', reason: 'reset' } as const

let clock: VirtualClock
let dialler: Dialler
let stopping: AbortController
let dialled: { address: string; at: number; answer: (error?: unknown) => void }[]
let linkedNodes: Set<string>
let warnings: string[]
let startedAt: number

beforeEach(() => {
  clock = virtualClock()
  startedAt = clock.now()
  stopping = new AbortController()
  dialled = []
  warnings = []
  linkedNodes = new Set()
  dialler = createDialler({
    clock,
    log: { ...createLog('silent'), warn: (fields) => warnings.push(JSON.stringify(fields)) },
    changes: createChangeLog(clock),
    stopping: stopping.signal,
    dial: (address) =>
      new Promise((resolve, reject) => {
        const answer = (error?: unknown) => (error ? reject(error) : resolve({ address } as Channel))
        dialled.push({ address, at: clock.now() - startedAt, answer })
      }),
    hasLink: (node) => linkedNodes.has(node),
    on: () => {},
  })
})

/** Lets time pass with the mesh's ticks. */
async function pass(ms: number): Promise<void> {
  const until = clock.now() + ms
  while (clock.now() + tickIntervalMs <= until) {
    await clock.pass(tickIntervalMs)
    dialler.dialDue()
  }
  await clock.pass(until - clock.now())
}
const refuse = (dial = dialled.at(-1)!) =>
  dial.answer(new ProxyError('connection_refused', 'connection refused'))
const addresses = () => dialled.splice(0).map(({ address }) => address)
const one = () => [...dialler.addresses()][0]

test('a new address is dialled at once, and not again while it is', async () => {
  dialler.setAddresses(['a:1'])
  expect(addresses()).toEqual(['a:1'])
  dialler.setAddresses(['a:1', 'b:1'])
  await pass(10_000)
  expect(addresses()).toEqual(['b:1'])
})

test('after each failure in a row an address waits for longer, but never for more than 2.5 s', async () => {
  dialler.setAddresses(['a:1'])
  for (let n = 0; n < 60; n += 1) {
    const before = dialled.length
    refuse()
    while (dialled.length === before) await pass(tickIntervalMs)
  }
  const pauses = dialled.slice(1).map(({ at }, n) => at - dialled[n]!.at)
  expect(pauses.slice(0, 5)).toEqual([500, 500, 1000, 1000, 1000])
  expect(Math.max(...pauses)).toBeLessThanOrEqual(1500)
})

test('addresses at which nobody answers hold up no others', async () => {
  const dead = Array.from({ length: 100 }, (_, n) => `dead${n}:1`)
  dialler.setAddresses([...dead, 'a:1'])
  expect(addresses()).toContain('a:1')
})

test('no more than 128 are dialled at once; the next follows as soon as one is done', async () => {
  dialler.setAddresses(Array.from({ length: 200 }, (_, n) => `a${n}:1`))
  expect(dialled).toHaveLength(128)
  refuse(dialled[0])
  await clock.pass(0)
  expect(dialled).toHaveLength(129)
})

describe('an address', () => {
  beforeEach(async () => {
    dialler.setAddresses(['a:1'])
    dialled.shift()!.answer()
    await clock.pass(0)
  })

  test('that is this agent’s own is dialled again after a minute only', async () => {
    dialler.isSelf('a:1')
    dialler.ended('a:1', 1)
    await pass(59_500)
    expect(addresses()).toEqual([])
    await pass(500)
    expect(addresses()).toEqual(['a:1'])
  })

  test('of a node that has a link is not dialled until that is lost', async () => {
    dialler.belongs('a:1', 'n1')
    dialler.ended('a:1', 1)
    linkedNodes.add('n1')
    await pass(10_000)
    expect(addresses()).toEqual([])
    linkedNodes.clear()
    await pass(500)
    expect(addresses()).toEqual(['a:1'])
  })

  test('is dialled at once after a link that lasted, and later after ones that didn’t', () => {
    dialler.ended('a:1', 10_000, failure)
    dialler.dialDue()
    expect(addresses()).toEqual(['a:1'])
    dialler.ended('a:1', 9999, failure)
    dialler.dialDue()
    expect(addresses()).toEqual([])
    dialler.retry('n1', 'b:1')
    dialler.dialDue()
    expect(addresses()).toEqual(['a:1'])
  })

  test('that is found again stays what it is', () => {
    for (let n = 0; n < 3; n += 1) dialler.ended('a:1', 0, failure)
    dialler.setAddresses(['a:1', 'b:1'])
    expect(addresses()).toEqual(['b:1'])
    expect(one()).toMatchObject({ failures: 3, failure })
    dialler.ended('a:1', 0)
    expect(one()).toMatchObject({ failures: 0, failure: undefined })
  })

  test('that is no longer found is forgotten once its link is gone', () => {
    dialler.setAddresses([])
    expect([...dialler.addresses()]).toHaveLength(1)
    dialler.ended('a:1', 0, failure)
    dialler.setAddresses([])
    expect([...dialler.addresses()]).toHaveLength(0)
  })
})

test('a failure is logged once until there was a link; that nobody listens yet, only some time after the start', async () => {
  dialler.setAddresses(['a:1'])
  const unreachable = { code: 'unreachable', reason: 'no agent listens' } as const
  dialler.warn('a:1', unreachable)
  expect(warnings).toEqual([])
  await clock.pass(10_000)
  dialler.warn('a:1', unreachable)
  dialler.warn('a:1', unreachable)
  expect(warnings).toHaveLength(1)
  dialler.isUsed('a:1')
  dialler.warn('a:1', unreachable)
  expect(warnings).toHaveLength(2)
})

test('once sync stops nothing is dialled or logged', async () => {
  stopping.abort()
  dialler.setAddresses(['a:1'])
  dialler.warn('a:1', failure)
  expect(dialled).toEqual([])
  expect(warnings).toEqual([])
})
