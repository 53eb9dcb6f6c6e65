// The result of one fault.

export interface Row {
  readonly fault: string
  readonly found: string
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** How many of the responses were live. */
export const liveOf = (live: number, requests: number, of: string) =>
  `${live === requests ? 'all' : `${live} of`} ${requests} responses for ${of} were live`
