// Connects twice per second, sends an invalid line, and disconnects.

import { connect } from 'node:net'

const { CHAT_HOST = 'server', CHAT_PORT = '7000' } = process.env

setInterval(() => {
  const socket = connect(Number(CHAT_PORT), CHAT_HOST)
  socket.on('error', () => {})
  socket.end('shout!\n')
}, 500)
