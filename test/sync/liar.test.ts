// A peer that holds the secret and sends rubbish, or speaks of what isn't its own.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bodyOf } from '../../src/sync/body.ts'
import { createFrameReader, writeFrame } from '../../src/sync/frames.ts'
import { decode, encode, type Message } from '../../src/sync/messages.ts'
import { endpoint, found, self, target } from '../store/samples.ts'
import { type Agent, type Cluster, createCluster } from './cluster.ts'

let cluster: Cluster
let honest: Agent
let other: Agent

beforeEach(async () => {
  cluster = createCluster(['n1', 'n2'])
  honest = cluster.start('n1')
  other = cluster.start('n2')
  other.run('theirs')
  other.show('theirs', 'true 1')
  await cluster.clock.pass(1000)
})
afterEach(async () => {
  for (const host of [...cluster.agents.keys()]) await cluster.kill(host)
})

interface Liar {
  readonly heard: Message[]
  say(...messages: readonly Message[]): void
  write(bytes: Uint8Array): void
  readonly isOver: () => boolean
}

async function lie(node = 'n9', spoken = { newest: 1, oldest: 1 }, epoch = `liar ${node}`): Promise<Liar> {
  const channel = await Promise.race([
    cluster.network.dial('liar', 'n1'),
    cluster.clock.pass(100).then(() => undefined),
  ])
  if (!channel) throw new Error('no channel')
  const heard: Message[] = []
  let over = false
  const reader = createFrameReader(2 ** 26, (frame) => heard.push(decode(frame) as Message))
  channel.open({ data: reader.push, drained: () => {}, closed: () => (over = true) })
  const say = (...messages: readonly Message[]) => {
    for (const message of messages) channel.write(encode(message))
  }
  say({ kind: 'hello', ...spoken, version: '9', epoch, self: self(node) })
  await cluster.clock.pass(30)
  return { heard, say, write: channel.write, isOver: () => over }
}

const listing = (id: string, node: string, born = 1): Message => ({
  kind: 'listing',
  number: born,
  born,
  target: target(id, { node }),
  finding: found,
  endpoint,
})

const stillWell = async () => {
  other.show('theirs', `true ${honest.clock.now()}`)
  await cluster.clock.pass(1500)
  expect(honest.text('n2', 'theirs')).toBe(other.text('n2', 'theirs'))
}

test('what it says of itself is taken', async () => {
  const liar = await lie()
  liar.say(listing('own', 'n9'))
  await cluster.clock.pass(30)
  expect(honest.store.entry('n9', 'own')).toBeDefined()
  expect(liar.heard.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['hello', 'accept', 'digest']))
})

describe('its link ends, with a reason, when it', () => {
  test.each<[string, readonly Message[], RegExp]>([
    ['lists another node’s container', [listing('theirs', 'n2')], /not its own/],
    [
      'says hello twice',
      [{ kind: 'hello', newest: 1, oldest: 1, version: '9', epoch: 'x', self: self('n9') }],
      /second hello/,
    ],
    ['accepts what was accepted', [{ kind: 'accept' }], /doesn’t belong here/],
    ['becomes another node', [{ kind: 'self', self: self('n2') }], /became another node/],
  ])('%s', async (_, messages, reason) => {
    const liar = await lie()
    liar.say(...messages)
    await cluster.clock.pass(100)
    expect(liar.isOver()).toBe(true)
    expect(liar.heard.find(({ kind }) => kind === 'bye')).toMatchObject({
      reason: expect.stringMatching(reason),
    })
    expect(honest.store.entry('n2', 'theirs')?.target.node).toBe('n2')
    await stillWell()
  })

  test.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame without end', Buffer.from([255, 255, 255, 255])],
    ['JSON that is none of ours', writeFrame({ kind: 'hello' })],
  ])('sends %s', async (_, bytes) => {
    const liar = await lie()
    liar.write(bytes)
    await cluster.clock.pass(100)
    expect(liar.isOver()).toBe(true)
    await stillWell()
  })
})

test('that takes another agent’s epoch, as if that one’s node had got a new id, takes nothing of it', async () => {
  const liar = await lie('n9', undefined, other.store.own.epoch)
  expect(liar.isOver()).toBe(true)
  expect(liar.heard.at(-1)).toMatchObject({ reason: expect.stringMatching(/linked under another node id/) })
  expect([...honest.store.entries()].map(({ owner }) => owner)).toEqual(['n2'])
  await stillWell()
})

