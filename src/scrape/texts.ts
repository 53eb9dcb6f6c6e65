// The plain texts of pages that came packed. Left to the garbage collector, a text at each scrape costs more than
// all else that a scrape does: so each endpoint has one place for its newest text, which is used again.

import { gunzipSync } from 'node:zlib'
import type { Page } from '../model.ts'

/** Where one endpoint's newest text lies. Goes with its readings. */
export interface Place {
  memory: Uint8Array
  /** Whose text it is. */
  page: Page | undefined
}

export interface Texts {
  /**
   * The page that was sent as `gzip` and unpacked to `text`. Its body is unpacked again once another page of the
   * endpoint has its place.
   */
  pageOf(place: Place, text: Uint8Array, gzip: Uint8Array, about: About): Page
}

export type About = Pick<Page, 'format' | 'series' | 'remarks'>

export const newPlace = (): Place => ({ memory: new Uint8Array(), page: undefined })

export function createTexts(): Texts {
  /** The page that was read last. The one before it keeps its place so long: who compares both needs both. */
  let last: { readonly page: Page; readonly text: Uint8Array; readonly place: Place } | undefined

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
    pageOf(place, text, gzip, { format, series, remarks }) {
      settle()
      const page: Page = {
        ...{ format, series, remarks, gzip, size: text.length },
        get body() {
          const known = textOf(page, place)
          return known ? Uint8Array.from(known) : gunzipSync(gzip, { maxOutputLength: page.size })
        },
        glance: () => textOf(page, place) ?? page.body,
      }
      last = { page, text, place }
      return page
    },
  }
}

function fits({ length }: Uint8Array, text: Uint8Array): boolean {
  return text.length <= length && length < 2 * text.length
}
