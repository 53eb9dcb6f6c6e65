// What agents say to each other. An agent speaks only of what it owns, so no message names an owner. Times are
// durations: ages at the moment of sending, budgets from the moment of arrival.

import { type Code, ProxyError, statusOf, type Trouble } from '../errors.ts'
import {
  type Catalogue,
  type Endpoint,
  type Finding,
  type Format,
  formatNames,
  type Place,
  type Self,
  type Target,
} from '../model.ts'
import { type Frame, writeFrame } from './frames.ts'
import { pack, unpack } from './pack.ts'
import {
  count,
  duration,
  flag,
  integer,
  isTrue,
  list,
  map,
  object,
  oneOf,
  record,
  row,
  type Shape,
  text,
  variant,
} from './shapes.ts'

/** This protocol, and the oldest that is still spoken. */
export const protocol = { newest: 1, oldest: 1 } as const

/** First from both sides; the side that was called speaks first. */
export interface Hello {
  readonly kind: 'hello'
  readonly newest: number
  readonly oldest: number
  readonly version: string
  readonly epoch: string
  readonly self: Self
}

/** What the sender holds of the receiver's present epoch: it lacks the rest. */
export interface Digest {
  readonly kind: 'digest'
  readonly epoch: string
  readonly held: readonly HeldNumbers[]
}
/** born, directory, snapshot, and the page that deltas may build on (0: none). */
export type HeldNumbers = readonly [born: number, directory: number, snapshot: number, page: number]

export interface ListingMessage {
  readonly kind: 'listing'
  readonly number: number
  readonly born: number
  readonly target: Target
  readonly finding: Finding
  readonly endpoint?: Endpoint
  readonly ended?: { readonly age: number; readonly exitCode?: number; readonly removed: boolean }
}

interface SnapshotNumbers {
  readonly born: number
  readonly number: number
  readonly age: number
  readonly took: number
}

export interface PageMessage extends SnapshotNumbers {
  readonly kind: 'page'
  readonly print: string
  readonly size: number
  readonly series: number
  readonly format: Format
  readonly remarks: readonly string[]
  /** What `parts` are deltas to, where none means that nothing has changed; absent: they are one full copy. */
  readonly base?: { readonly number: number; readonly print: string }
  readonly parts: readonly Uint8Array[]
}

export interface FailureMessage extends SnapshotNumbers {
  readonly kind: 'failure'
  readonly trouble: Trouble
}

/** After the new snapshot, on the same ordered channel. It names the one that the refresh brought, or says why there is none. */
export interface Refreshed {
  readonly kind: 'refreshed'
  readonly call: number
  readonly trouble?: Trouble
  readonly brought?: { readonly epoch: string; readonly number: number }
}

export interface CatalogueMessage {
  readonly kind: 'catalogue'
  readonly age: number
  /** Absent: the same as before. */
  readonly catalogue?: Catalogue
}

export type Message =
  | Hello
  | { readonly kind: 'accept' }
  | { readonly kind: 'bye'; readonly reason: string }
  | { readonly kind: 'self'; readonly self: Self }
  /** A sign of life: its number, the newest one seen from the other side, and how long ago that was. */
  | { readonly kind: 'beat'; readonly number: number; readonly seen: number; readonly held: number }
  | Digest
  | ListingMessage
  | PageMessage
  | FailureMessage
  /** The target is withdrawn. */
  | { readonly kind: 'gone'; readonly born: number }
  /** All that the sender has was told, and it knows all that it has. */
  | { readonly kind: 'whole' }
  /** The delta didn't fit: the page is wanted in full. */
  | { readonly kind: 'lacks'; readonly born: number }
  | CatalogueMessage
  | { readonly kind: 'refresh'; readonly call: number; readonly id: string; readonly budget: number }
  | Refreshed
  /** A message of a kind that the sender doesn't know. */
  | { readonly kind: 'unknown'; readonly of: string }

type Plain = Exclude<Message, PageMessage | CatalogueMessage>

const trouble: Shape<Trouble> = object(
  { code: oneOf(Object.keys(statusOf) as Code[]), reason: text },
  { mend: text },
)
const self: Shape<Self> = object(
  { node: text, hostname: text, swarm: flag, manager: flag, advertise: text },
  { address: text, container: text, service: text },
)
const endpoint: Shape<Endpoint> = object({ url: text, port: count, why: text })
const inService = { service: text, serviceId: text, task: text }
const taskMay = { stack: text, provisional: isTrue }
const place: Shape<Place> = variant('kind', {
  replicated: object({ kind: oneOf(['replicated']), ...inService, slot: text }, taskMay),
  global: object({ kind: oneOf(['global']), ...inService }, taskMay),
  compose: object({ kind: oneOf(['compose']), project: text, service: text, number: text }),
  standalone: object({ kind: oneOf(['standalone']) }, { claims: text }),
})
const finding: Shape<Finding> = variant('kind', {
  searching: object({ kind: oneOf(['searching']) }),
  found: object({ kind: oneOf(['found']), endpoint }),
  none: object({ kind: oneOf(['none']), trouble }),
})
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
  { exitCode: integer, unreachable: trouble, url: text },
)
const catalogue: Shape<Catalogue> = object({
  cluster: text,
  nodes: map(
    object({
      hostname: text,
      address: text,
      role: oneOf(['manager', 'worker']),
      state: text,
      availability: text,
    }),
  ),
  services: map(
    object({
      name: text,
      mode: oneOf(['replicated', 'global', 'job']),
      replicas: count,
      slots: list(text),
      labels: record(text),
      contested: map(list(text)),
    }),
  ),
  containers: map(list(text)),
})

