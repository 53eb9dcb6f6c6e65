// A peer that holds the secret and lies: about itself, about what isn't its own, or with rubbish. It may say what it
// likes of its own node; everything else must fail, be reported, and leave the others' answers right.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/sync/channel.ts'
import { pack } from '../../src/sync/codec.ts'
import { createFrameReader, writeFrame } from '../../src/sync/frames.ts'
import { type AgentIdentity, createIdentity } from '../../src/sync/identity.ts'
import { decode, encode, type Hello, type Message } from '../../src/sync/messages.ts'
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
  readonly received: Message[]
  send(...messages: readonly Message[]): void
  write(bytes: Uint8Array): void
  readonly isOver: () => boolean
}

interface Lies {
  readonly node: string
  readonly identity: AgentIdentity
  readonly spoken: { readonly newest: number; readonly oldest: number }
  /** Another hello than an honest one. */
  readonly hello: (hello: Hello, channel: Channel) => Hello
}

async function lie({
  node = 'n9',
  identity = createIdentity(),
  spoken = { newest: 4, oldest: 4 },
  hello = (one) => one,
}: Partial<Lies> = {}): Promise<Liar> {
  const channel = await Promise.race([
    cluster.network.dial('liar', 'n1'),
    cluster.clock.pass(100).then(() => undefined),
  ])
  if (!channel) throw new Error('no channel')
  const received: Message[] = []
  let over = false
  const reader = createFrameReader(2 ** 26, (frame) => {
    const message = decode(frame) as Message
    received.push(message)
    if (message.kind === 'accept' && node > 'n1') send(message)
    if (message.kind === 'challenge') send({ kind: 'response', number: message.number })
  })
  channel.open({ data: reader.push, drained: () => {}, closed: () => (over = true) })
  const send = (...messages: readonly Message[]) => {
    for (const message of messages) channel.write(encode(message))
  }
  const proof = identity.prove({ role: 'caller', node, sessionId: channel.sessionId })
  const honestly = {
    kind: 'hello',
    ...spoken,
    version: '9',
    epoch: identity.epoch,
    self: self(node),
    proof,
  } as const
  send(hello(honestly, channel))
  await cluster.clock.pass(30)
  return { received, send, write: channel.write, isOver: () => over }
}

const listing = (id: string, node: string, generation = 1): Message => ({
  ...{ kind: 'listing', number: generation, generation },
  ...{ target: target(id, { node }), probeResult: found, endpoint },
})
const page = (id: string, number: number, frames = [pack(Buffer.from('lie 1\n'))], base = 0): Message => ({
  ...{
    kind: 'page',
    id,
    number,
    ageMs: 0,
    durationMs: 1,
    series: 1,
    format: 'text/0.0.4',
    remarks: [],
    base,
    frames,
  },
})
const byeOf = ({ received }: Liar) => received.find(({ kind }) => kind === 'bye')

const stillWell = async () => {
  other.show('theirs', `true ${honest.clock.now()}`)
  await cluster.clock.pass(1500)
  expect(honest.text('n2', 'theirs')).toBe(other.text('n2', 'theirs'))
}
const reports = () => honest.logged.filter((line) => line.startsWith('a peer sends what'))
const failureOf = (node: string) => honest.store.nodes().find((one) => one.self.node === node)?.failure

test('what it says of itself is taken', async () => {
  const liar = await lie()
  liar.send(listing('own', 'n9'))
  await cluster.clock.pass(30)
  expect(honest.store.entry('n9', 'own')).toBeDefined()
  expect(liar.received.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['hello', 'accept', 'digest']))
})

