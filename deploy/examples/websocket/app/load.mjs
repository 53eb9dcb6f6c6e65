// Load: CLIENTS clients that send once per second, and SLOW clients that never read.

import { connect } from 'node:net'

const { WEBSOCKET_URL = 'ws://websocket:8080/', CLIENTS = '50', SLOW = '1' } = process.env

function talk() {
  const socket = new WebSocket(WEBSOCKET_URL)
  const talking = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) socket.send('hello to everybody in the room')
  }, 1000)
  socket.onclose = () => {
    clearInterval(talking)
    setTimeout(talk, 1000)
  }
}

/** The built-in WebSocket always reads: one that doesn't needs the bare connection. It comes again every so often. */
function sleep() {
  const { host, hostname, port } = new URL(WEBSOCKET_URL)
  const socket = connect(Number(port || 80), hostname).pause()
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bm90IGEgc2VjcmV0IGF0IQ==\r\n\r\n`,
  )
  socket.on('error', () => {})
  setTimeout(() => {
    socket.destroy()
    sleep()
  }, 15_000)
}

for (let client = 0; client < Number(CLIENTS); client++) setTimeout(talk, (client * 1000) / Number(CLIENTS))
for (let client = 0; client < Number(SLOW); client++) sleep()
