import type { MetricType } from '../scan/scan.ts'

/** What a page says of a family. */
export interface Declared {
  readonly name: string
  readonly type?: MetricType
  readonly help?: string
  readonly unit?: string
}
