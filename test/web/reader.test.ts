// When another node's snapshot is live: only as the result of a refresh that this request made.

import { beforeEach, describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { type Entry, isProtobufStreamId, streamId } from '../../src/model.ts'
import { createReader, type Reader } from '../../src/web/reader.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { endpoint, found, snapshot, target } from '../store/samples.ts'
import { node } from '../store/world.ts'

let clock: VirtualClock
let reader: Reader
let entry: Entry
let refreshes: number
let failure: Error | undefined
let stream: Entry | undefined
/** What the node has that got the container's node's former id. */
let copy: Entry | undefined
let link: 'up' | 'self' | 'lost'
/** The id of the container's node. */
let owner: string

const show = (value: number) => {
  entry = { ...entry, snapshot: snapshot(clock.now(), `x ${value}\n`) }
}

beforeEach(() => {
  clock = virtualClock(1000)
  refreshes = 0
  failure = undefined
  link = 'up'
  owner = 'n2'
  stream = undefined
  copy = undefined
  entry = { owner: 'n2', target: target('a', { node: 'n2' }), probeResult: found, endpoint, history: [] }
  reader = createReader({
    clock,
    staleAfterMs: 15_000,
    store: {
      entry(of, id) {
        if (of !== owner) return copy
        return isProtobufStreamId(id) ? stream : entry
      },
      nodes: () => [node(owner, 'two', link)],
      swarmState: () => undefined,
    },
    maxAgeMsOf: () => 100,
    async refresh() {
      refreshes += 1
      await clock.sleep(50)
      if (failure) throw failure
      show(refreshes)
    },
  })
})

async function read(): Promise<unknown> {
  const reading = reader.read(entry, 1000)
  await clock.pass(60)
  return reading
}

test('a snapshot that a peer sent unasked is not served as live, however young it is', async () => {
  show(0)
  expect(await read()).toEqual({ result: expect.not.objectContaining({ isCached: true }) })
  expect(refreshes).toBe(1)
})

test('a request that comes while another’s refresh is under way asks the owner itself: that one’s data may be old by now', async () => {
  const first = reader.read(entry, 1000)
  await clock.pass(40)
  const second = reader.read(entry, 1000)
  await clock.pass(20)
  expect(await Promise.race([first.then(() => 'first'), second.then(() => 'second')])).toBe('first')
  expect(refreshes).toBe(2)
  await clock.pass(40)
  expect(await second).toMatchObject({ result: { at: clock.now() - 10 } })
})

test('a snapshot that was refreshed for another request is refreshed again: how old it is only the owner knows', async () => {
  await read()
  await read()
  expect(refreshes).toBe(2)
})

test('an own snapshot is live by its own time', async () => {
  link = 'self'
  show(0)
  await read()
  expect(refreshes).toBe(0)
})

test('while the owner is lost, text that is too old comes from the protobuf stream', async () => {
  show(0)
  await clock.pass(20_000)
  link = 'lost'
  expect(await reader.read(entry, 1000)).toMatchObject({ failure: { code: 'owner_lost' } })
  const { snapshot: _, ...rest } = entry
  const streamed = snapshot(clock.now() - 5000, 'x 5\n')
  stream = { ...rest, target: { ...entry.target, id: streamId('a', 'protobuf') }, snapshot: streamed }
  expect(await read()).toMatchObject({ result: { at: streamed.at, isCached: true } })
})

describe('while an own container is scraped, its node gets another id', () => {
  beforeEach(() => {
    link = 'self'
  })

  async function readWhileRenamed(): Promise<unknown> {
    const reading = reader.read(entry, 1000)
    owner = 'n3'
    await clock.pass(60)
    return reading
  }

  test('the container is no less there', async () => {
    expect(await readWhileRenamed()).toMatchObject({ result: { at: clock.now() - 10 } })
  })

  test('and a copy of its machine the former one: what that has is another container’s', async () => {
    copy = { ...entry, snapshot: snapshot(clock.now() - 500, 'x 7\n') }
    expect(await readWhileRenamed()).toMatchObject({ result: { at: clock.now() - 10 } })
  })
})

test('a container whose node gets another id while its agent is asked is not called removed', async () => {
  failure = new ProxyError('owner_lost', 'the node has got another id')
  const reading = reader.read(entry, 1000)
  owner = 'n3'
  await clock.pass(60)
  expect(await reading).toMatchObject({ failure: { code: 'owner_lost' } })
})

describe('a container that is still searched', () => {
  beforeEach(() => {
    const { endpoint: _, ...rest } = entry
    entry = { ...rest, probeResult: { kind: 'searching' } }
  })

  test('is waited for', async () => {
    const reading = reader.read(entry, 1000)
    await clock.pass(250)
    entry = { ...entry, probeResult: found, endpoint }
    await clock.pass(150)
    expect(await reading).toMatchObject({ result: { at: expect.any(Number) } })
    expect(refreshes).toBe(1)
  })

  test('as long as the client’s timeout allows', async () => {
    const reading = reader.read(entry, 1000)
    await clock.pass(1000)
    expect(await reading).toMatchObject({ failure: { code: 'searching' } })
  })

  test('and as long as it is there', async () => {
    const reading = reader.read(entry, 1000)
    owner = 'n3'
    await clock.pass(100)
    expect(await reading).toMatchObject({ failure: { code: 'searching' } })
  })

  test('by at most as many requests as may wait', async () => {
    const readings = Array.from({ length: 5000 }, () => reader.read(entry, 1000))
    await clock.pass(10)
    expect(await reader.read(entry, 1000)).toMatchObject({ failure: { code: 'overloaded' } })
    await clock.pass(1000)
    const failures = (await Promise.all(readings)).map(
      (reading) => 'failure' in reading && reading.failure.code,
    )
    expect(new Set(failures)).toEqual(new Set(['searching']))
  })
})
