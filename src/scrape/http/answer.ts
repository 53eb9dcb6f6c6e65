// One answer, read as it comes in: however its bytes are cut, it is the same.

import { notHttp, tooMuchHead } from '../failures.ts'
import { fieldsOf, type Head, headOf } from './head.ts'

/** What is told of an answer while it comes in; what these throw ends it. */
export interface Listener {
  head(head: Head): void
  /** The next bytes of the body. They hold only until this returns. */
  body(bytes: Uint8Array): void
}

/** For the head, for the trailers, and for the line before each chunk. */
const mostText = 16 * 1024
const beginning = 'HTTP/1.'
const endOfLine = '\r\n'
const emptyLine = '\r\n\r\n'
const chunkLine = /^0*([\da-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

type Part = 'head' | 'body' | 'until closed' | 'chunk size' | 'chunk' | 'after chunk' | 'trailers' | 'nothing'

export class Answer {
  readonly #listener: Listener
  /** What comes next. */
  #part: Part = 'head'
  /** What has come of a text that isn't whole yet. */
  #text = ''
  /** Bytes of the body or chunk that are still to come. */
  #left = 0
  #kept = false

  constructor(listener: Listener) {
    this.#listener = listener
  }

  get done(): boolean {
    return this.#part === 'nothing'
  }

  /** Whether the connection may be used again after it. */
  get kept(): boolean {
    return this.#kept
  }

  /** Reads on; returns how many of these bytes were the answer's. */
  read(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && !this.done) at = this.#readPart(bytes, at)
    return at
  }

  /** The container has closed the connection: is the answer done? */
  end(): boolean {
    return this.done || this.#part === 'until closed'
  }

  #readPart(bytes: Buffer, at: number): number {
    switch (this.#part) {
      case 'head':
        return this.#readHead(bytes, at)
      case 'until closed':
        this.#listener.body(bytes.subarray(at))
        return bytes.length
      case 'body':
      case 'chunk':
        return this.#readBody(bytes, at)
      case 'trailers':
        return this.#readText(bytes, at, emptyLine, this.#onTrailers)
      case 'chunk size':
        return this.#readText(bytes, at, endOfLine, this.#onChunkSize)
      default:
        return this.#readText(bytes, at, endOfLine, this.#onChunkEnd)
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    // what isn't HTTP may never come to an empty line
    refuseOther(this.#text + bytes.toString('latin1', at, at + beginning.length))
    return this.#readText(bytes, at, emptyLine, this.#onHead)
  }

  #readBody(bytes: Buffer, at: number): number {
    const next = Math.min(bytes.length, at + this.#left)
    this.#listener.body(bytes.subarray(at, next))
    this.#left -= next - at
    if (this.#left === 0) this.#part = this.#part === 'chunk' ? 'after chunk' : 'nothing'
    return next
  }

  /** Collects text up to `mark`, and hands it on without that. */
  #readText(bytes: Buffer, at: number, mark: string, on: (text: string) => void): number {
    const old = this.#text.length
    const end = this.#endOf(mark, bytes, at)
    const next = end ?? bytes.length
    if (old + next - at > mostText) tooMuchHead()
    this.#text += bytes.toString('latin1', at, next)
    if (end === undefined) {
      refuseBareBreak(this.#text, old - 1)
      return next
    }
    const text = this.#text.slice(0, -mark.length)
    this.#text = ''
    on.call(this, text)
    return next
  }

  /** Where the next `mark` ends, which may have begun before these bytes. */
  #endOf(mark: string, bytes: Buffer, at: number): number | undefined {
    const before = this.#text.slice(1 - mark.length)
    const seam = before + bytes.toString('latin1', at, Math.min(bytes.length, at + mark.length - 1))
    const across = before === '' ? -1 : seam.indexOf(mark)
    if (across >= 0) return at + across + mark.length - before.length
    const within = bytes.indexOf(mark, at, 'latin1')
    return within < 0 ? undefined : within + mark.length
  }

  #onHead(text: string): void {
    const head = headOf(text)
    if (head.status === 101) notHttp()
    // the answer itself is yet to come
    if (head.status < 200) return
    this.#kept = head.kept
    this.#expect(head.body)
    this.#listener.head(head)
  }

  #expect(body: Head['body']): void {
    if (body === 'chunked') this.#part = 'chunk size'
    else if (body === 'until closed') this.#part = 'until closed'
    else this.#part = body === 0 ? 'nothing' : 'body'
    this.#left = body === 'chunked' || body === 'until closed' ? 0 : body
  }

  #onChunkSize(line: string): void {
    const size = chunkLine.exec(line)?.[1] ?? notHttp()
    this.#left = Number.parseInt(size, 16)
    this.#part = this.#left === 0 ? 'trailers' : 'chunk'
    // trailers end as a head does, and there may be none
    if (this.#left === 0) this.#text = endOfLine
  }

  #onChunkEnd(line: string): void {
    if (line !== '') notHttp()
    this.#part = 'chunk size'
  }

  #onTrailers(text: string): void {
    if (text !== '') fieldsOf(text.slice(endOfLine.length).split(endOfLine))
    this.#part = 'nothing'
  }
}

function refuseOther(begun: string): void {
  if (!begun.startsWith(beginning) && !beginning.startsWith(begun)) notHttp()
}

/** Lines end with both characters. Who uses one alone would be waited for in vain. */
function refuseBareBreak(text: string, from: number): void {
  const bare = /(?<!\r)\n|\r(?=[^\n])/g
  bare.lastIndex = Math.max(0, from)
  if (bare.test(text)) notHttp()
}
