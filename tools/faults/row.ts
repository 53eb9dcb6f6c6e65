// The result of one fault.

export interface Row {
  readonly fault: string
  readonly found: string
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** How many of the responses were live. */
export const liveOf = (live: number, asked: number, of: string) =>
  `${live === asked ? 'all' : `${live} of`} ${asked} responses for ${of} were live`
