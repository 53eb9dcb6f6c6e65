// Attacks by who holds the secret, over real SSH, on agents that run: each must fail, be reported, and leave the
// honest agents' answers right.

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Channel } from '../../src/sync/channel.ts'
import { pack } from '../../src/sync/codec.ts'
import { createFrameReader } from '../../src/sync/frames.ts'
import { createIdentity } from '../../src/sync/identity.ts'
import { decode, encode, type Hello, type Message } from '../../src/sync/messages.ts'
import { dial } from '../../src/sync/sockets.ts'
import { createSsh } from '../../src/sync/ssh.ts'
import { endpoint, found, self, swarmState, target } from '../store/samples.ts'
import { type Agent, at, derive, linked, run, secret, show, start, stopAll, textOf, until } from './agents.ts'

let n1: Agent
let n2: Agent
/** What time it is for n1 beside the real one. */
let later: number
const channels: Channel[] = []

beforeEach(async () => {
  later = 0
  n1 = await start('n1', [], { clock: { ...systemClock, now: () => systemClock.now() + later } })
  n2 = await start('n2', [at(n1)])
  run(n2, 'n2', 'a')
  show(n2.store, 'a', 'honest 1\n')
  await linked(n1, 1)
  await until(() => textOf(n1, 'n2', 'a') === 'honest 1\n')
})
afterEach(async () => {
  for (const channel of channels.splice(0)) channel.close()
  await stopAll()
})

const ssh = async () => createSsh([await derive(secret)])

interface Attacker {
  readonly received: Message[]
  send(...messages: readonly Message[]): void
  readonly isOver: () => boolean
}

/** Speaks on a session as an agent does; `hello` may be any. */
function speak(channel: Channel, hello: (theirs: Hello) => Hello): Attacker {
  channels.push(channel)
  const received: Message[] = []
  let isOver = false
  const send = (...messages: readonly Message[]) => {
    for (const message of messages) channel.write(encode(message))
  }
  const reader = createFrameReader(2 ** 26, (frame) => {
    const message = decode(frame) as Message
    received.push(message)
    if (message.kind === 'hello') send(hello(message))
    if (message.kind === 'accept') send(message)
    if (message.kind === 'challenge') send({ kind: 'response', number: message.number })
  })
  channel.open({ data: reader.push, drained: () => {}, closed: () => (isOver = true) })
  return { received, send, isOver: () => isOver }
}

const call = async (agent: Agent) => dial(at(agent), await ssh(), systemClock, AbortSignal.timeout(5000))

/** An agent of its own kind, with the proof that an honest one would give. */
async function attack(node: string, more: Partial<Hello['self']> = {}): Promise<Attacker> {
  const identity = createIdentity()
  const channel = await call(n1)
  const { sessionId } = channel
  return speak(channel, () => ({
    ...{ kind: 'hello', newest: 4, oldest: 4, version: '1.0.0', epoch: identity.epoch },
    self: self(node, more),
    proof: identity.prove({ role: 'caller', node, sessionId }),
  }))
}

const used = ({ received }: Attacker) => until(() => received.some(({ kind }) => kind === 'digest'))
const listing = (id: string, node: string): Message => ({
  ...{ kind: 'listing', number: 1, generation: 1 },
  ...{ target: target(id, { node }), probeResult: found, endpoint },
})
const page = (id: string, number: number, frames = [pack(Buffer.from('lie 1\n'))]): Message => ({
  ...{ kind: 'page', id, number, ageMs: 0, durationMs: 1, base: 0, series: 1, format: 'text/0.0.4' },
  ...{ remarks: [], frames },
})
const failureOf = (node: string) => n1.store.nodes().find((one) => one.self.node === node)?.failure

async function stillWell(): Promise<void> {
  const text = `honest ${Math.random()}\n`
  show(n2.store, 'a', text)
  await until(() => textOf(n1, 'n2', 'a') === text)
  expect(n1.store.nodes().find(({ self }) => self.node === 'n2')).toMatchObject({ link: 'up' })
}

