// Pages made here: of a body that isn't packed.

import type { Format, Page } from './model.ts'

interface About {
  readonly format: Format
  readonly series: number
  readonly remarks: readonly string[]
}

export function plainPage(bytes: Uint8Array, { format, series, remarks }: About): Page {
  return { format, series, remarks, size: bytes.length, content: { kind: 'plain', bytes } }
}
