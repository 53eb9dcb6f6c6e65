// A Prometheus asks for the same page in the same bytes, again and again. Such a request needn't be parsed and
// routed anew to know what it asks: where the answer is ready, it goes out at once, at a third of the cost.
//
// This stands between a connection and the HTTP parser, and takes a request only where nothing can be
// misunderstood: one whole request in one piece, the same to the byte as one that was answered in the usual
// way, on a connection on which no other is under way. All else is handed on to the parser as it came.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Rendered } from './rendering.ts'

export interface Ready extends Rendered {
  /** Seconds; told where the page is older than the asker may expect. */
  readonly age?: number
}

/** Decides anew at each repetition. Undefined: not ready, take the usual way. */
type Answer = () => Ready | undefined

export interface Repeats {
  watch(server: Server): void
  /** Tells how to answer this request, should it come again. */
  learn(request: IncomingMessage, answer: Answer): void
  shed(): void
}

interface Line {
  /** Requests that the parser has and that aren't answered yet. */
  pending: number
  /** The bytes of the last one, and how to answer it if that is known. */
  asked: Buffer
  how: Answer | undefined
  /** Came in pieces, several at once, or with a body: where the next request begins only the parser knows. */
  lost: boolean
}

const longest = 2048
const mostKnown = 10_000

/** `answered` is told each request that is answered here. */
export function createRepeats(answered: () => void): Repeats {
  const lines = new WeakMap<Socket, Line>()
  const known = new Map<string, Answer>()

  function connect(socket: Socket): void {
    const [parse] = socket.listeners('data') as ((chunk: Buffer) => void)[]
    if (!parse) return
    const line: Line = { pending: 0, asked: nothing, how: undefined, lost: false }
    lines.set(socket, line)
    socket.removeListener('data', parse)
    socket.on('data', (chunk: Buffer) => {
      if (!line.lost && answer(socket, line, chunk)) return
      parse.call(socket, chunk)
    })
  }

  function answer(socket: Socket, line: Line, chunk: Buffer): boolean {
    const isFree = line.pending === 0 && socket.writableLength === 0
    // the same asker asks for the same page: its bytes needn't be looked up among all that are known
    if (!line.how || !chunk.equals(line.asked)) hear(line, chunk)
    const ready = isFree ? line.how?.() : undefined
    if (ready) {
      send(socket, ready)
      answered()
      return true
    }
    line.lost = line.pending > 0 || !isWhole(textOf(chunk))
    line.pending += 1
    return false
  }

  function hear(line: Line, chunk: Buffer): void {
    line.asked = chunk.length > longest ? nothing : chunk
    line.how = known.get(textOf(chunk))
  }

  return {
    watch(server) {
      server.on('connection', connect)
      server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
        response.once('close', () => {
          const line = lines.get(socket)
          if (line) line.pending -= 1
        })
      })
    },
    learn({ socket }, how) {
      const line = lines.get(socket)
      if (!line || line.lost || line.pending !== 1) return
      if (known.size >= mostKnown) known.clear()
      known.set(textOf(line.asked), how)
    },
    shed: () => known.clear(),
  }
}

const nothing = Buffer.alloc(0)

function textOf(chunk: Buffer): string {
  return chunk.length > longest ? '' : chunk.toString('latin1')
}

/** One request for a page, without a body and without a wish of its own for the connection. */
function isWhole(bytes: string): boolean {
  return (
    /^GET [^\r\n]+ HTTP\/1\.1\r\n/.test(bytes) &&
    bytes.indexOf('\r\n\r\n') === bytes.length - 4 &&
    !/\r\n(connection|content-length|transfer-encoding|expect|upgrade)[ \t]*:/i.test(bytes)
  )
}

function send(socket: Socket, ready: Ready): void {
  socket.cork()
  socket.write(headOf(ready), 'latin1')
  socket.write(ready.body)
  socket.uncork()
}

function headOf({ type, encoding, body, age }: Ready): string {
  const packed = encoding ? `content-encoding: ${encoding}\r\n` : ''
  const aged = age === undefined ? '' : `age: ${age}\r\n`
  const first = `HTTP/1.1 200 OK\r\ndate: ${httpDate()}\r\ncontent-type: ${type}\r\n`
  return `${first}vary: accept, accept-encoding\r\n${packed}${aged}content-length: ${body.length}\r\n\r\n`
}

let date = { second: 0, text: '' }

function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== date.second) date = { second, text: new Date(second * 1000).toUTCString() }
  return date.text
}
