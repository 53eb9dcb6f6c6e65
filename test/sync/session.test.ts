// One accepted link at work.

import { beforeEach, describe, expect, test } from 'vitest'
import { plainPage } from '../../src/page.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { bodyOf } from '../../src/sync/body.ts'
import { createIntake } from '../../src/sync/intake.ts'
import type { Link } from '../../src/sync/link.ts'
import type { Message } from '../../src/sync/messages.ts'
import { fingerprint, pack } from '../../src/sync/pack.ts'
import { createSession, type Session } from '../../src/sync/session.ts'
import { createVersions, type Versions } from '../../src/sync/versions.ts'
import { createLog } from '../../src/telemetry.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { catalogue, found, self, snapshot, target } from '../store/samples.ts'

let clock: VirtualClock
let store: Store
let versions: Versions
let session: Session
let sent: Message[]
let writable: boolean
let isFullAfterEach: boolean
let believed: boolean
let roundTrip: number | undefined

const peer = {
  kind: 'hello',
  ...{ newest: 1, oldest: 1, version: '2.0.0', epoch: 'theirs' },
  self: self('n2'),
} as const

beforeEach(() => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfter: 300_000, version: '1.0.0' })
  store.identify(self('n1'))
  store.peers.up(peer)
  versions = createVersions()
  sent = []
  writable = believed = true
  isFullAfterEach = false
  roundTrip = undefined
  session = createSession({
    link: {
      send(message: Message) {
        sent.push(message)
        if (isFullAfterEach) writable = false
      },
      isWritable: () => writable,
      stats: () => ({ roundTrip }),
    } as unknown as Link,
    ...{ peer, store, versions, clock, log: createLog('silent') },
    intake: createIntake({ node: 'n2', store: store.peers, clock, visible: () => {} }),
    refreshOwn: async () => {},
    isBelieved: () => believed,
  })
})

const run = (...ids: readonly string[]) => {
  store.replaceTargets(ids.map((id) => target(id)))
  for (const id of ids) session.mark(id)
}
const digest = (epoch = ''): Message => ({ kind: 'digest', epoch, held: [] })
const listing = (id: string, born: number): Message => ({
  kind: 'listing',
  ...{ number: born, born, target: target(id, { node: 'n2' }), finding: found },
})
/** What was sent since the last look, in short. */
const told = () =>
  sent.splice(0).map((one) => (one.kind === 'listing' ? `${one.kind} ${one.target.id}` : one.kind))
const flush = () => {
  session.flush()
  return told()
}

describe('what it tells', () => {
  test('waits for the peer’s digest, then is all that we have, and that this was all', () => {
    run('a', 'b')
    store.markWhole()
    expect(flush()).toEqual([])
    session.take(digest())
    expect(told()).toEqual(['listing a', 'listing b', 'whole'])
    run('a', 'b', 'c')
    expect(flush()).toEqual(['listing c'])
  })

  test('is said to be all only when we know that it is, once for each digest', () => {
    run('a')
    session.take(digest())
    expect(told()).toEqual(['listing a'])
    store.markWhole()
    expect(flush()).toEqual(['whole'])
    expect(flush()).toEqual([])
    session.take(digest())
    expect(told()).toEqual(['listing a', 'whole'])
  })

  test('waits while the link takes no more, and is not said to be all meanwhile', () => {
    store.markWhole()
    run('a', 'b')
    writable = false
    session.take(digest())
    store.identify(self('n1', { manager: true }))
    expect(flush()).toEqual([])
    run('a')
    writable = true
    expect(flush()).toEqual(['self', 'listing a', 'whole'])
  })

  test('stops as soon as the link takes no more', () => {
    store.markWhole()
    run('a', 'b')
    isFullAfterEach = true
    session.take(digest())
    expect(told()).toEqual(['listing a'])
    writable = true
    expect(flush()).toEqual(['listing b', 'whole'])
  })

  test('begins with what the peer must let go of', () => {
    session.take({ kind: 'digest', epoch: store.own.epoch, held: [[5, 5, 0, 0]] })
    expect(sent).toEqual([{ kind: 'gone', born: 5 }])
  })

  test('is a page in full after the peer couldn’t use a difference', () => {
    run('a')
    session.take(digest())
    const show = (text: string) => {
      store.putSnapshot('a', snapshot(clock.now(), text))
      const page = plainPage(Buffer.from(text), { format: 'text/0.0.4', series: 1, remarks: [] })
      versions.put('a', store.own.entry('a')!.page, page, true)
      session.mark('a')
    }
    show('x 1\n')
    session.flush()
    show('x 2\n')
    told()
    session.flush()
    expect(sent.splice(0)).toMatchObject([{ kind: 'page', base: {} }])
    session.take({ kind: 'lacks', born: store.own.entry('a')!.born })
    expect(sent).toMatchObject([{ kind: 'page' }])
    expect(sent[0]).not.toHaveProperty('base')
  })

  test('is that we have become a manager, once', () => {
    session.take(digest())
    told()
    store.identify(self('n1', { manager: true }))
    session.flush()
    expect(sent.splice(0)).toEqual([{ kind: 'self', self: self('n1', { manager: true }) }])
    expect(flush()).toEqual([])
  })
})

