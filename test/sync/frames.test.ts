import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import type { SwarmState } from '../../src/model.ts'
import { pack } from '../../src/sync/codec.ts'
import { createFrameReader, type Frame, writeFrame } from '../../src/sync/frames.ts'
import { decode, encode } from '../../src/sync/messages.ts'
import { swarmState, target } from '../store/samples.ts'
import { messages } from './every-message.ts'

const limit = 2 ** 20

function read(stream: Uint8Array, cuts: readonly number[] = []): Frame[] {
  const frames: Frame[] = []
  const reader = createFrameReader(limit, (frame) => frames.push(frame))
  let from = 0
  for (const to of [...cuts.toSorted((a, b) => a - b), stream.length]) {
    reader.push(stream.subarray(from, to))
    from = Math.max(from, to)
  }
  return frames
}

const all = Buffer.concat(messages.map(encode))

/** Nothing that comes from outside may throw anything but this. */
function expectProtocol(error: unknown): void {
  expect(error).toBeInstanceOf(ProxyError)
  expect((error as ProxyError).code).toBe('protocol')
}

test('keys from outside arrive as they are, whatever they are called', () => {
  const keys = ['__proto__', 'constructor', '1', '', 'a b']
  const named = <T>(value: T) => new Map(keys.map((key) => [key, value]))
  const { nodes, services } = swarmState(['1'])
  const one = { ...services.get('web')!, taskOrder: named(['t']) }
  const sent: SwarmState = {
    swarmId: 'c',
    nodes: named(nodes.get('n1')!),
    services: named(one),
    containers: named(['0123']),
  }
  const [received] = read(encode({ kind: 'swarm', ageMs: 0, swarmState: sent })).map(decode)
  expect(received).toEqual({ kind: 'swarm', ageMs: 0, swarmState: sent })
})

test('half a pair of surrogates arrives as the sign for what is unknown', () => {
  const given = target('a', { name: 'x\ud800', labels: { 'k\udc00': 'v\ud800' } })
  const [received] = read(
    encode({ kind: 'listing', number: 2, generation: 1, target: given, probeResult: { kind: 'searching' } }),
  ).map(decode)
  expect(received).toMatchObject({ target: { name: 'x\ufffd', labels: { 'k\ufffd': 'v\ufffd' } } })
})

describe('the stream', () => {
  test('gives back each message, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 20 }), (cuts) => {
        expect(read(all, cuts).map(decode)).toEqual(messages)
      }),
    )
  })

  test('that ends early gives the complete messages', () => {
    fc.assert(
      fc.property(fc.nat(all.length), (end) => {
        const decoded = read(all.subarray(0, end)).map(decode)
        expect(decoded).toEqual(messages.slice(0, decoded.length))
      }),
    )
  })

  test('with bytes changed, dropped or put in ends, or gives messages; it never breaks the reader', () => {
    const change = fc.record({
      at: fc.nat(all.length - 1),
      drop: fc.nat(5),
      put: fc.uint8Array({ maxLength: 5 }),
    })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const stream = changes.reduce<Buffer>(
          (bytes, { at, drop, put }) =>
            Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]),
          all,
        )
        try {
          for (const frame of read(stream)) decode(frame)
        } catch (error) {
          expectProtocol(error)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('of garbage ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          for (const frame of read(bytes)) decode(frame)
        } catch (error) {
          expectProtocol(error)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('announces no more than is allowed, and nothing is kept for it', () => {
    expect(() => read(Buffer.from([0x7f, 0xff, 0xff, 0xff]))).toThrow('a message of 2147483647 bytes')
  })
})

/** The value with each of its numbers replaced in turn. Exit codes may be any. */
function* spoilt(value: unknown, by: unknown): Generator<unknown> {
  if (typeof value === 'number') yield by
  else if (Array.isArray(value))
    for (const [at, item] of value.entries()) for (const one of spoilt(item, by)) yield value.with(at, one)
  else if (typeof value === 'object' && value !== null)
    for (const [key, field] of Object.entries(value))
      if (!/exitCode/i.test(key)) for (const one of spoilt(field, by)) yield { ...value, [key]: one }
}

