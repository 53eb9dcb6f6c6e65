// Whether a series of readings grows: by the line that lies closest to them.

export interface Reading {
  /** Hours since the first. */
  readonly at: number
  readonly value: number
}

/** What the values grow by in an hour. */
export function slopeOf(readings: readonly Reading[]): number {
  const mean = (of: (reading: Reading) => number) =>
    readings.reduce((sum, reading) => sum + of(reading), 0) / readings.length
  const [at, value] = [mean((one) => one.at), mean((one) => one.value)]
  const spread = mean((one) => (one.at - at) ** 2)
  return spread === 0 ? 0 : mean((one) => (one.at - at) * (one.value - value)) / spread
}

/** The least of each `size` readings in a row: garbage that is not yet collected is no growth. */
export function floors(readings: readonly Reading[], size: number): readonly Reading[] {
  return Array.from({ length: Math.floor(readings.length / size) }, (_, n) =>
    readings
      .slice(n * size, (n + 1) * size)
      .reduce((least, reading) => (reading.value < least.value ? reading : least)),
  )
}