describe('a manager’s catalogue', () => {
  beforeEach(() => {
    store.identify(self('n1', { manager: true }))
    session.flush()
    told()
  })
  const said = () => {
    session.flush()
    return sent.splice(0)
  }

  test('is told when it is new; after that only that it is still the same, every ten seconds', () => {
    store.putCatalogue(catalogue(['1']))
    expect(said()).toEqual([{ kind: 'catalogue', age: 0, catalogue: catalogue(['1']) }])
    clock.passSync(9999)
    expect(said()).toEqual([])
    clock.passSync(1)
    expect(said()).toEqual([{ kind: 'catalogue', age: 10_000 }])
    clock.passSync(5000)
    expect(said()).toEqual([])
    store.putCatalogue(catalogue(['1', '2']))
    expect(said()).toEqual([{ kind: 'catalogue', age: 0, catalogue: catalogue(['1', '2']) }])
  })

  test('is told by managers alone, and by none that has none', () => {
    expect(said()).toEqual([])
    store.putCatalogue(catalogue(['1']))
    store.identify(self('n1'))
    expect(said().map(({ kind }) => kind)).toEqual(['self'])
  })

  test('that a peer gives is taken; later words of its age are about that one', () => {
    session.take({ kind: 'catalogue', age: 5 })
    expect(store.catalogue()).toBeUndefined()
    session.take({ kind: 'catalogue', age: 50, catalogue: catalogue(['1']) })
    expect(store.catalogue()).toEqual({ value: catalogue(['1']), age: 50, from: 'n2' })
    clock.passSync(1000)
    session.take({ kind: 'catalogue', age: 20 })
    expect(store.catalogue()).toEqual({ value: catalogue(['1']), age: 20, from: 'n2' })
  })
})