/** All kinds but those with a body. */
const shapes: { readonly [K in Plain['kind']]: Shape<Omit<Extract<Plain, { kind: K }>, 'kind'>> } = {
  hello: object({ newest: count, oldest: count, version: text, epoch: text, self }),
  accept: object({}),
  bye: object({ reason: text }),
  self: object({ self }),
  beat: object({ number: count, seen: count, held: duration }),
  digest: object({ epoch: text, held: list(row<HeldNumbers>(count, count, count, count)) }),
  listing: object(
    { number: count, born: count, target, finding },
    { endpoint, ended: object({ age: duration, removed: flag }, { exitCode: integer }) },
  ),
  failure: object({ born: count, number: count, age: duration, took: duration, trouble }),
  gone: object({ born: count }),
  whole: object({}),
  lacks: object({ born: count }),
  refresh: object({ call: count, id: text, budget: duration }),
  refreshed: object({ call: count }, { trouble, brought: object({ epoch: text, number: count }) }),
  unknown: object({ of: text }),
}

/** Pages are by far the most frequent: their header is a list without names. */
const pageRow = row<
  [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    string,
    readonly string[],
    number,
    string,
    readonly number[],
  ]
>(count, count, duration, duration, count, count, count, text, list(text), count, text, list(count))

const largestCatalogue = 64 * 2 ** 20

export function encode(message: Message): Uint8Array {
  switch (message.kind) {
    case 'page':
      return encodePage(message)
    case 'catalogue': {
      const { kind, age, catalogue } = message
      return writeFrame([kind, { age }], catalogue ? [pack(Buffer.from(catalogueText(catalogue)))] : [])
    }
    default: {
      const { kind, ...fields } = message
      return writeFrame([kind, fields])
    }
  }
}

/** A Map is an object on the wire. */
function catalogueText(catalogue: Catalogue): string {
  return JSON.stringify(catalogue, (_key, value) =>
    value instanceof Map ? Object.fromEntries(value) : value,
  )
}

/** Throws at a message that can't be understood; one of an unknown kind is told by name. */
export function decode({ header, body }: Frame): Message | { readonly kind: 'other'; readonly name: string } {
  const [kind, fields] = row<[string, unknown]>(text, (value) => value)(header, 'header')
  if (kind === 'page') return decodePage(fields, body)
  if (kind === 'catalogue') return decodeCatalogue(fields, body)
  if (!Object.hasOwn(shapes, kind)) return { kind: 'other', name: kind }
  return { kind, ...shapes[kind as Plain['kind']](fields, kind) } as Message
}

function encodePage(page: PageMessage): Uint8Array {
  const { born, number, age, took, size, series, format, print, remarks, base, parts } = page
  const header = [
    born,
    number,
    tenths(age),
    tenths(took),
    size,
    series,
    formatNames.indexOf(format),
    print,
    remarks,
    base?.number ?? 0,
    base?.print ?? '',
    parts.map(({ length }) => length),
  ]
  return writeFrame(['page', header], parts)
}

function decodePage(fields: unknown, body: Uint8Array): PageMessage {
  const [born, number, age, took, size, series, format, print, remarks, base, basePrint, lengths] = pageRow(
    fields,
    'page',
  )
  const known = formatNames[format]
  if (!known) throw new ProxyError('protocol', `a page in a format that is not known (${format})`)
  return {
    kind: 'page',
    ...{ born, number, age, took, size, series, print, remarks },
    format: known,
    ...(base > 0 && { base: { number: base, print: basePrint } }),
    parts: split(body, lengths),
  }
}

/** Copies: what is kept of a message must not keep the whole of it. */
function split(body: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  let at = 0
  const parts = lengths.map((length) => {
    at += length
    return new Uint8Array(body.subarray(at - length, at))
  })
  if (at !== body.length) throw new ProxyError('protocol', 'a page whose parts don’t fill its message')
  return parts
}

function decodeCatalogue(fields: unknown, body: Uint8Array): CatalogueMessage {
  const { age } = object({ age: duration })(fields, 'catalogue')
  if (body.length === 0) return { kind: 'catalogue', age }
  return { kind: 'catalogue', age, catalogue: catalogue(unpackJson(body), 'catalogue') }
}

function unpackJson(packed: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(unpack(packed, largestCatalogue)).toString())
  } catch (cause) {
    throw new ProxyError('protocol', 'a catalogue that can’t be unpacked', { cause })
  }
}

function tenths(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}
