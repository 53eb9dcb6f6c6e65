// A page as it goes out: in the format that the client takes, plain or packed.

import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import { acceptsGzip } from '../http/negotiation.ts'
import type { Format, Page } from '../model.ts'

/** What a client takes. */
export interface Offer {
  readonly format: Format
  /** How names are told that this client can't read as they are. */
  readonly escaping: 'allow-utf-8' | 'underscores' | 'dots' | 'values'
}

/** What of the formats' engine is used here. */
export interface Formats {
  /** In the page's own format where the client takes it, else in the best of what it takes. */
  negotiate(accept: string | undefined, own: Format): Offer
  contentTypeOf(format: Format, escaping: Offer['escaping']): string
  /** Whether a page of this format is sent as it is. */
  isTakenAsItIs(own: Format, to: Offer): boolean
  /** The page itself where there is nothing to convert. */
  convert(page: Page, to: Offer): Page
  bodyOf(page: Page): Uint8Array
  /** The page in a form whose body is at hand, or soon: what is large is not unpacked on the event loop. */
  ready(page: Page): Page | Promise<Page>
}

export interface Rendered {
  readonly type: string
  readonly encoding?: 'gzip'
  readonly body: Buffer
}

export interface Rendering {
  render(page: Page, client: Client): Promise<Rendered>
  /** The memory that an answer takes at most, from when it is made until the client has it. */
  bytesFor(page: Page, client: Client): number
}

export interface Client {
  readonly accept: string | undefined
  readonly acceptEncoding: string | string[] | undefined
}

/** Packing less than this costs more than it saves. */
const leastPacked = 1024
/** More than this is packed beside the event loop; for less the way there and back costs more than the work. */
const mostAtOnce = 256 * 1024
/** Most pages are packed for one answer: an eighth larger than by the usual level, in a quarter of its time. */
const level = 1
const packAside = promisify(gzip)

export function createRendering(formats: Formats): Rendering {
  const choose = createChoose(formats)

  return {
    async render(given, { accept, acceptEncoding }) {
      const page = await formats.ready(given)
      const { offer, type } = choose(accept, page.format)
      const form = formats.convert(page, offer)
      if (acceptsGzip(acceptEncoding)) return pack(form, type, formats)
      return { type, body: bufferOf(formats.bodyOf(form)) }
    },
    bytesFor({ format, content, size }, { accept, acceptEncoding }) {
      const isAsItIs = formats.isTakenAsItIs(format, choose(accept, format).offer)
      if (!isAsItIs) return size * formsOfConversion
      return content.kind === (acceptsGzip(acceptEncoding) ? 'gzip' : 'plain')
        ? content.bytes.length
        : size * formsAtOnce
    },
  }
}

/** A page that is unpacked or packed is there in so many forms at once, one that is converted as objects as well: measured. */
const formsAtOnce = 2
const formsOfConversion = 5

/** The container's own gzip where it sent one, else ours where it pays. */
function pack(form: Page, type: string, { bodyOf }: Pick<Formats, 'bodyOf'>): Rendered | Promise<Rendered> {
  if (form.content.kind === 'gzip') return { type, encoding: 'gzip', body: bufferOf(form.content.bytes) }
  const body = bufferOf(bodyOf(form))
  if (body.length < leastPacked) return { type, body }
  if (body.length <= mostAtOnce) return { type, encoding: 'gzip', body: gzipSync(body, { level }) }
  return packAside(body, { level }).then((body) => ({ type, encoding: 'gzip', body }))
}

/** The same bytes as a Buffer, which goes out without being copied. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

interface Choice {
  readonly offer: Offer
  readonly type: string
}

const mostRemembered = 200

/** Clients say the same each time: what they take is read once. */
function createChoose({ negotiate, contentTypeOf }: Formats) {
  const known = new Map<Format, Map<string | undefined, Choice>>()
  return (accept: string | undefined, own: Format): Choice => {
    const choices = known.get(own) ?? new Map<string | undefined, Choice>()
    known.set(own, choices)
    const before = choices.get(accept)
    if (before) return before
    if (choices.size >= mostRemembered) choices.clear()
    const offer = negotiate(accept, own)
    const { format, escaping } = offer
    const choice = { offer, type: contentTypeOf(format, escaping) }
    choices.set(accept, choice)
    return choice
  }
}
