// A page with one more label on each series, and not a byte changed besides.

import type { Page } from '../model.ts'
import { isOpenMetrics } from './formats.ts'
import { Output } from './merge/output.ts'
import { sampleWriter } from './merge/sample.ts'
import type { Label } from './scan/labels.ts'
import { readerOf } from './scan/reader.ts'
import { Kind, Scan } from './scan/scan.ts'

/** In the page's own format. A label of that name that is there already becomes `exported_<name>`. */
export function label({ format, body }: Pick<Page, 'format' | 'body'>, added: Label): Uint8Array {
  if (body.length === 0) return body
  const openMetrics = isOpenMetrics(format)
  const next = readerOf(format)
  const write = sampleWriter(openMetrics, { format, escaping: 'allow-utf-8' }, added)
  const scan = new Scan(body, openMetrics)
  const out = new Output(body.length)
  let copied = 0
  for (let kind = next(scan); ; kind = next(scan)) {
    if (kind === Kind.sample || kind === Kind.end) {
      out.append(body.subarray(copied, kind === Kind.end ? body.length : scan.start))
      if (kind === Kind.end) return out.bytes
      write(scan, out)
      copied = scan.at
    }
  }
}
