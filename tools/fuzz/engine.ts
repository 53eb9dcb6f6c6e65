// What fuzzing tries one after the other.

export interface Engine {
  /** The next input, always the same for the same seed. */
  next(): Case
  /** What has been seen so far. */
  summary(): string
}

interface Case {
  readonly what: string
  readonly bytes: Uint8Array
  /** Throws if the input was handled badly. */
  run(): void
}
