// One request and its answer, held in memory and bounded: status, headers and body.

import { ProxyError } from '../errors.ts'
import type { Share } from './budget.ts'
import { tooLarge } from './failures.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Empty unless the status is 200: other bodies are read to keep the connection, and dropped. */
  readonly body: Uint8Array
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Beyond this the body of an error page isn't worth its connection. */
const mostDropped = 64 * 1024

/** What the client library calls while an answer comes in; what these throw aborts the request. */
export class Collector {
  readonly answer: Promise<Answer>
  readonly #most: number
  readonly #share: Share
  readonly #chunks: Uint8Array[] = []
  #settle!: (answer: Answer) => void
  #fail!: (error: unknown) => void
  #status = 0
  #headers: Headers = {}
  #size = 0

  constructor(most: number, share: Share) {
    this.#most = most
    this.#share = share
    this.answer = new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
    })
  }

  /** Whether the container had begun to answer: then asking again would be a second question. */
  get begun(): boolean {
    return this.#status !== 0
  }

  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: Headers): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    if (status === 200 && Number(headers['content-length']) > this.#most) throw tooLarge(this.#most)
  }

  onResponseData(_controller: unknown, chunk: Uint8Array): void {
    this.#size += chunk.length
    if (this.#status !== 200) {
      if (this.#size > mostDropped) throw new ProxyError('status', `answered ${this.#status}`)
      return
    }
    if (this.#size > this.#most) throw tooLarge(this.#most)
    this.#chunks.push(chunk)
    this.#share.take(chunk.length)
  }

  onResponseEnd(): void {
    this.#settle({ status: this.#status, headers: this.#headers, body: joined(this.#chunks, this.#size) })
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#fail(error)
  }
}

/** One chunk, as most answers are, is taken as it is; unless it would keep much more memory alive than its own. */
function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks
  if (chunks.length === 1 && first && first.buffer.byteLength < 2 * size) return first
  const body = Buffer.allocUnsafeSlow(chunks.length === 0 ? 0 : size)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return body
}
