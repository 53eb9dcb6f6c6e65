// Metrics as they are sent: in a format that the client accepts, plain or gzip.

import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type * as exposition from '../exposition/formats.ts'
import type { NegotiatedFormat } from '../exposition/formats.ts'
import { acceptsGzip, minGzipBytes } from '../http/negotiation.ts'
import type { Format, FormatKind, MetricsPage } from '../model.ts'

/** The exposition formats, as serving needs them. */
export interface Formats
  extends Pick<
    typeof exposition,
    'negotiate' | 'kindOf' | 'contentTypeOf' | 'isSentUnchanged' | 'commonFormat'
  > {
  /** The same page if nothing is to be converted. */
  convert(page: MetricsPage, to: NegotiatedFormat): MetricsPage
  bodyOf(page: MetricsPage): Uint8Array
  /** Decompresses a large page off the event loop, so that `bodyOf` takes no time. */
  ready(page: MetricsPage): MetricsPage | Promise<MetricsPage>
  /** Adds each part's label to its series; a label of that name becomes `exported_…`. */
  merge(parts: readonly MergePart[], to: Format): MetricsPage
}

export interface MergePart {
  readonly page: MetricsPage
  readonly label?: { readonly name: string; readonly value: string }
}

interface Rendered {
  readonly contentType: string
  readonly encoding?: 'gzip'
  readonly body: Buffer
}

export interface Rendering {
  /** The kind that the client prefers. */
  kindFor(request: Pick<FastifyRequest, 'headers'>): FormatKind
  render(page: MetricsPage, request: Pick<FastifyRequest, 'headers'>): Promise<Rendered>
  /** The most memory that rendering and sending this page takes. */
  maxBytesOf(page: MetricsPage, request: Pick<FastifyRequest, 'headers'>): number
}

/** A larger body is compressed off the event loop. Smaller ones are not: a compressor in flight takes as much memory. */
const maxSyncGzipBytes = 256 * 1024
/** Nearly all bodies are compressed for one response: a quarter of the time of the default, an eighth larger. */
const gzipOptions = { level: 1 }
const gzipAsync = promisify(gzip)
/** How often the body is in memory at the same time: decompressed or compressed, and as objects while it is converted. */
const copiesToCompress = 2
const copiesToConvert = 5

/** Clients that share a scrape share its response too: a page from a peer is unpacked and compressed once for all. */
interface SharedResponse {
  readonly page: MetricsPage
  readonly negotiated: NegotiatedFormat
  readonly isGzip: boolean
  readonly rendered: Promise<Rendered>
}

/** The newest are shared, up to this number and this size: 4 MiB in the sum, and as much for their pages. */
const maxShared = 16
const maxSharedBytes = 256 * 1024

export function createRendering(formats: Formats): Rendering {
  let shared: readonly SharedResponse[] = []

  async function convert(
    page: MetricsPage,
    negotiated: NegotiatedFormat,
    isGzip: boolean,
  ): Promise<Rendered> {
    const contentType = formats.contentTypeOf(negotiated.format, negotiated.escaping)
    const body = bufferOf(formats.bodyOf(formats.convert(await formats.ready(page), negotiated)))
    if (!isGzip || body.length < minGzipBytes) return { contentType, body }
    const isLarge = body.length > maxSyncGzipBytes
    const gzipped = isLarge ? await gzipAsync(body, gzipOptions) : gzipSync(body, gzipOptions)
    return { contentType, encoding: 'gzip', body: gzipped }
  }

  function convertOnce(page: MetricsPage, negotiated: NegotiatedFormat, isGzip: boolean): Promise<Rendered> {
    const { format, escaping } = negotiated
    const known = shared.find(
      (one) =>
        one.page === page &&
        one.isGzip === isGzip &&
        one.negotiated.format === format &&
        one.negotiated.escaping === escaping,
    )
    if (known) return known.rendered
    const rendered = convert(page, negotiated, isGzip)
    shared = [{ page, negotiated, isGzip, rendered }, ...shared.slice(0, maxShared - 1)]
    return rendered
  }

  return {
    kindFor: ({ headers }) => formats.kindOf(formats.negotiate(headers.accept).format),
    async render(page, { headers }) {
      const negotiated = formats.negotiate(headers.accept, page.format)
      const isGzip = acceptsGzip(headers['accept-encoding'])
      if (isGzip && page.content.kind === 'gzip' && formats.isSentUnchanged(page, negotiated)) {
        const contentType = formats.contentTypeOf(negotiated.format, negotiated.escaping)
        return { contentType, encoding: 'gzip', body: bufferOf(page.content.bytes) }
      }
      return (page.size > maxSharedBytes ? convert : convertOnce)(page, negotiated, isGzip)
    },
    maxBytesOf(page, { headers }) {
      const { format, content, size } = page
      const isUnchanged = formats.isSentUnchanged(page, formats.negotiate(headers.accept, format))
      if (!isUnchanged) return size * copiesToConvert
      const isSentAsStored = content.kind === (acceptsGzip(headers['accept-encoding']) ? 'gzip' : 'plain')
      return isSentAsStored ? content.bytes.length : size * copiesToCompress
    },
  }
}

/** The same bytes, not a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function sendRendered(reply: FastifyReply, { contentType, encoding, body }: Rendered): FastifyReply {
  reply.header('content-type', contentType).header('vary', 'accept, accept-encoding')
  if (encoding) reply.header('content-encoding', encoding)
  return reply.send(body)
}
