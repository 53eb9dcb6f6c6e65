// An HTTP answer as a value, for parts of the server that needn't know the server.

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** What clients wrote may be in it: it is never anything but text. */
export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const fixed = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
  return { status, headers: { ...fixed, ...headers }, body: `${text}\n` }
}

/** What can't be told in full yet isn't told at all: half a list would delete targets, or rules. */
export function incomplete(awaited: readonly string[]): Answer {
  return plain(503, `not complete yet, still awaited: ${awaited.join(', ')}`, { 'retry-after': '1' })
}
