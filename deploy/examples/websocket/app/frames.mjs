// The part of WebSocket (RFC 6455) that this server supports: unfragmented messages, pings, close.

import { createHash } from 'node:crypto'

export const kinds = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 }
const largest = 65_535

/** The server's response to an upgrade request. */
export function handshake(key) {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}

export function frame(kind, payload) {
  const head =
    payload.length < 126
      ? [0x80 | kind, payload.length]
      : [0x80 | kind, 126, payload.length >> 8, payload.length & 255]
  return Buffer.concat([Buffer.from(head), payload])
}

/** Hands each complete frame of a client to `take`. Throws at what isn't allowed here. */
export function frameReader(take) {
  let received = Buffer.alloc(0)
  return (chunk) => {
    received = Buffer.concat([received, chunk])
    for (;;) {
      const found = first(received)
      if (!found) return
      received = received.subarray(found.end)
      take(found.kind, found.payload)
    }
  }
}

function first(bytes) {
  if (bytes.length < 2) return undefined
  if (!(bytes[0] & 0x80) || !(bytes[1] & 0x80)) throw new Error('in parts, or not masked')
  const short = bytes[1] & 0x7f
  if (short === 127) throw new Error(`larger than ${largest} bytes`)
  const start = short === 126 ? 4 : 2
  if (bytes.length < start + 4) return undefined
  const length = short === 126 ? bytes.readUInt16BE(2) : short
  const end = start + 4 + length
  if (bytes.length < end) return undefined
  const payload = Buffer.from(bytes.subarray(start + 4, end))
  for (let at = 0; at < length; at++) payload[at] ^= bytes[start + (at & 3)]
  return { kind: bytes[0] & 15, payload, end }
}
