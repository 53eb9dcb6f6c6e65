// The plain texts of pages that came packed. Left to the garbage collector, a text at each scrape costs more than
// all else that a scrape does: so only the newest one of all is kept, in memory that is used again, and every other is
// unpacked anew for who asks for it.

import { gunzipSync } from 'node:zlib'
import type { Page } from '../model.ts'
import type { Unpacked } from './unpack.ts'

export interface Texts {
  /** Memory for the next text that is unpacked. The newest is gone by that. */
  room(bytes: number): Uint8Array
  /** The page that was sent as `gzip` and unpacked to `text`, which from now on is the newest. */
  pageOf(text: Unpacked, gzip: Uint8Array, about: About): Page
}

export type About = Pick<Page, 'format' | 'series' | 'remarks'>

export function createTexts(): Texts {
  let newest: { readonly page: Page; readonly text: Uint8Array } | undefined
  let memory = new Uint8Array()

  const newestOf = (page: Page) => (page === newest?.page ? newest.text : undefined)

  return {
    room(bytes) {
      newest = undefined
      if (memory.length < bytes) memory = new Uint8Array(bytes + bytes / 8)
      return memory
    },
    pageOf({ text, crc }, gzip, about) {
      const page = new PackedPage(about, gzip, text.length, crc, newestOf)
      newest = { page, text }
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
  readonly #newestOf: (page: Page) => Uint8Array | undefined

  constructor(
    { format, series, remarks }: About,
    gzip: Uint8Array,
    size: number,
    crc: number | undefined,
    newestOf: (page: Page) => Uint8Array | undefined,
  ) {
    this.format = format
    this.series = series
    this.remarks = remarks
    this.gzip = gzip
    this.size = size
    this.crc = crc
    this.#newestOf = newestOf
  }

  get body(): Uint8Array {
    const text = this.#newestOf(this)
    return text ? Uint8Array.from(text) : gunzipSync(this.gzip, { maxOutputLength: this.size })
  }

  glance(): Uint8Array {
    return this.#newestOf(this) ?? this.body
  }
}
