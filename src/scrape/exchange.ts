// One response, held in memory and bounded.

import { ProxyError } from '../errors.ts'
import { tooLarge } from './failures.ts'

export interface Response {
  readonly status: number
  readonly headers: Headers
  /** Empty unless the status is 200: other bodies are read to keep the connection, and dropped. */
  readonly body: Uint8Array
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Beyond this the body of an error page isn't worth its connection. */
const maxDroppedBytes = 64 * 1024
/** Up to here memory is taken for the announced length at once: most bodies are announced, and true to it. */
const maxTrustedBytes = 64 * 1024

const nothing = Buffer.alloc(0)

/** What the HTTP client calls while a response comes in; what these throw aborts the request. */
export class Collector {
  readonly response: Promise<Response>
  readonly #maxBytes: number
  readonly #use: (bytes: number) => void
  #resolve!: (response: Response) => void
  #reject!: (error: unknown) => void
  #status = 0
  #headers: Headers = {}
  #announcedBytes: number | undefined
  #memory = nothing
  #size = 0

  /** `use` is called for memory before it is taken; what it throws aborts the request. */
  constructor(maxBytes: number, use: (bytes: number) => void) {
    this.#maxBytes = maxBytes
    this.#use = use
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Whether the container has begun to respond: then another request would be a second one. */
  hasBegun(): boolean {
    return this.#status !== 0
  }

  /** Rejects, unless the response is complete. */
  fail(error: unknown): void {
    this.#reject(error)
  }

  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: Headers): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    if (status !== 200 || headers['content-length'] === undefined) return
    this.#announcedBytes = Number(headers['content-length'])
    if (this.#announcedBytes > this.#maxBytes) throw tooLarge(this.#maxBytes)
    this.#grow(Math.min(this.#announcedBytes, maxTrustedBytes))
  }

  onResponseData(_controller: unknown, chunk: Uint8Array): void {
    const at = this.#size
    this.#size += chunk.length
    if (this.#status !== 200) {
      if (this.#size > maxDroppedBytes) throw new ProxyError('status', `answered ${this.#status}`)
      return
    }
    if (this.#size > this.#maxBytes) throw tooLarge(this.#maxBytes)
    if (this.#size > this.#memory.length) this.#grow(this.#nextSize())
    this.#memory.set(chunk, at)
  }

  onResponseEnd(): void {
    // in no more memory than it needs: it is kept for long
    if (this.#memory.length > this.#size && this.#status === 200) this.#grow(this.#size)
    this.#resolve({ status: this.#status, headers: this.#headers, body: this.#memory })
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#reject(error)
  }

  /** Twice as much each time, so that a body of any chunks is copied only a few times. */
  #nextSize(): number {
    return Math.min(this.#announcedBytes ?? this.#maxBytes, Math.max(this.#size, 2 * this.#memory.length))
  }

  #grow(size: number): void {
    this.#use(size - this.#memory.length)
    const memory = Buffer.allocUnsafeSlow(size)
    this.#memory.copy(memory)
    this.#memory = memory
  }
}