test('that ought to accept its link and never does loses it', async () => {
  const liar = await lie('a-smaller-id')
  const live = async (seconds: number) => {
    for (let number = 1; number <= seconds; number += 1) {
      liar.say({ kind: 'beat', number, seen: 0, held: 0 })
      await cluster.clock.pass(1000)
    }
  }
  await live(9)
  expect(liar.isOver()).toBe(false)
  await live(2)
  expect(liar.isOver()).toBe(true)
  expect(liar.heard.at(-1)).toEqual({ kind: 'bye', reason: 'the link was not accepted in time' })
  await stillWell()
})

describe('a newer agent', () => {
  test('that still speaks our protocol may say more than we know: it is told, and the link stands', async () => {
    const newer = await lie('n9', { newest: 7, oldest: 1 })
    newer.write(writeFrame(['song', { of: 'ice' }]))
    newer.say(listing('own', 'n9'))
    await cluster.clock.pass(30)
    expect(newer.heard.at(-1)).toEqual({ kind: 'unknown', of: 'song' })
    expect(honest.store.entry('n9', 'own')).toBeDefined()
  })

  test('that doesn’t is told why there can be no link', async () => {
    const newer = await lie('n9', { newest: 7, oldest: 5 })
    await cluster.clock.pass(30)
    expect(newer.isOver()).toBe(true)
    expect(newer.heard.at(-1)).toMatchObject({
      kind: 'bye',
      reason: 'version 9 and version 1.0.0 have no protocol in common',
    })
  })
})

test('a page that isn’t what it claims to be is asked for in full, and then not shown', async () => {
  const liar = await lie()
  const page = {
    kind: 'page',
    born: 1,
    age: 0,
    took: 1,
    size: 10,
    series: 1,
    format: 'text/0.0.4',
    remarks: [],
  } as const
  liar.say(listing('own', 'n9'), {
    ...page,
    number: 2,
    print: 'x',
    base: { number: 1, print: 'y' },
    parts: [new Uint8Array([1, 2])],
  })
  await cluster.clock.pass(30)
  expect(liar.heard.at(-1)).toEqual({ kind: 'lacks', born: 1 })
  liar.say({ ...page, number: 3, print: 'x', parts: [new Uint8Array([1, 2])] })
  await cluster.clock.pass(30)
  const { snapshot } = honest.store.entry('n9', 'own')!
  expect(() => snapshot?.ok && bodyOf(snapshot.page)).toThrow('put together')
})

test('nothing it can say harms the agent or the others’ pages', async () => {
  const number = fc.nat(5)
  const message: fc.Arbitrary<Message> = fc.oneof(
    fc.record({ kind: fc.constant('gone' as const), born: number }),
    fc.record({ kind: fc.constant('lacks' as const), born: number }),
    fc.constant({ kind: 'whole' } as const),
    fc.constant({ kind: 'accept' } as const),
    fc
      .tuple(fc.constantFrom('a', 'b', 'theirs'), fc.constantFrom('n9', 'n9', 'n9', 'n2'), number)
      .map((a) => listing(...a)),
    fc.record({
      kind: fc.constant('digest' as const),
      epoch: fc.constantFrom('', honest.store.own.epoch),
      held: fc.array(fc.tuple(number, number, number, number), { maxLength: 5 }),
    }),
    fc.record({
      kind: fc.constant('failure' as const),
      born: number,
      number,
      age: fc.double({ min: 0, max: 1e12, noNaN: true }),
      took: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      trouble: fc.constant({ code: 'timeout', reason: '' } as const),
    }),
    fc.record({
      kind: fc.constant('page' as const),
      born: number,
      number,
      age: fc.constant(0),
      took: fc.constant(0),
      print: fc.string(),
      size: fc.nat(100),
      series: number,
      format: fc.constant('text/0.0.4' as const),
      remarks: fc.array(fc.string(), { maxLength: 2 }),
      base: fc.record({ number, print: fc.string() }),
      parts: fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('refresh' as const), call: number, id: fc.string(), budget: fc.nat(100) }),
    fc.record({ kind: fc.constant('refreshed' as const), call: number }),
    fc.record({ kind: fc.constant('beat' as const), number, seen: number, held: fc.nat(10) }),
    fc.record({ kind: fc.constant('catalogue' as const), age: fc.nat(10) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 30 }), async (messages) => {
      const liar = await lie()
      liar.say(...messages)
      await stillWell()
    }),
    { numRuns: 60 },
  )
})
