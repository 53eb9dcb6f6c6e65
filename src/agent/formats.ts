// The exposition formats, as serving needs them: pages in, pages out.

import { families } from '../exposition/families.ts'
import {
  commonFormat,
  contentTypeOf,
  type Exposition,
  isSentUnchanged,
  kindOf,
  type NegotiatedFormat,
  negotiate,
} from '../exposition/formats.ts'
import { convert, merge } from '../exposition/merge.ts'
import { type Format, type MetricsPage, plainPage } from '../model.ts'
import { bodyOf, ready } from '../sync/codec.ts'
import type { MergePart } from '../web/rendering.ts'

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
    if (isSentUnchanged(page, to)) return page
    return plainPage(convert(expositionOf(page), to), { ...page, format: to.format })
  },
  merge(parts: readonly MergePart[], to: Format): MetricsPage {
    const given = parts.map((part) => ({ ...part, page: expositionOf(part.page) }))
    const { body, ...about } = merge(given, { format: to, escaping: 'allow-utf-8' })
    return plainPage(body, about)
  },
}

function expositionOf(page: MetricsPage): Exposition {
  return { ...page, body: bodyOf(page) }
}
