// A page with one more label on each series.

import type { Exposition } from './formats.ts'
import { merge } from './merge.ts'
import type { Label } from './scan/labels.ts'

/** In the page's own format. A label of that name that is there already becomes `exported_<name>`. */
export const label = (page: Exposition, added: Label): Uint8Array =>
  merge([{ page, label: added }], { format: page.format, escaping: 'allow-utf-8' }).body
