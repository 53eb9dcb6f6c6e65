// Who speaks for a node, and who may not when two claim to be it.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Link } from '../../src/sync/link.ts'
import { createMembers, type Members } from '../../src/sync/members.ts'
import type { Session } from '../../src/sync/session.ts'
import { self } from '../store/samples.ts'

let members: Members
beforeEach(() => {
  members = createMembers()
})

/** A session and a link, as far as membership goes. */
const session = (epoch: string, node = 'n1') => ({ peer: { epoch, self: self(node) } }) as unknown as Session
const link = () => ({}) as Link

describe('who speaks for a node', () => {
  test('is nobody at first', () => {
    expect(members.present('n1')).toBeUndefined()
    expect(members.decide('n1', 'e1')).toBe('join')
    expect(members.leave(session('e1'))).toBe(false)
  })

  test('is the first epoch, and another one only claims it', () => {
    const first = session('e1')
    expect(members.join(first)).toBeUndefined()
    expect(members.present('n1')).toBe(first)
    expect(members.decide('n1', 'e2')).toBe('claim')
    expect(members.decide('n2', 'e2')).toBe('join')
  })

  test('is the newer link of one epoch: it replaces the other, whose end means nothing', () => {
    const [first, second] = [session('e1'), session('e1')]
    members.join(first)
    expect(members.decide('n1', 'e1')).toBe('join')
    expect(members.join(second)).toBe(first)
    expect(members.leave(first)).toBe(false)
    expect(members.sessions()).toEqual([second])
  })

  test('is anybody once the present one is lost', () => {
    const first = session('e1')
    members.join(first)
    expect(members.leave(first)).toBe(true)
    expect(members.decide('n1', 'e2')).toBe('join')
  })

  test('is the epoch that was known first, as soon as it is back', () => {
    const [first, second] = [session('e1'), session('e2')]
    members.join(first)
    members.leave(first)
    members.join(second)
    expect(members.decide('n1', 'e1')).toBe('precede')
    expect(members.join(session('e1'))).toBe(second)
    expect(members.decide('n1', 'e2')).toBe('claim')
  })

  test('is no epoch that has ended, if another one speaks', () => {
    const first = session('e1')
    members.join(first)
    members.end('n1', 'e1')
    members.leave(first)
    members.join(session('e2'))
    expect(members.decide('n1', 'e1')).toBe('claim')
  })

  test('is the first one still, however many claim it while it is away', () => {
    const first = session('e1')
    members.join(first)
    members.leave(first)
    for (let n = 2; n < 100; n += 1) {
      const other = session(`e${n}`)
      members.join(other)
      if (n < 99) members.leave(other)
    }
    expect(members.decide('n1', 'e1')).toBe('precede')
  })
})

describe('a claim', () => {
  test('is one challenge, however many claim, and all of them wait for its end', () => {
    const [one, two] = [link(), link()]
    members.join(session('e1'))
    expect(members.claim('n1', one, 0)).toBe(true)
    expect(members.claim('n1', two, 1000)).toBe(false)
    expect(members.claimants('n1')).toEqual([one, two])
    expect(members.claimants('n1')).toEqual([])
    expect(members.claim('n1', one, 3000)).toBe(true)
  })

  test('is overdue after two seconds, and not before', () => {
    members.join(session('e1'))
    expect(members.nextOverdue()).toBe(Number.POSITIVE_INFINITY)
    members.claim('n1', link(), 500)
    expect(members.nextOverdue()).toBe(2500)
    expect(members.overdue(2499)).toEqual([])
    expect(members.overdue(2500)).toEqual(['n1'])
    members.claimants('n1')
    expect(members.overdue(2500)).toEqual([])
  })
})

test('nodes without anybody are forgotten, where there are very many', () => {
  const [first] = Array.from({ length: 10_001 }, (_, n) => {
    const one = session('e', `n${n}`)
    members.join(one)
    members.leave(one)
    return one
  })
  members.join(session('other', first!.peer.self.node))
  expect(members.decide(first!.peer.self.node, 'e')).toBe('claim')
})
