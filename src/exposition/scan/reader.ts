import type { Format } from '../../model.ts'
import { nextInOpenMetrics } from './openmetrics.ts'
import type { Kind, Scan } from './scan.ts'
import { nextInText } from './text.ts'

/** What moves a scan on by an entry, in a page of this format. */
export const readerOf = (format: Format): ((scan: Scan) => Kind) =>
  format.startsWith('openmetrics/') ? nextInOpenMetrics : nextInText
