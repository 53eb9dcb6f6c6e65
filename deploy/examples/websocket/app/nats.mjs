// The part of NATS' protocol that a chat room needs: lines of text, over one connection that reconnects.

import { connect } from 'node:net'

/** Subscribes to one subject. `connected`: whether the server is connected now. */
export function joinNats({ host, port, subject, hear }) {
  const nats = { connected: false, publish }
  let socket

  function dial() {
    const dialled = connect(port, host).setKeepAlive(true, 10_000)
    let received = Buffer.alloc(0)
    dialled.on('data', (chunk) => {
      received = readAll(Buffer.concat([received, chunk]), dialled)
    })
    dialled.on('error', () => {})
    dialled.on('close', () => {
      nats.connected = false
      setTimeout(dial, 1000)
    })
    socket = dialled
  }

  /** Takes what is complete, and gives back the rest. */
  function readAll(bytes, from) {
    for (;;) {
      const end = bytes.indexOf('\r\n')
      if (end < 0) return bytes
      const words = bytes.toString('latin1', 0, end).split(' ')
      const size = words[0] === 'MSG' ? Number(words.at(-1)) + 2 : 0
      if (bytes.length < end + 2 + size) return bytes
      take(words[0], bytes.subarray(end + 2, end + size), from)
      bytes = bytes.subarray(end + 2 + size)
    }
  }

  function take(verb, payload, from) {
    if (verb === 'INFO') from.write(`CONNECT {"verbose":false,"echo":true}\r\nSUB ${subject} 1\r\nPING\r\n`)
    else if (verb === 'PING') from.write('PONG\r\n')
    else if (verb === 'PONG') nats.connected = true
    else if (verb === 'MSG') hear(payload)
  }

  function publish(payload) {
    socket.write(`PUB ${subject} ${payload.length}\r\n`)
    socket.write(payload)
    socket.write('\r\n')
  }

  dial()
  return nats
}
