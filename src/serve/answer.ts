// An HTTP answer as a value, for parts of the server that needn't know the server.

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${text}\n` }
}

/** What can't be told in full yet isn't told at all: half a list would delete targets, or rules. */
export function incomplete(awaited: readonly string[]): Answer {
  return plain(503, `not complete yet, still awaited: ${awaited.join(', ')}`, { 'retry-after': '1' })
}
