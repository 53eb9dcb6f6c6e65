// The engine for pages' formats, as serving them needs it: whole pages in, whole pages out.

import { convert } from '../exposition/convert.ts'
import { canQuote, contentTypeOf, isOpenMetrics, negotiate, type Offer } from '../exposition/formats.ts'
import { merge, type Part } from '../exposition/merge.ts'
import type { Format, Page } from '../model.ts'

export const formats = {
  negotiate,
  contentTypeOf,
  convert(given: Page, to: Offer): Page {
    if (isTakenAsItIs(given.format, to)) return given
    // a copy, since a page that is kept compressed must be asked for its body only once
    const page = { ...given, body: given.body }
    const body = convert(page, to)
    return body === page.body ? page : { ...plain(page), format: to.format, body, size: body.length }
  },
  merge(parts: readonly Part[], to: Format): Page {
    const merged = merge(parts, { format: to, escaping: 'allow-utf-8' })
    return { ...merged, size: merged.body.length }
  },
}

/** Whatever the page says: then nobody needs to look into it. */
function isTakenAsItIs(format: Format, to: Offer): boolean {
  return (
    isOpenMetrics(format) === isOpenMetrics(to.format) && (to.escaping === 'allow-utf-8' || !canQuote(format))
  )
}

/** Without the container's own gzip, and what is known from it, which is of its own words. */
function plain({ gzip, crc, ...page }: Page): Page {
  return page
}
