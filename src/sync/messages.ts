// What agents send to each other: one shape a message, from which its type follows. An agent sends only what it
// owns, so no message names an owner. Times are durations: ages at the moment of sending, timeouts from the moment of
// arrival.

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Code, type Failure, httpStatusByCode, ProxyError } from '../errors.ts'
import {
  type Endpoint,
  type Format,
  formatNames,
  type Place,
  type ProbeResult,
  type RunRecord,
  type Self,
  type SwarmState,
  type Target,
  type ZstdFrame,
} from '../model.ts'
import { type Frame, writeFrame } from './frames.ts'
import {
  count,
  duration,
  flag,
  integer,
  isTrue,
  list,
  map,
  type Of,
  object,
  oneOf,
  record,
  row,
  type Shape,
  text,
  variant,
} from './schema.ts'

/** This protocol, and the oldest that is still spoken. */
export const protocol = { newest: 4, oldest: 4 } as const

const failure: Shape<Failure> = object(
  { code: oneOf(Object.keys(httpStatusByCode) as Code[]), reason: text },
  { hint: text },
)
const self: Shape<Self> = object(
  { node: text, hostname: text, swarm: flag, manager: flag, advertise: text },
  { address: text, container: text, service: text },
)
const endpoint: Shape<Endpoint> = object({ url: text, port: count, source: text })
const inService = { service: text, serviceId: text, task: text }
const taskMay = { stack: text, provisional: isTrue }
const place: Shape<Place> = variant('kind', {
  replicated: object({ kind: oneOf(['replicated']), ...inService, slot: text }, taskMay),
  global: object({ kind: oneOf(['global']), ...inService }, taskMay),
  compose: object({ kind: oneOf(['compose']), project: text, service: text, number: text }),
  standalone: object({ kind: oneOf(['standalone']) }, { claimedService: text }),
})
const probeResult: Shape<ProbeResult> = variant('kind', {
  searching: object({ kind: oneOf(['searching']) }),
  found: object({ kind: oneOf(['found']), endpoint }),
  not_found: object({ kind: oneOf(['not_found']), failure }),
})
const run: Shape<RunRecord> = object(
  { restarts: count, oomKills: count },
  { health: oneOf(['starting', 'healthy', 'unhealthy']), lastExitCode: integer },
)
const target: Shape<Target> = object(
  {
    id: text,
    node: text,
    name: text,
    place,
    image: text,
    labels: record(text),
    state: oneOf(['running', 'paused', 'stopped']),
    addresses: list(object({ network: text, host: text })),
  },
  { exitCode: integer, run, unreachable: failure, url: text },
)
const taskCount = { after: count, upTo: count, services: map(map(count)) }
const swarmStateShape: Shape<SwarmState> = object(
  {
    swarmId: text,
    nodes: map(
      object({
        hostname: text,
        address: text,
        role: oneOf(['manager', 'worker']),
        state: text,
        availability: text,
        engineVersion: text,
        labels: record(text),
      }),
    ),
    services: map(
      object(
        {
          name: text,
          mode: oneOf(['replicated', 'global', 'job']),
          replicas: count,
          slots: list(text),
          labels: record(text),
          taskOrder: map(list(text)),
          running: count,
          taskStates: map(count),
        },
        { updateState: text },
      ),
    ),
    containers: map(list(text)),
  },
  { failures: object({ ...taskCount, tasks: list(text) }), reschedules: object(taskCount) },
)
const format: Shape<Format> = oneOf(formatNames)

/** Numbers rise within an epoch: of two updates of one thing, the one with the higher number is the newer. */
const shapes = {
  /** First from both sides; the side that was called sends first. `proof`: see identity.ts. */
  hello: object({ newest: count, oldest: count, version: text, epoch: text, self, proof: text }),
  /** The link may be used. The agent with the smaller node id sends it first, the other one in reply. */
  accept: object({}),
  /** `stopping`: the sender’s epoch is over. */
  bye: object({ reason: text }, { stopping: isTrue }),
  self: object({ self }),
  /** Its number, the newest one seen from the other side, and how long ago that was. */
  heartbeat: object({ number: count, seen: count, heldMs: duration }),
  /** Answered at once, with the same number. */
  challenge: object({ number: count }),
  response: object({ number: count }),
  /** All that the sender has of the receiver: id, and the numbers of listing, snapshot and page (0: none). */
  digest: object({
    records: list(row<readonly [string, number, number, number]>(text, count, count, count)),
  }),
  /** `generation`: the number of the target's first listing, another one if it comes back or its endpoint moves. */
  listing: object(
    { number: count, generation: count, target, probeResult },
    { endpoint, ended: object({ ageMs: duration, removed: flag }, { exitCode: integer }) },
  ),
  /** `base`: the number of the page that the first frame builds on; 0: none, it is a full one. */
  page: object(
    {
      ...{ id: text, number: count, ageMs: duration, durationMs: duration, base: count },
      ...{ format, series: count, remarks: list(text) },
      /** Of each frame, the size that it unpacks to and its length in the body. */
      frames: list(row<readonly [number, number]>(count, count)),
    },
    { hasUtf8Names: isTrue },
  ),
  failure: object({ id: text, number: count, ageMs: duration, durationMs: duration, failure }),
  /** The target is withdrawn. */
  deleted: object({ id: text }),
  /** All that the sender has is sent, and it knows all that it has. */
  complete: object({}),
  /** The page is wanted in full: its frames don't build on what is here. */
  resend: object({ id: text }),
  /** What only managers know, packed in the body; without one: the same as before. `size`: unpacked. */
  swarm: object({ ageMs: duration, size: count }),
  refresh: object({ call: count, id: text, timeoutMs: duration }),
  /** Follows the snapshot that it names; or the reason why there is none. */
  refreshed: object({ call: count }, { number: count, failure }),
  /** A message of a kind that the sender doesn't know. */
  unknown: object({ of: text }),
}

