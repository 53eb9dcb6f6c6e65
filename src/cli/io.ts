// What a command is given of the process, and what it gives back. main.ts alone touches the process itself.

export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts when the command is asked to end. */
  readonly signal: AbortSignal
  /** `listener` receives the first exception or rejection that nothing caught; then the command is to end. */
  readonly onCrash?: (listener: (error: unknown) => void) => void
  /** Whether a person reads `stdout`. */
  readonly isTerminal: boolean
}

/** Resolves with the exit code: 0 well, 1 failed, 2 used or configured wrongly. */
export type Command = (args: readonly string[], io: Io) => Promise<number>
