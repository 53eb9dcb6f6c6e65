// Who speaks for a node, and who is believed when two claim to be it.

import { beforeEach, describe, expect, test } from 'vitest'
import { createMembers, type Members } from '../../src/sync/members.ts'
import type { Session } from '../../src/sync/session.ts'
import { self } from '../store/samples.ts'

let members: Members
beforeEach(() => {
  members = createMembers()
})

/** A session, as far as its membership goes. It is heard until it is told to fall silent. */
function session(epoch: string, node = 'n1') {
  let heardAt: number | undefined
  const given = {
    peer: { epoch, self: self(node) },
    link: { stats: () => ({ heardAt: heardAt ?? Number.POSITIVE_INFINITY }) },
  } as unknown as Session
  return Object.assign(given, {
    silentSince(at: number) {
      heardAt = at
    },
  })
}

const kinds = (now: number) => members.judge(now).map(({ kind }) => kind)

function contested() {
  const [one, two] = [session('e1'), session('e2')]
  members.join(one, 0)
  members.join(two, 1000)
  expect(kinds(3000)).toEqual(['contested'])
  return [one, two] as const
}

describe('who speaks for a node', () => {
  test('is nobody who never came', () => {
    expect(members.present('n1')).toBeUndefined()
    expect(members.isContested('n1')).toBe(false)
    expect(members.leave(session('e1'))).toBeUndefined()
  })

  test('is the newest epoch, and the one before it once that is gone', () => {
    const [former, newest] = [session('e1'), session('e2')]
    expect(members.join(former, 0)).toBeUndefined()
    expect(members.join(newest, 1000)).toBeUndefined()
    expect(members.present('n1')).toBe(newest)
    expect([...members.sessions()]).toEqual([former, newest])
    expect(members.leave(newest)).toBe(former)
    expect(members.leave(former)).toBeUndefined()
    expect([...members.sessions()]).toEqual([])
  })

  test('is the newer link of one epoch: it replaces the other, whose end means nothing', () => {
    const [first, second] = [session('e1'), session('e1')]
    members.join(first, 0)
    expect(members.join(second, 1000)).toBe(first)
    expect(members.leave(first)).toBe(second)
    expect([...members.sessions()]).toEqual([second])
  })

  test('is the epoch that called last, whichever came first', () => {
    const again = session('e1')
    members.join(session('e1'), 0)
    members.join(session('e2'), 1000)
    members.join(again, 2000)
    expect(members.present('n1')).toBe(again)
  })
})

describe('a restart', () => {
  test.each([
    ['soon after', 100],
    ['long after', 3_600_000],
  ])('%s the start is no claim, while the former link has only not been missed yet', (_, at) => {
    const former = session('e1')
    members.join(former, 0)
    former.silentSince(at + 1999)
    members.join(session('e2'), at)
    for (const later of [0, 1999, 2000, 2250, 10_000]) expect(kinds(at + later)).toEqual([])
    expect(members.isContested('n1')).toBe(false)
  })

  test('after a restart is none either', () => {
    const [first, second] = [session('e1'), session('e2')]
    members.join(first, 0)
    members.join(second, 5000)
    first.silentSince(5000)
    members.leave(first)
    members.join(session('e3'), 60_000)
    second.silentSince(60_100)
    expect(kinds(63_000)).toEqual([])
  })

  test('whose former link is linked anew makes no new epoch: the other one’s time goes on', () => {
    members.join(session('e1'), 0)
    members.join(session('e2'), 1000)
    members.join(session('e1'), 2900)
    const other = [...members.sessions()].find(({ peer }) => peer.epoch === 'e2')
    ;(other as ReturnType<typeof session>).silentSince(3000)
    expect(kinds(3000)).toEqual(['contested'])
  })
})

describe('a node id claimed twice', () => {
  test('is told once, with both claimants, as soon as both have spoken long enough', () => {
    const [one, two] = [session('e1'), session('e2')]
    members.join(one, 0)
    members.join(two, 1000)
    for (const speaker of [one, two]) speaker.silentSince(2999)
    expect(members.judge(2999)).toEqual([])
    for (const speaker of [one, two]) speaker.silentSince(3000)
    expect(members.judge(3000)).toEqual([{ node: 'n1', kind: 'contested', sessions: [one, two] }])
    expect(members.isContested('n1')).toBe(true)
    expect(members.judge(3250)).toEqual([])
  })

  test('leaves other nodes alone', () => {
    const other = session('e9', 'n2')
    members.join(other, 0)
    contested()
    expect(members.isContested('n2')).toBe(false)
    expect(members.present('n2')).toBe(other)
  })

  test('is settled ten seconds after the last time that both were heard', () => {
    const [one, two] = contested()
    expect(kinds(20_000)).toEqual([])
    members.leave(two)
    expect(kinds(29_999)).toEqual([])
    expect(members.isContested('n1')).toBe(true)
    expect(members.judge(30_000)).toEqual([{ node: 'n1', kind: 'settled', sessions: [one] }])
    expect(members.isContested('n1')).toBe(false)
    expect(members.present('n1')).toBe(one)
    expect(kinds(40_000)).toEqual([])
  })

  test('whose claimants take turns is never settled, nor when both have gone for a moment', () => {
    const [one, two] = contested()
    members.leave(one)
    members.leave(two)
    expect(members.isContested('n1')).toBe(true)
    members.join(session('e1'), 5000)
    members.join(session('e2'), 6000)
    expect(kinds(8000)).toEqual([])
    expect(kinds(17_999)).toEqual([])
    expect(members.isContested('n1')).toBe(true)
  })

  test('may be claimed again later, and is told again', () => {
    const [one, two] = contested()
    members.leave(two)
    expect(kinds(13_000)).toEqual(['settled'])
    members.join(session('e3'), 20_000)
    expect(kinds(22_000)).toEqual(['contested'])
    members.leave(one)
  })

  test('by two that have both gone for good is forgotten', () => {
    const [one, two] = contested()
    members.leave(one)
    members.leave(two)
    expect(kinds(13_000)).toEqual(['settled'])
    members.join(session('e3'), 14_000)
    expect(members.judge(30_000)).toEqual([])
    expect([...members.sessions()]).toHaveLength(1)
  })
})