describe('messages', () => {
  const anyJson = fc.jsonValue({ maxDepth: 4 })
  const kinds = [...new Set(messages.map(({ kind }) => kind))]

  test('of any content are understood or refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        anyJson,
        fc.uint8Array({ maxLength: 20 }),
        (kind, fields, body) => {
          try {
            decode({ header: [kind, fields], body })
          } catch (error) {
            expectProtocol(error)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('with one field replaced are understood or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...messages), fc.nat(30), anyJson, (message, at, value) => {
        const [frame] = read(encode(message))
        const [kind, fields] = frame!.header as [string, Record<string, unknown>]
        const keys = Object.keys(fields)
        const key = keys[at % Math.max(1, keys.length)] ?? 'x'
        const changed = Array.isArray(fields) ? fields.with(Number(key), value) : { ...fields, [key]: value }
        try {
          decode({ header: [kind, changed], body: frame!.body })
        } catch (error) {
          expectProtocol(error)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test.each([-1, Number.POSITIVE_INFINITY, null])(
    'with %s in the place of any number are refused',
    (wrong) => {
      for (const message of messages) {
        const [frame] = read(encode(message))
        for (const header of spoilt(frame!.header, wrong))
          expect(() => decode({ header, body: frame!.body }), JSON.stringify(header)).toThrow(
            'a message whose',
          )
      }
      for (const spoiltSwarmState of spoilt(swarmState(['1']), wrong)) {
        const [frame] = read(encode({ kind: 'swarm', ageMs: 5, swarmState: spoiltSwarmState as SwarmState }))
        expect(() => decode(frame!)).toThrow(/swarm\.(services\.web|failures|reschedules)\.\w+ is not/)
      }
    },
  )

  test.each(['-1', '1e400', '1e300', '1e13', 'null', '"NaN"'])(
    'with a duration of %s are refused',
    (wrong) => {
      const checked = (header: string) => () => decode({ header: JSON.parse(header), body: new Uint8Array() })
      const failure = (ageMs: string, durationMs: string) =>
        `["failure",{"id":"a","number":2,"ageMs":${ageMs},"durationMs":${durationMs},"failure":{"code":"timeout","reason":""}}]`
      expect(checked(failure('1', '1'))).not.toThrow()
      for (const header of [
        failure(wrong, '1'),
        failure('1', wrong),
        `["page",{"id":"a","number":2,"age":${wrong},"durationMs":1}]`,
        `["page",{"id":"a","number":2,"age":1,"durationMs":${wrong}}]`,
        `["heartbeat",{"number":1,"seen":0,"heldMs":${wrong}}]`,
        `["refresh",{"call":1,"id":"a","budget":${wrong}}]`,
        `["swarm",{"age":${wrong},"size":0}]`,
      ])
        expect(checked(header), header).toThrow('is not a duration')
    },
  )

  test('that unpack to more than any swarmState has are refused', () => {
    const words = Buffer.from(JSON.stringify(swarmState(['1'])))
    const bomb = pack(Buffer.concat([words, Buffer.alloc(64 * 2 ** 20, ' ')]))
    expect(bomb.bytes.length).toBeLessThan(100_000)
    const decoded = (body: Uint8Array, size: number) => () =>
      decode({ header: ['swarm', { ageMs: 1, size }], body })
    expect(decoded(pack(words).bytes, words.length)).not.toThrow()
    expect(decoded(bomb.bytes, bomb.size)).toThrow('swarm state that can’t be unpacked')
    expect(decoded(bomb.bytes, words.length)).toThrow('swarm state that can’t be unpacked')
  })

  test('that are wrong are refused with the path', () => {
    const wrong = (message: unknown) => () => decode({ header: message, body: new Uint8Array() })
    expect(wrong(['heartbeat', { number: 1, seen: 'x', heldMs: 0 }])).toThrow(
      'heartbeat.seen is not a whole number',
    )
    expect(wrong(['digest', { records: [['a', 2, 3]] }])).toThrow(
      'digest.records[0][3] is not a whole number',
    )
    expect(wrong({ kind: 'heartbeat' })).toThrow('header is not a list')
  })

  test('of a kind that is not known are named; fields that are not known are left out', () => {
    expect(decode({ header: ['song', { of: 'ice and fire' }], body: new Uint8Array() })).toEqual({
      kind: 'other',
      name: 'song',
    })
    const [frame] = read(writeFrame(['deleted', { id: 'a', colour: 'red' }]))
    expect(decode(frame!)).toEqual({ kind: 'deleted', id: 'a' })
  })

  test('can’t reach an object’s prototype', () => {
    const listing = `["listing",{"number":1,"generation":1,"target":{"id":"a","node":"n","name":"a","place":{"kind":"standalone"},"image":"","labels":{"__proto__":"x"},"state":"running","addresses":[]},"probeResult":{"kind":"searching"}}]`
    const message = decode({ header: JSON.parse(listing), body: new Uint8Array() })
    expect(Object.keys((message as { target: { labels: object } }).target.labels)).toEqual(['__proto__'])
    expect(() => decode({ header: ['__proto__', {}], body: new Uint8Array() })).not.toThrow()
  })
})
