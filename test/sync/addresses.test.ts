import { describe, expect, test } from 'vitest'
import { createAddresses, jitter, pauseAfter } from '../../src/sync/addresses.ts'

const trouble = { code: 'refused', reason: 'refused' } as const
const nobody = () => false
const everybody = () => true

function one() {
  const addresses = createAddresses('seed')
  addresses.replace(['a:1'])
  return addresses
}

test('the pause doubles up to five seconds', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map(pauseAfter)).toEqual([0, 250, 500, 1000, 2000, 4000, 5000, 5000])
})

test('agents that fail together don’t try again together, yet each at its own constant pace', () => {
  const all = Array.from({ length: 200 }, (_, n) => jitter(`seed${n}`, 'a:1'))
  expect(Math.min(...all)).toBeGreaterThanOrEqual(0.75)
  expect(Math.max(...all)).toBeLessThanOrEqual(1.25)
  expect(new Set(all).size).toBeGreaterThan(50)
  expect(jitter('seed1', 'a:1')).toBe(all[1])
})

describe('an address', () => {
  test('is tried at once, and not while it is tried', () => {
    const addresses = one()
    expect(addresses.due(0, nobody)).toEqual(['a:1'])
    addresses.dialling('a:1')
    expect(addresses.due(0, nobody)).toEqual([])
  })

  test('is new once', () => {
    const addresses = createAddresses('seed')
    expect(addresses.replace(['a:1'])).toBe(true)
    expect(addresses.replace(['a:1'])).toBe(false)
    expect(addresses.replace(['a:1', 'b:1'])).toBe(true)
    expect(addresses.replace(['b:1'])).toBe(false)
  })

  test('that waits tells when it may be tried again', () => {
    const addresses = one()
    expect(addresses.nextTry(0)).toBe(Number.POSITIVE_INFINITY)
    addresses.replace(['a:1', 'b:1'])
    addresses.ended('a:1', 0, 0, trouble)
    addresses.ended('b:1', 100, 0, trouble)
    const [a, b] = ['a:1', 'b:1'].map((address) => 250 * jitter('seed', address))
    expect(addresses.nextTry(0)).toBe(Math.min(a!, 100 + b!))
    expect(addresses.nextTry(Math.min(a!, 100 + b!))).toBe(Math.max(a!, 100 + b!))
    addresses.dialling('a:1')
    addresses.dialling('b:1')
    expect(addresses.nextTry(0)).toBe(Number.POSITIVE_INFINITY)
  })

  test('that is our own is tried again after a minute only', () => {
    const addresses = one()
    addresses.isSelf('a:1', 0)
    addresses.ended('a:1', 0, 0)
    expect(addresses.due(59_000, nobody)).toEqual([])
    expect(addresses.due(60_000, nobody)).toEqual(['a:1'])
  })

  test('of a node that is linked is left alone', () => {
    const addresses = one()
    addresses.belongs('a:1', 'n1')
    addresses.ended('a:1', 0, 0)
    expect(addresses.due(1, everybody)).toEqual([])
    expect(addresses.due(1, nobody)).toEqual(['a:1'])
  })

  test('is tried at once after a link that held, and ever later after ones that didn’t', () => {
    const addresses = one()
    for (let n = 0; n < 5; n += 1) addresses.ended('a:1', 0, 100, trouble)
    expect(addresses.due(2900, nobody)).toEqual([])
    expect(addresses.due(5000, nobody)).toEqual(['a:1'])
    addresses.ended('a:1', 5000, 9999, trouble)
    expect(addresses.due(5000, nobody)).toEqual([])
    addresses.ended('a:1', 5000, 10_000, trouble)
    expect(addresses.due(5000, nobody)).toEqual(['a:1'])
  })

  test('that is found again stays what it is: waiting out its pause, or linked', () => {
    const addresses = one()
    for (let n = 0; n < 3; n += 1) addresses.ended('a:1', 0, 0, trouble)
    addresses.replace(['a:1', 'b:1'])
    expect(addresses.due(1, nobody)).toEqual(['b:1'])
    expect([...addresses.all()][0]).toMatchObject({ failures: 3, trouble })
    addresses.linked('b:1')
    addresses.replace(['a:1', 'b:1'])
    expect(addresses.due(1, nobody)).toEqual([])
    addresses.ended('a:1', 0, 0)
    expect([...addresses.all()][0]).not.toHaveProperty('trouble')
  })

  test('that is no longer found is forgotten, once its link is gone', () => {
    const addresses = one()
    addresses.linked('a:1')
    addresses.replace([])
    expect([...addresses.all()]).toHaveLength(1)
    addresses.ended('a:1', 0, 0, trouble)
    addresses.replace([])
    expect([...addresses.all()]).toHaveLength(0)
  })
})

test('no more than sixteen are tried at once', () => {
  const addresses = createAddresses('seed')
  addresses.replace(Array.from({ length: 100 }, (_, n) => `a${n}:1`))
  const first = addresses.due(0, nobody)
  expect(first).toHaveLength(16)
  for (const address of first) addresses.dialling(address)
  expect(addresses.due(0, nobody)).toHaveLength(0)
})