type Shapes = typeof shapes
type MessageKind = keyof Shapes
type Plain<K extends MessageKind> = { readonly kind: K } & Of<Shapes[K]>
export type Hello = Plain<'hello'>
export type Bye = Plain<'bye'>
export type ListingMessage = Plain<'listing'>
export type FailureMessage = Plain<'failure'>
export type Digest = Plain<'digest'>
export type RefreshMessage = Plain<'refresh'>
export type Refreshed = Plain<'refreshed'>
export type PageMessage = Omit<Plain<'page'>, 'frames'> & { readonly frames: readonly ZstdFrame[] }
interface SwarmMessage {
  readonly kind: 'swarm'
  readonly ageMs: number
  readonly swarmState?: SwarmState
}
export type Message =
  | { [K in MessageKind]: K extends 'page' | 'swarm' ? never : Plain<K> }[MessageKind]
  | PageMessage
  | SwarmMessage

const maxFrames = 100
const maxSwarmStateBytes = 64 * 2 ** 20
const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export function encode(message: Message): Uint8Array {
  const { kind, ...fields } = message
  switch (message.kind) {
    case 'page': {
      const frames = message.frames.map(({ size, bytes }) => [size, bytes.length])
      return writeFrame(
        [kind, { ...fields, ageMs: tenths(message.ageMs), durationMs: tenths(message.durationMs), frames }],
        message.frames.map(({ bytes }) => bytes),
      )
    }
    case 'swarm': {
      const { ageMs, swarmState } = message
      const json = Buffer.from(swarmState ? JSON.stringify(swarmState, mapsAsObjects) : '')
      const body = swarmState ? [zstdCompressSync(json, fastest)] : []
      return writeFrame([kind, { ageMs, size: json.length }], body)
    }
    default:
      return writeFrame([kind, fields])
  }
}

/** Throws at a message that can't be understood; one of an unknown kind is named. */
export function decode({ header, body }: Frame): Message | { readonly kind: 'other'; readonly name: string } {
  const [name, given] = row<readonly [string, unknown]>(text, (value) => value)(header, 'header')
  if (!Object.hasOwn(shapes, name)) return { kind: 'other', name }
  const kind = name as MessageKind
  if (kind === 'page') return pageOf(shapes.page(given, kind), body)
  if (kind === 'swarm') return swarmOf(shapes.swarm(given, kind), body)
  return { kind, ...shapes[kind](given, kind) } as Message
}

function pageOf({ frames: lengths, ...fields }: Of<Shapes['page']>, body: Uint8Array): PageMessage {
  if (lengths.length === 0 || lengths.length > maxFrames || (fields.base === 0 && lengths.length > 1))
    throw new ProxyError('protocol', `a page in ${lengths.length} frames`)
  let at = 0
  const frames = lengths.map(([size, length]): ZstdFrame => {
    at += length
    // a copy: a stored frame must not keep its whole message in memory
    return { size, bytes: new Uint8Array(body.subarray(at - length, at)) }
  })
  if (at !== body.length) throw new ProxyError('protocol', 'a page whose frames don’t fill its message')
  return { kind: 'page', ...fields, frames }
}

function swarmOf({ ageMs, size }: Of<Shapes['swarm']>, body: Uint8Array): SwarmMessage {
  if (body.length === 0) return { kind: 'swarm', ageMs }
  return { kind: 'swarm', ageMs, swarmState: swarmStateShape(unpackedJson(body, size), 'swarm') }
}

function unpackedJson(body: Uint8Array, size: number): unknown {
  try {
    if (size > maxSwarmStateBytes) throw new Error(`${size} bytes`)
    return JSON.parse(zstdDecompressSync(body, { maxOutputLength: Math.max(1, size) }).toString())
  } catch (cause) {
    throw new ProxyError('protocol', 'swarm state that can’t be unpacked', { cause })
  }
}

function mapsAsObjects(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}

/** Tenths of milliseconds are enough, and shorter. */
const tenths = (ms: number) => Math.round(ms * 10) / 10
