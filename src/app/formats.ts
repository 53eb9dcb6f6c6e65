// The engine for pages' formats, as serving them needs it: whole pages in, whole pages out.

import { convert } from '../exposition/convert.ts'
import { families } from '../exposition/families.ts'
import {
  canQuote,
  contentTypeOf,
  type Exposition,
  isOpenMetrics,
  negotiate,
  type Offer,
} from '../exposition/formats.ts'
import { merge, type Part } from '../exposition/merge.ts'
import type { Format, Page } from '../model.ts'
import { plainPage } from '../page.ts'
import { bodyOf } from '../sync/body.ts'

interface PagePart {
  readonly page: Page
  readonly label?: NonNullable<Part['label']>
}

export const formats = {
  negotiate,
  contentTypeOf,
  bodyOf,
  isTakenAsItIs,
  families: (page: Page) => families(expositionOf(page)),
  convert(page: Page, to: Offer): Page {
    if (isTakenAsItIs(page.format, to)) return page
    const given = expositionOf(page)
    const body = convert(given, to)
    return body === given.body ? page : plainPage(body, { ...page, format: to.format })
  },
  merge(parts: readonly PagePart[], to: Format): Page {
    const given = parts.map((part) => ({ ...part, page: expositionOf(part.page) }))
    const { body, ...about } = merge(given, { format: to, escaping: 'allow-utf-8' })
    return plainPage(body, about)
  },
}

function expositionOf(page: Page): Exposition {
  return { format: page.format, body: bodyOf(page) }
}

/** Whatever the page says: then nobody needs to look into it. */
function isTakenAsItIs(format: Format, to: Offer): boolean {
  return (
    isOpenMetrics(format) === isOpenMetrics(to.format) && (to.escaping === 'allow-utf-8' || !canQuote(format))
  )
}
