// The plain texts of pages that came packed. Left to the garbage collector, a text at each scrape costs more than
// all else that a scrape does: so each endpoint has one place for its newest text, which is used again.

import { gunzipSync } from 'node:zlib'
import type { Page } from '../model.ts'
import type { Unpacked } from './unpack.ts'

/** Where one endpoint's newest text lies. Goes with its readings. */
export interface Place {
  memory: Uint8Array
  /** Whose text it is. */
  page: Page | undefined
}

export interface Texts {
  /** Memory for the next text that is unpacked, until that has become a page or is of no use. */
  room(bytes: number): Uint8Array
  /**
   * The page that was sent as `gzip` and unpacked to `text`. Its body is unpacked again once another page of the
   * endpoint has its place.
   */
  pageOf(place: Place, text: Unpacked, gzip: Uint8Array, about: About): Page
}

export type About = Pick<Page, 'format' | 'series' | 'remarks'>

export const newPlace = (): Place => ({ memory: new Uint8Array(), page: undefined })

export function createTexts(): Texts {
  /** The page that was read last. The one before it keeps its place so long: who compares both needs both. */
  let last: { readonly page: Page; readonly text: Uint8Array; readonly place: Place } | undefined
  let memory = new Uint8Array()

  function settle(): void {
    if (!last) return
    const { page, text, place } = last
    last = undefined
    if (!fits(place.memory, text)) place.memory = new Uint8Array(text.length + text.length / 8)
    place.memory.set(text)
    place.page = page
  }

  function textOf(page: Page, place: Place): Uint8Array | undefined {
    if (page === last?.page) return last.text
    return page === place.page ? place.memory.subarray(0, page.size) : undefined
  }

  return {
    room(bytes) {
      settle()
      if (memory.length < bytes) memory = new Uint8Array(bytes + bytes / 8)
      return memory
    },
    pageOf(place, { text, crc }, gzip, about) {
      settle()
      const page = new PackedPage(about, gzip, text.length, crc, () => textOf(page, place))
      last = { page, text, place }
      return page
    },
  }
}

/** A class: an object made with accessors of its own, as a literal makes them, costs more than all else about it. */
class PackedPage implements Page {
  readonly format: Page['format']
  readonly series: number
  readonly remarks: Page['remarks']
  readonly gzip: Uint8Array
  readonly size: number
  readonly crc: number | undefined
  readonly #known: () => Uint8Array | undefined

  constructor(
    { format, series, remarks }: About,
    gzip: Uint8Array,
    size: number,
    crc: number | undefined,
    known: () => Uint8Array | undefined,
  ) {
    this.format = format
    this.series = series
    this.remarks = remarks
    this.gzip = gzip
    this.size = size
    this.crc = crc
    this.#known = known
  }

  get body(): Uint8Array {
    const known = this.#known()
    return known ? Uint8Array.from(known) : gunzipSync(this.gzip, { maxOutputLength: this.size })
  }

  glance(): Uint8Array {
    return this.#known() ?? this.body
  }
}

function fits({ length }: Uint8Array, text: Uint8Array): boolean {
  return text.length <= length && length < 2 * text.length
}