describe('the epoch of a running agent can’t be taken over', () => {
  test('with its hello of another session, and an update numbered 2^50', async () => {
    const stolen = Promise.withResolvers<Hello>()
    speak(await call(n2), (theirs) => {
      stolen.resolve(theirs)
      return theirs
    })
    const hello = await stolen.promise
    const attacker = speak(await call(n1), () => hello)
    await until(attacker.isOver)
    attacker.send(listing('a', 'n2'), page('a', 2 ** 50))
    expect(attacker.received.at(-1)).toMatchObject({ reason: expect.stringContaining('can’t prove') })
    expect(n1.logged.filter((line) => line.includes('can’t prove'))).toHaveLength(1)
    expect(failureOf('n2')).toMatchObject({ code: 'unproven' })
    await stillWell()
  })

  test('by passing on between two sessions what both say', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const relayed = Promise.withResolvers<readonly [Channel, Channel]>()
    server.once('connection', async (socket) => {
      const both = await ssh()
      const [victim, other] = await Promise.all([both.answer(socket, AbortSignal.timeout(5000)), call(n1)])
      victim.open({ data: other.write, drained: () => {}, closed: other.close })
      other.open({ data: victim.write, drained: () => {}, closed: victim.close })
      channels.push(victim, other)
      relayed.resolve([victim, other])
    })
    const n3 = await start('n3', [`127.0.0.1:${port}`])
    run(n3, 'n3', 'b')
    const [victim, other] = await relayed.promise
    expect(Buffer.compare(victim.sessionId, other.sessionId)).not.toBe(0)
    await until(() => n3.logged.some((line) => line.includes('can’t prove')))
    expect(n1.store.nodes().map((one) => one.self.node)).toEqual(['n1', 'n2'])
    server.close()
    await stillWell()
  })
})

test('claims of a running agent’s node, each for less than 2 s, erase none of its containers', async () => {
  for (let n = 0; n < 5; n += 1) {
    const attacker = await attack('n2')
    await until(() => attacker.received.length > 0)
    attacker.send({ kind: 'accept' }, { kind: 'digest', records: [] }, { kind: 'complete' })
    await until(attacker.isOver)
    expect(textOf(n1, 'n2', 'a')).toBe('honest 1\n')
  }
  expect(n1.logged.filter((line) => line.includes('claimed twice'))).toHaveLength(1)
  expect(failureOf('n2')?.reason).toMatch(/claimed twice/)
  await stillWell()
})

/** Made before any link is up, which ends where the process pauses for as long as this may take. */
const bomb = pack(Buffer.alloc(200_000_000))

test('a page of 22 KB that unpacks to gigabytes fills no memory', async () => {
  const attacker = await attack('n9')
  await used(attacker)
  expect(bomb.bytes.length).toBeLessThan(22_000)
  attacker.send(listing('own', 'n9'), page('own', 2, [bomb]))
  await until(() => n1.store.entry('n9', 'own')?.snapshot)
  expect(n1.store.entry('n9', 'own')?.snapshot).toMatchObject({ failure: { code: 'too_large' } })
  attacker.send(page('own', 3, [{ ...bomb, size: 1000 }]))
  await until(attacker.isOver)
  expect(n1.logged.at(-1)).toMatch(/peer lost.*can’t be unpacked/)
  expect(failureOf('n9')?.reason).toMatch(/can’t be unpacked/)
  await stillWell()
})

test('swarm state and the cluster’s name come from nobody whom Docker doesn’t list as a manager', async () => {
  const invented = { ...swarmState(['1']), swarmId: 'invented' }
  n1.store.identify(n1.store.ownNode.self(), new Set(['n2']))
  n2.store.identify(self('n2', { manager: true }), new Set(['n2']))
  n2.store.putSwarmState(swarmState(['1']))
  await until(() => n1.store.swarmState()?.from === 'n2')
  const worker = await attack('n8')
  await used(worker)
  worker.send({ kind: 'swarm', ageMs: 0, swarmState: invented })
  await until(() => failureOf('n8'))
  const pretender = await attack('n9', { manager: true })
  await used(pretender)
  pretender.send({ kind: 'swarm', ageMs: 0, swarmState: invented })
  await until(() => pretender.received.some(({ kind }) => kind === 'complete' || kind === 'heartbeat'))
  later = 60_000
  pretender.send({ kind: 'heartbeat', number: 1, seen: 0, heldMs: 0 }, { kind: 'swarm', ageMs: 0 })
  expect(n1.store.swarmState()).toMatchObject({ from: 'n2', value: { swarmId: swarmState(['1']).swarmId } })
  expect(n1.logged.filter((line) => line.includes('does not list it as a manager')).length).toBeGreaterThan(0)
})
