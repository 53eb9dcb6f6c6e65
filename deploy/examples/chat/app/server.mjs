// A chat: each line `say <text>` goes to all other clients; any other line is an error. It has two metrics in the
// simplest form.

import { createServer as createPages } from 'node:http'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

const { CHAT_PORT = '7000', METRICS_PORT = '8080', HOST = '0.0.0.0' } = process.env
const connections = new Set()
let errors = 0

createServer((socket) => {
  connections.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => connections.delete(socket))
  createInterface({ input: socket }).on('line', (line) => {
    if (line.startsWith('say ')) tell(socket, line)
    else refuse(socket)
  })
}).listen(Number(CHAT_PORT), HOST)

function tell(from, line) {
  for (const socket of connections) if (socket !== from) socket.write(`${line}\n`)
}

function refuse(socket) {
  errors += 1
  socket.write('error: say <text>\n')
}

createPages((request, response) => {
  if (request.url !== '/metrics') return response.writeHead(404).end()
  response.end(`connections ${connections.size}\nerror_count ${errors}`)
}).listen(Number(METRICS_PORT), HOST)
