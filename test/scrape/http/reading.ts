// What our reader makes of bytes, however they are cut.

import { ProxyError } from '../../../src/errors.ts'
import { Answer } from '../../../src/scrape/http/answer.ts'
import type { Verdict } from './answers.ts'

/** After the last chunk the container hangs up. */
export function verdictOn(chunks: readonly Buffer[]): Verdict {
  const body: Buffer[] = []
  let status = 0
  let used = 0
  const answer = new Answer({
    head(head) {
      if (status !== 0) throw new Error('a second head')
      status = head.status
    },
    // what is handed over holds only for this long
    body: (bytes) => body.push(Buffer.from(bytes)),
  })
  try {
    for (const chunk of chunks) used += answer.read(chunk)
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'protocol') return 'refused'
    throw error
  }
  if (!answer.end()) return 'incomplete'
  const kept = answer.kept && used === chunks.reduce((sum, { length }) => sum + length, 0)
  return { status, body: Buffer.concat(body).toString('latin1'), kept }
}
