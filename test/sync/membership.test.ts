// Who speaks for a node, and who may not when two claim to be it.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Link } from '../../src/sync/link.ts'
import { createMembership, type Membership } from '../../src/sync/membership.ts'
import type { Session } from '../../src/sync/session.ts'
import { self } from '../store/samples.ts'

let membership: Membership
beforeEach(() => {
  membership = createMembership()
})

/** A session and a link, as far as membership goes. */
const session = (epoch: string, node = 'n1') => ({ peer: { epoch, self: self(node) } }) as unknown as Session
const link = () => ({}) as Link

describe('who speaks for a node', () => {
  test('is nobody at first', () => {
    expect(membership.present('n1')).toBeUndefined()
    expect(membership.isClaimant('n1', 'e1')).toBe(false)
    expect(membership.leave(session('e1'))).toBe(false)
  })

  test('is the first epoch, and another one only claims it', () => {
    const first = session('e1')
    expect(membership.join(first)).toBeUndefined()
    expect(membership.present('n1')).toBe(first)
    expect(membership.isClaimant('n1', 'e2')).toBe(true)
    expect(membership.isClaimant('n2', 'e2')).toBe(false)
  })

  test('is the newer link of one epoch: it replaces the other, whose end means nothing', () => {
    const [first, second] = [session('e1'), session('e1')]
    membership.join(first)
    expect(membership.isClaimant('n1', 'e1')).toBe(false)
    expect(membership.join(second)).toBe(first)
    expect(membership.leave(first)).toBe(false)
    expect(membership.sessions()).toEqual([second])
  })

  test('is anybody once the present one is lost', () => {
    const first = session('e1')
    membership.join(first)
    expect(membership.leave(first)).toBe(true)
    expect(membership.isClaimant('n1', 'e2')).toBe(false)
  })

  test('is the epoch that was known first, as soon as it is back', () => {
    const [first, second] = [session('e1'), session('e2')]
    membership.join(first)
    membership.leave(first)
    membership.join(second)
    expect(membership.isClaimant('n1', 'e1')).toBe(false)
    expect(membership.join(session('e1'))).toBe(second)
    expect(membership.isClaimant('n1', 'e2')).toBe(true)
  })

  test('is no epoch that has ended, if another one speaks', () => {
    const first = session('e1')
    membership.join(first)
    membership.end('n1', 'e1')
    membership.leave(first)
    membership.join(session('e2'))
    expect(membership.isClaimant('n1', 'e1')).toBe(true)
  })

  test('is the first one still, however many claim it while it is away', () => {
    const first = session('e1')
    membership.join(first)
    membership.leave(first)
    for (let n = 2; n < 100; n += 1) {
      const other = session(`e${n}`)
      membership.join(other)
      if (n < 99) membership.leave(other)
    }
    expect(membership.isClaimant('n1', 'e1')).toBe(false)
  })
})

test('a claim is one challenge, however many claim, and all of them wait for its end', () => {
  const [one, two] = [link(), link()]
  membership.join(session('e1'))
  expect(membership.claim('n1', one)).toBe(true)
  expect(membership.claim('n1', two)).toBe(false)
  expect(membership.claim('n1', two)).toBe(false)
  expect(membership.takeClaimants('n1')).toEqual([one, two])
  expect(membership.takeClaimants('n1')).toEqual([])
  expect(membership.claim('n1', one)).toBe(true)
})

test('nodes without anybody are forgotten, where there are very many', () => {
  const [first] = Array.from({ length: 10_001 }, (_, n) => {
    const one = session('e', `n${n}`)
    membership.join(one)
    membership.leave(one)
    return one
  })
  membership.join(session('other', first!.peer.self.node))
  expect(membership.isClaimant(first!.peer.self.node, 'e')).toBe(true)
})
