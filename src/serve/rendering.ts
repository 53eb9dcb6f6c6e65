// A page as it goes out: in the format that the asker takes, plain or packed. What is packed is made once a
// page, at the first ask, and goes with the page.

import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import type { Format, Page } from '../model.ts'
import { acceptsGzip } from '../negotiation.ts'

/** What an asker takes. */
export interface Offer {
  readonly format: Format
  /** How names are told that this asker can't read as they are. */
  readonly escaping: 'allow-utf-8' | 'underscores' | 'dots' | 'values'
}

/** What of the formats' engine is used here. */
export interface Formats {
  /** In the page's own format where the asker takes it, else in the best of what it takes. */
  negotiate(accept: string | undefined, own: Format): Offer
  contentTypeOf(format: Format, escaping: Offer['escaping']): string
  /** The page itself where there is nothing to convert. */
  convert(page: Page, to: Offer): Page
  bodyOf(page: Page): Uint8Array
}

export interface Rendered {
  readonly type: string
  readonly encoding?: 'gzip'
  readonly body: Buffer
}

/** At once where the form is ready, which makes the answer a matter of microseconds. */
export type Render = (page: Page, asker: Asker) => Rendered | Promise<Rendered>

interface Rendering {
  readonly render: Render
  shed(): void
}

export interface Asker {
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
  let packed = new WeakMap<Page, Map<string, Rendered | Promise<Rendered>>>()
  const choose = createChoose(formats)

  const formOf = (page: Page, { offer }: Choice) => formats.convert(page, offer)

  function packedOf(page: Page, choice: Choice): Rendered | Promise<Rendered> {
    const forms = packed.get(page) ?? new Map<string, Rendered | Promise<Rendered>>()
    packed.set(page, forms)
    const ready = forms.get(choice.key)
    if (ready) return ready
    const made = pack(formOf(page, choice), choice.type, formats)
    forms.set(choice.key, made)
    if (made instanceof Promise) made.then((done) => forms.set(choice.key, done))
    return made
  }

  function render(page: Page, { accept, acceptEncoding }: Asker): Rendered | Promise<Rendered> {
    const choice = choose(accept, page.format)
    if (acceptsGzip(acceptEncoding)) return packedOf(page, choice)
    return { type: choice.type, body: bufferOf(formats.bodyOf(formOf(page, choice))) }
  }

  return {
    render,
    shed() {
      packed = new WeakMap()
    },
  }
}

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
  readonly key: string
  readonly type: string
}

const mostRemembered = 200

/** Askers say the same each time: what they take is read once. */
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
    const choice = { offer, key: `${format} ${escaping}`, type: contentTypeOf(format, escaping) }
    choices.set(accept, choice)
    return choice
  }
}
