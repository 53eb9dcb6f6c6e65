// The exposition formats, as serving needs them: pages in, pages out.

import { convert, isSentUnchanged } from '../exposition/convert.ts'
import { families } from '../exposition/families.ts'
import type { Label } from '../exposition/family.ts'
import {
  commonFormat,
  contentTypeOf,
  type Exposition,
  kindOf,
  type NegotiatedFormat,
  negotiate,
} from '../exposition/formats.ts'
import { merge } from '../exposition/merge.ts'
import type { Format, MetricsPage } from '../model.ts'
import { plainPage } from '../model.ts'
import { bodyOf, ready } from '../sync/codec.ts'

interface PagePart {
  readonly page: MetricsPage
  readonly label?: Label
}

export const formats = {
  negotiate,
  kindOf,
  contentTypeOf,
  commonFormat,
  bodyOf,
  ready,
  isSentUnchanged,
  families: async (page: MetricsPage) => families(expositionOf(await ready(page))),
  convert(page: MetricsPage, to: NegotiatedFormat): MetricsPage {
    // then it isn't even unpacked
    if (isSentUnchanged(page.format, to)) return page
    const given = expositionOf(page)
    const body = convert(given, to)
    return body === given.body ? page : plainPage(body, { ...page, format: to.format })
  },
  merge(parts: readonly PagePart[], to: Format): MetricsPage {
    const given = parts.map((part) => ({ ...part, page: expositionOf(part.page) }))
    const { body, ...about } = merge(given, { format: to, escaping: 'allow-utf-8' })
    return plainPage(body, about)
  },
}

function expositionOf(page: MetricsPage): Exposition {
  return { format: page.format, body: bodyOf(page) }
}
