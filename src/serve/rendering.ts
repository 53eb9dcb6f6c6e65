// A page as it goes out: in the format that the asker takes, plain or packed. Each form is made once a page,
// at the first ask, and goes with the page.

import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import type { Format, Page } from '../model.ts'

/** What of the formats' engine is used here. */
export interface Formats {
  /** The format to answer in: `own` where the asker takes it, else the best of what it takes. */
  negotiate(accept: string | undefined, own: Format): Format
  contentTypeOf(format: Format): string
  convert(page: Page, to: Format): Page
}

export interface Rendered {
  readonly type: string
  readonly encoding?: 'gzip'
  readonly body: Buffer
}

/** At once where the form is ready, which makes the answer a matter of microseconds. */
export type Render = (page: Page, asker: Asker) => Rendered | Promise<Rendered>

export interface Asker {
  readonly accept: string | undefined
  readonly acceptEncoding: string | string[] | undefined
}

/** Packing less than this costs more than it saves. */
const leastPacked = 1024
/** Nearly as small as the slowest level, for half its time. */
const level = 5
const pack = promisify(gzipCallback)

export function createRender(formats: Formats): Render {
  const converted = new WeakMap<Page, Map<Format, Page>>()
  const packed = new WeakMap<Page, Rendered | Promise<Rendered>>()
  const formatFor = remembered(formats.negotiate)

  function inFormat(page: Page, format: Format): Page {
    if (page.format === format) return page
    const forms = converted.get(page) ?? new Map<Format, Page>()
    converted.set(page, forms)
    const form = forms.get(format) ?? formats.convert(page, format)
    forms.set(format, form)
    return form
  }

  function packedForm(page: Page): Rendered | Promise<Rendered> {
    const ready = packed.get(page)
    if (ready) return ready
    const type = formats.contentTypeOf(page.format)
    if (page.gzip) return keep(page, { type, encoding: 'gzip', body: bufferOf(page.gzip) })
    const body = bufferOf(page.body)
    if (body.length < leastPacked) return keep(page, { type, body })
    const making = pack(body, { level }).then((body) => keep(page, { type, encoding: 'gzip', body }))
    packed.set(page, making)
    return making
  }

  function keep(page: Page, rendered: Rendered): Rendered {
    packed.set(page, rendered)
    return rendered
  }

  return (page, { accept, acceptEncoding }) => {
    const form = inFormat(page, formatFor(accept, page.format))
    if (takesGzip(acceptEncoding)) return packedForm(form)
    return { type: formats.contentTypeOf(form.format), body: bufferOf(form.body) }
  }
}

const refusesGzip = /\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)/i

function takesGzip(accepted: string | string[] | undefined): boolean {
  if (accepted === 'gzip') return true
  const text = String(accepted ?? '')
  return /\bgzip\b/i.test(text) && !refusesGzip.test(text)
}

/** The same bytes as a Buffer, which goes out without being copied. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const mostRemembered = 200

/** Askers say the same each time: what they take is read once. */
function remembered(negotiate: Formats['negotiate']): Formats['negotiate'] {
  const known = new Map<string, Format>()
  return (accept, own) => {
    const key = `${own} ${accept}`
    const before = known.get(key)
    if (before) return before
    if (known.size >= mostRemembered) known.clear()
    const format = negotiate(accept, own)
    known.set(key, format)
    return format
  }
}
