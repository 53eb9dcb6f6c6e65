// Sends a message every second while there is a server.

import { connect } from 'node:net'

const { CHAT_HOST = 'server', CHAT_PORT = '7000' } = process.env

function join() {
  const socket = connect(Number(CHAT_PORT), CHAT_HOST)
  const talking = setInterval(() => socket.write('say hello\n'), 1000)
  socket.resume()
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(talking)
    setTimeout(join, 1000)
  })
}

join()