describe('what it hears', () => {
  test('makes it whole, until we ask again', () => {
    expect(session.isWhole()).toBe(false)
    session.ask()
    expect(sent).toEqual([{ kind: 'digest', epoch: 'theirs', held: [] }])
    session.take(listing('a', 1))
    expect(session.isWhole()).toBe(false)
    session.take({ kind: 'whole' })
    expect(session.isWhole()).toBe(true)
    session.ask()
    expect(session.isWhole()).toBe(false)
    expect(sent.at(-1)).toEqual({ kind: 'digest', epoch: 'theirs', held: [[1, 1, 0, 0]] })
  })

  test('is answered where a difference doesn’t fit', () => {
    const numbers = { born: 1, number: 2, age: 0, took: 1, size: 1, series: 1, remarks: [] }
    session.take(listing('a', 1))
    session.take({
      ...{ kind: 'page', ...numbers, print: 'x', format: 'text/0.0.4' },
      ...{ base: { number: 1, print: 'y' }, parts: [Buffer.from('z')] },
    })
    expect(sent).toEqual([{ kind: 'lacks', born: 1 }])
  })

  test('is who the peer has become, but never another node', () => {
    session.take({ kind: 'self', self: self('n2', { manager: true }) })
    expect(store.nodes()[1]).toMatchObject({ self: { manager: true }, version: '2.0.0', link: 'up' })
    expect(() => session.take({ kind: 'self', self: self('n3') })).toThrow('became another node')
  })

  test('is a call for a scrape, and the answer to ours', async () => {
    run('a')
    store.putSnapshot('a', {
      ok: false,
      at: clock.now(),
      took: 1,
      trouble: { code: 'refused', reason: 'no' },
    })
    session.take({ kind: 'refresh', call: 4, id: 'a', budget: 100 })
    await clock.pass(0)
    const { epoch, entry } = store.own
    expect(sent.splice(0).at(-1)).toEqual({
      ...{ kind: 'refreshed', call: 4, brought: { epoch, number: entry('a')!.page } },
    })
    session.take(listing('b', 1))
    const asked = session.refresh('b', 1000)
    expect(sent).toMatchObject([{ kind: 'refresh', call: 1, id: 'b' }])
    session.take({ kind: 'refreshed', call: 1, brought: { epoch: 'theirs', number: 2 } })
    let isDone = false
    void asked.then(() => (isDone = true))
    await clock.pass(0)
    expect(isDone).toBe(false)
    session.take({
      ...{ kind: 'failure', born: 1, number: 2, age: 0, took: 1 },
      trouble: { code: 'refused', reason: 'no' },
    })
    await asked
  })

  test('answers a call only once a page whose difference didn’t fit has come in full', async () => {
    const page = (number: number, value: number, base?: number): Message => {
      const body = Buffer.from(`x ${value}\n`)
      return {
        ...{ kind: 'page', born: 1, number, age: 0, took: 1, size: body.length, series: 1, remarks: [] },
        ...{ format: 'text/0.0.4', print: fingerprint(body), parts: [pack(body)] },
        ...(base !== undefined && { base: { number: base, print: 'another' } }),
      }
    }
    const text = () => {
      const shown = store.entry('n2', 'b')?.snapshot
      return shown?.ok && Buffer.from(bodyOf(shown.page)).toString()
    }
    session.take(listing('b', 1))
    session.take(page(2, 1))
    const answered = session.refresh('b', 1000).then(text)
    session.take(page(3, 2, 1))
    expect(sent.at(-1)).toEqual({ kind: 'lacks', born: 1 })
    session.take({ kind: 'refreshed', call: 1, brought: { epoch: 'theirs', number: 3 } })
    await clock.pass(0)
    session.take(page(3, 2))
    expect(await answered).toBe('x 2\n')
  })

  test('is no answer of one that is believed no longer, whatever it names', async () => {
    session.take(listing('b', 1))
    const asked = session.refresh('b', 1000)
    believed = false
    session.take({ kind: 'refreshed', call: 1, brought: { epoch: 'theirs', number: 0 } })
    await expect(asked).rejects.toMatchObject({ code: 'owner_lost' })
  })

  test('is measured with each tick, once there is a measure', () => {
    session.tick()
    expect(store.nodes()[1]).not.toHaveProperty('roundTrip')
    roundTrip = 3
    session.tick()
    expect(store.nodes()[1]).toMatchObject({ roundTrip: 3 })
  })

  test('is nothing of what a newer agent didn’t understand, and an error where it doesn’t belong', () => {
    session.take({ kind: 'unknown', of: 'song' })
    expect(() => session.take({ kind: 'accept' })).toThrow('doesn’t belong here (accept)')
  })
})

test('a tick sends what is due', () => {
  session.take(digest())
  run('a')
  session.tick()
  expect(told()).toEqual(['listing a'])
})

test('of a peer that is not believed nothing is taken, and it is asked for nothing', async () => {
  believed = false
  roundTrip = 3
  session.take({ kind: 'catalogue', age: 0, catalogue: catalogue(['1']) })
  session.take({ kind: 'self', self: self('n2', { manager: true }) })
  session.take(listing('a', 1))
  session.take({ kind: 'whole' })
  session.tick()
  expect(store.catalogue()).toBeUndefined()
  expect(store.nodes()[1]).toMatchObject({ self: { manager: false } })
  expect(store.nodes()[1]).not.toHaveProperty('roundTrip')
  expect([...store.entries()]).toEqual([])
  expect(session.isWhole()).toBe(false)
  await expect(session.refresh('a', 1000)).rejects.toMatchObject({ code: 'owner_lost' })
  expect(sent).toEqual([])
})
