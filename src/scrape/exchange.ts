// One answer, held in memory and bounded.

import { ProxyError } from '../errors.ts'
import { tooLarge } from './failures.ts'
import type { Asker } from './http/connection.ts'
import type { Head } from './http/head.ts'

export interface Received {
  readonly head: Head
  /** Empty unless the status is 200: other bodies are read to keep the connection, and dropped. */
  readonly body: Uint8Array
}

/** Beyond this the body of an error page isn't worth its connection. */
const mostDropped = 64 * 1024
/** So much is taken on trust: most pages are announced, and fit. */
const mostTrusted = 64 * 1024

const nothing = Buffer.alloc(0)

export class Collector implements Asker {
  readonly received: Promise<Received>
  readonly #most: number
  readonly #use: (bytes: number) => void
  #settle!: (received: Received) => void
  #fail!: (error: unknown) => void
  #head: Head | undefined
  #memory = nothing
  #size = 0

  /** `use` is called for memory before it is taken; what it throws ends the exchange. */
  constructor(most: number, use: (bytes: number) => void) {
    this.#most = most
    this.#use = use
    this.received = new Promise((resolve, reject) => {
      this.#settle = resolve
      this.#fail = reject
    })
  }

  /** Whether the container had begun to answer: then asking again would be a second question. */
  get begun(): boolean {
    return this.#head !== undefined
  }

  head(head: Head): void {
    this.#head = head
    if (head.status !== 200 || typeof head.body !== 'number') return
    if (head.body > this.#most) throw tooLarge(this.#most)
    this.#grow(Math.min(head.body, mostTrusted))
  }

  body(bytes: Uint8Array): void {
    const at = this.#size
    this.#size += bytes.length
    const { status } = this.#head!
    if (status !== 200) {
      if (this.#size > mostDropped) throw new ProxyError('status', `answered ${status}`)
      return
    }
    if (this.#size > this.#most) throw tooLarge(this.#most)
    if (this.#size > this.#memory.length) this.#grow(this.#nextSize())
    this.#memory.set(bytes, at)
  }

  done(): void {
    const head = this.#head!
    this.#settle({ head, body: head.status === 200 ? this.#whole() : this.#memory })
  }

  fail(error: unknown): void {
    this.#fail(error)
  }

  /** Twice as much each time, so that a page of any pieces is moved only a few times. */
  #nextSize(): number {
    const { body } = this.#head!
    const most = typeof body === 'number' ? body : this.#most
    return Math.min(most, Math.max(this.#size, 2 * this.#memory.length))
  }

  #grow(size: number): void {
    this.#use(size - this.#memory.length)
    const memory = Buffer.allocUnsafeSlow(size)
    this.#memory.copy(memory)
    this.#memory = memory
  }

  /** In no more memory than it needs: it is kept for long. */
  #whole(): Uint8Array {
    if (this.#memory.length > this.#size) this.#grow(this.#size)
    return this.#memory
  }
}
