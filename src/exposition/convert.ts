// A page for somebody who takes this format.

import { type Exposition, isOpenMetrics, type Offer, quotingOf } from './formats.ts'
import { merge } from './merge.ts'
import { readerOf } from './scan/reader.ts'
import { Kind, Scan } from './scan/scan.ts'

/** The page's own body, the very same bytes, where the asker takes those; else the page in the asked format. */
export function convert(page: Exposition, to: Offer): Uint8Array {
  const sameGrammar = isOpenMetrics(page.format) === isOpenMetrics(to.format)
  if (sameGrammar && (to.escaping === 'allow-utf-8' || !hasQuotes(page))) return page.body
  return merge([{ page }], to).body
}

/** Only a page of a version that has quotes can have any. */
function hasQuotes({ format, body }: Exposition): boolean {
  if (format !== quotingOf(format) || body.length === 0) return false
  const next = readerOf(format)
  const scan = new Scan(body, isOpenMetrics(format))
  for (let kind = next(scan); kind !== Kind.end; kind = next(scan)) if (scan.quoted) return true
  return false
}