describe('an epoch can’t be taken over', () => {
  /** What the running agent n2 says to n1's caller, on a session of its own. */
  async function stolenHello(): Promise<Hello> {
    const channel = await Promise.race([
      cluster.network.dial('liar', 'n2'),
      cluster.clock.pass(100).then(() => undefined),
    ])
    const hello = Promise.withResolvers<Hello>()
    const reader = createFrameReader(2 ** 20, (frame) => hello.resolve(decode(frame) as Hello))
    channel!.open({ data: reader.push, drained: () => {}, closed: () => {} })
    await cluster.clock.pass(10)
    channel!.close()
    return hello.promise
  }

  test('with the hello that its agent has given on another session', async () => {
    const stolen = await stolenHello()
    const liar = await lie({ node: 'n2', hello: () => stolen })
    liar.send({ kind: 'accept' }, listing('theirs', 'n2'), page('theirs', 2 ** 50))
    await cluster.clock.pass(30)
    expect(byeOf(liar)).toMatchObject({ reason: expect.stringContaining('can’t prove') })
    expect(reports()).toHaveLength(1)
    expect(failureOf('n2')).toMatchObject({ code: 'unproven' })
    await stillWell()
  })

  test.each<[string, (stolen: Hello, liar: Hello) => Hello]>([
    ['with a proof by another key', ({ epoch }, liar) => ({ ...liar, epoch })],
    ['for another node id', (stolen) => ({ ...stolen, self: self('n9') })],
    ['with an epoch that is no key', (_, liar) => ({ ...liar, epoch: 'no key' })],
    ['with an empty proof', (stolen) => ({ ...stolen, proof: '' })],
    ['of another protocol', (stolen) => ({ ...stolen, newest: 5, oldest: 5 })],
  ])('%s', async (_, change) => {
    const stolen = await stolenHello()
    const liar = await lie({ node: 'n2', hello: (hello) => change(stolen, hello) })
    expect(liar.isOver()).toBe(true)
    await stillWell()
  })

  test('a proof of a listener is none of a caller', async () => {
    const identity = createIdentity()
    const hello = (one: Hello, { sessionId }: Channel) => ({
      ...one,
      proof: identity.prove({ role: 'listener', node: 'n9', sessionId }),
    })
    expect((await lie({ identity, hello })).isOver()).toBe(true)
  })
})

test('the node id of a running agent can’t be taken, however short and often it is claimed', async () => {
  for (let n = 0; n < 5; n += 1) {
    const liar = await lie({ node: 'n2' })
    liar.send({ kind: 'accept' }, { kind: 'digest', records: [] }, { kind: 'complete' })
    await cluster.clock.pass(500)
    expect(liar.isOver()).toBe(true)
    expect(honest.store.entry('n2', 'theirs')).toBeDefined()
  }
  expect(reports()).toHaveLength(1)
  expect(failureOf('n2')?.reason).toMatch(/claimed twice/)
  await stillWell()
})

test('an agent that has a node id keeps that when it claims another one', async () => {
  const identity = createIdentity()
  const liar = await lie({ identity })
  liar.send(listing('own', 'n9'))
  const again = await lie({ identity, node: 'n2' })
  await cluster.clock.pass(100)
  expect(again.isOver()).toBe(true)
  expect([...honest.store.entries()].map(({ owner }) => owner).sort()).toEqual(['n2', 'n9'])
  await stillWell()
})

test('a small page that unpacks to gigabytes is never unpacked, and ends the link', async () => {
  const liar = await lie()
  const bomb = pack(Buffer.alloc(200_000_000))
  expect(bomb.bytes.length).toBeLessThan(22_000)
  liar.send(listing('own', 'n9'), page('own', 2, [bomb]))
  await cluster.clock.pass(30)
  expect(honest.store.entry('n9', 'own')?.snapshot).toMatchObject({
    ok: false,
    failure: { code: 'too_large' },
  })
  liar.send(page('own', 3, [{ ...bomb, size: 1000 }]))
  await cluster.clock.pass(30)
  expect(liar.isOver()).toBe(true)
  expect(honest.logged.at(-1)).toMatch(/peer lost.*can’t be unpacked/)
  expect(failureOf('n9')?.reason).toMatch(/can’t be unpacked/)
  await stillWell()
})

