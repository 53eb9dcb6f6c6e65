// Whether something grows, by a line through what was read.

/** What an agent holds, read while nobody asks and after its garbage was collected. */
export interface Held {
  readonly resident: number
  readonly objects: number
  readonly buffers: number
  readonly files: number
  readonly handles: number
}

export interface Reading {
  /** Hours since the first. */
  readonly at: number
  readonly held: Held
}

interface Watched {
  readonly called: string
  readonly unit: number
  /** By how much it may seem to grow: this part of it, or so many units, whichever is more. */
  readonly share: number
  readonly least: number
}

/** What must not grow. Resident memory has what the allocator keeps for later, so it is judged less closely. */
export const watched: Readonly<Record<keyof Held, Watched>> = {
  objects: { called: 'JavaScript objects, MiB', unit: 2 ** 20, share: 0.05, least: 2 },
  buffers: { called: 'buffers, MiB', unit: 2 ** 20, share: 0.05, least: 2 },
  resident: { called: 'resident memory, MiB', unit: 2 ** 20, share: 0.1, least: 8 },
  files: { called: 'file descriptors', unit: 1, share: 0.05, least: 4 },
  handles: { called: 'handles', unit: 1, share: 0.05, least: 4 },
}

export interface Verdict {
  readonly called: string
  readonly first: number
  readonly median: number
  readonly last: number
  /** What it grows by in an hour. */
  readonly slope: number
  /** What it may seem to grow by from the first reading to the last. */
  readonly allowed: number
  readonly grows: boolean
}

interface Point {
  readonly at: number
  readonly value: number
}

export const fewestReadings = 5

export function verdictOn(what: keyof Held, readings: readonly Reading[]): Verdict {
  if (readings.length < fewestReadings) throw new Error(`too few readings of ${what}: let it run for longer`)
  const { called, unit, share, least } = watched[what]
  const points = readings.map(({ at, held }) => ({ at, value: held[what] / unit }))
  const [first, last] = [points[0]!, points.at(-1)!]
  const median = medianOf(points.map(({ value }) => value))
  const slope = slopeOf(points)
  const allowed = Math.max(least, share * median)
  const grows = slope * (last.at - first.at) > allowed
  return { called, first: first.value, median, last: last.value, slope, allowed, grows }
}

/** The median of the slopes between any two points: a moment in which the machine was busy elsewhere doesn't tilt it. */
function slopeOf(points: readonly Point[]): number {
  const slopes = points.flatMap((one, n) =>
    points.slice(n + 1).map((other) => (other.value - one.value) / (other.at - one.at)),
  )
  return medianOf(slopes)
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