describe('its link ends, with a reason, when it', () => {
  test.each<[string, readonly Message[], RegExp]>([
    ['lists another node’s container', [listing('theirs', 'n2')], /not its own/],
    [
      'says hello twice',
      [{ kind: 'hello', newest: 4, oldest: 4, version: '9', epoch: 'x', proof: '', self: self('n9') }],
      /second hello/,
    ],
    ['accepts what was accepted', [{ kind: 'accept' }], /doesn’t belong here/],
    ['becomes another node', [{ kind: 'self', self: self('n2') }], /became another node/],
  ])('%s', async (_, messages, reason) => {
    const liar = await lie()
    liar.send(...messages)
    await cluster.clock.pass(100)
    expect(liar.isOver()).toBe(true)
    expect(byeOf(liar)).toMatchObject({ reason: expect.stringMatching(reason) })
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

test('that ought to accept its link and never does loses it', async () => {
  const liar = await lie({ node: 'a-smaller-id' })
  const live = async (seconds: number) => {
    for (let number = 1; number <= seconds; number += 1) {
      liar.send({ kind: 'heartbeat', number, seen: 0, heldMs: 0 })
      await cluster.clock.pass(1000)
    }
  }
  await live(9)
  expect(liar.isOver()).toBe(false)
  await live(2)
  expect(liar.isOver()).toBe(true)
  expect(liar.received.at(-1)).toEqual({ kind: 'bye', reason: 'the link was not accepted in time' })
  await stillWell()
})

test('an agent that stops is known by the field for that, not by its words', async () => {
  const isWarned = () => honest.logged.some((line) => line.startsWith('peer lost'))
  const stopping = await lie({ node: 'n8' })
  stopping.send({ kind: 'bye', reason: 'good night', stopping: true })
  await cluster.clock.pass(30)
  expect([stopping.isOver(), isWarned()]).toEqual([true, false])
  const failing = await lie({ node: 'n9' })
  failing.send({ kind: 'bye', reason: 'the agent is stopping' })
  await cluster.clock.pass(30)
  expect([failing.isOver(), isWarned()]).toEqual([true, true])
})

test('who is linked to an agent that stops receives that field', async () => {
  const liar = await lie()
  void honest.mesh.stop()
  await cluster.clock.pass(30)
  expect(liar.received.at(-1)).toEqual({ kind: 'bye', reason: 'the agent is stopping', stopping: true })
})

describe('a newer agent', () => {
  test('that still speaks our protocol may send unknown messages and fields: it is informed, and the link stays', async () => {
    const newer = await lie({ spoken: { newest: 7, oldest: 4 } })
    newer.write(writeFrame(['song', { of: 'ice' }]))
    newer.send(listing('own', 'n9'))
    await cluster.clock.pass(30)
    expect(newer.received.at(-1)).toEqual({ kind: 'unknown', of: 'song' })
    expect(honest.store.entry('n9', 'own')).toBeDefined()
  })

  test('that doesn’t learns why there can be no link', async () => {
    const newer = await lie({ spoken: { newest: 7, oldest: 5 } })
    await cluster.clock.pass(30)
    expect(newer.isOver()).toBe(true)
    expect(newer.received.at(-1)).toMatchObject({
      kind: 'bye',
      reason: 'version 9 and version 1.0.0 have no protocol in common',
    })
  })
})

test('nothing it can say harms the agent or the others’ pages', async () => {
  const number = fc.nat(5)
  const id = fc.constantFrom('a', 'b', 'theirs')
  const frame = fc.record({ size: fc.nat(100), bytes: fc.uint8Array({ maxLength: 9 }) })
  const text = fc.constant(pack(Buffer.from('lie 1\n')))
  const duration = fc.double({ min: 0, max: 1e12, noNaN: true })
  const message: fc.Arbitrary<Message> = fc.oneof(
    fc.record({ kind: fc.constant('deleted' as const), id }),
    fc.record({ kind: fc.constant('resend' as const), id }),
    fc.constantFrom<Message>({ kind: 'complete' }, { kind: 'accept' }),
    fc.tuple(id, fc.constantFrom('n9', 'n9', 'n9', 'n2'), number).map((a) => listing(...a)),
    fc.record({
      kind: fc.constant('digest' as const),
      records: fc.array(fc.tuple(id, number, number, number), { maxLength: 5 }),
    }),
    fc.record({
      ...{ kind: fc.constant('failure' as const), id, number, ageMs: duration, durationMs: duration },
      failure: fc.constant({ code: 'timeout', reason: '' } as const),
    }),
    fc
      .tuple(id, number, fc.array(fc.oneof(frame, text), { minLength: 1, maxLength: 3 }), number)
      .map((a) => page(...a)),
    fc.record({
      kind: fc.constant('refresh' as const),
      call: number,
      id: fc.string(),
      timeoutMs: fc.nat(100),
    }),
    fc.record({ kind: fc.constant('refreshed' as const), call: number, number }),
    fc.record({ kind: fc.constantFrom('challenge' as const, 'response' as const), number }),
    fc.record({ kind: fc.constant('heartbeat' as const), number, seen: number, heldMs: fc.nat(10) }),
    fc.record({ kind: fc.constant('swarm' as const), ageMs: fc.nat(10) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 30 }), async (messages) => {
      const liar = await lie()
      liar.send(...messages)
      await stillWell()
    }),
    { numRuns: 60 },
  )
})
