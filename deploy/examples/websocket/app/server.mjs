// A room: each message goes over NATS to the clients of all replicas. A client that doesn't read its messages is
// dropped before its queue fills the memory.

import { createServer } from 'node:http'
import { totalmem } from 'node:os'
import { frame, frameReader, handshake, kinds } from './frames.mjs'
import { joinNats } from './nats.mjs'

const {
  PORT = '8080',
  HOST = '0.0.0.0',
  NATS_HOST = 'nats',
  NATS_PORT = '4222',
  MAX_CONNECTIONS = '500',
  PING_SECONDS = '5',
} = process.env
const capacity = Number(MAX_CONNECTIONS)
/** More than this isn't kept for a client that reads slowly. */
const mostWaiting = 1024 * 1024

const clients = new Set()
const counted = { received: 0, sent: 0, refused: 0, waiting: 0, silent: 0 }
const nats = joinNats({ host: NATS_HOST, port: Number(NATS_PORT), subject: 'room', hear: tellAll })

function tellAll(payload) {
  const message = frame(kinds.text, payload)
  for (const client of clients) {
    client.socket.write(message)
    counted.sent += 1
    if (client.socket.writableLength > mostWaiting) drop(client, 'waiting')
  }
}

const ping = frame(kinds.ping, Buffer.alloc(0))

/** Each client is to answer a ping before the next one. */
setInterval(() => {
  for (const client of clients) {
    if (!client.answered) {
      drop(client, 'silent')
      continue
    }
    client.answered = false
    client.socket.write(ping)
  }
}, Number(PING_SECONDS) * 1000)

function drop(client, why) {
  counted[why] += 1
  clients.delete(client)
  client.socket.destroy()
}

function join(request, socket) {
  socket.on('error', () => {})
  const key = request.headers['sec-websocket-key']
  if (!key) return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  if (clients.size >= capacity) {
    counted.refused += 1
    return socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
  }
  const client = { socket, answered: true }
  const read = frameReader((kind, payload) => take(client, kind, payload))
  clients.add(client)
  socket.setNoDelay(true).write(handshake(key))
  socket.on('close', () => clients.delete(client))
  socket.on('data', (chunk) => {
    try {
      read(chunk)
    } catch {
      socket.destroy()
    }
  })
}

function take(client, kind, payload) {
  if (kind === kinds.pong) client.answered = true
  else if (kind === kinds.ping) client.socket.write(frame(kinds.pong, payload))
  else if (kind === kinds.close) client.socket.end(frame(kinds.close, payload.subarray(0, 2)))
  else {
    counted.received += 1
    if (nats.connected) nats.publish(payload)
  }
}

const metric = (name, type, ...samples) =>
  `# TYPE ${name} ${type}\n${samples.map(([labels, value]) => `${name}${labels} ${value}\n`).join('')}`

function metrics() {
  return [
    metric('websocket_connections', 'gauge', ['', clients.size]),
    metric('websocket_connections_limit', 'gauge', ['', capacity]),
    metric('websocket_connections_refused_total', 'counter', ['', counted.refused]),
    metric(
      'websocket_messages_total',
      'counter',
      ['{direction="received"}', counted.received],
      ['{direction="sent"}', counted.sent],
    ),
    metric(
      'websocket_slow_clients_dropped_total',
      'counter',
      ['{why="waiting"}', counted.waiting],
      ['{why="silent"}', counted.silent],
    ),
    metric('websocket_nats_connected', 'gauge', ['', nats.connected ? 1 : 0]),
    metric('websocket_memory_bytes', 'gauge', ['', process.memoryUsage.rss()]),
    metric('websocket_memory_limit_bytes', 'gauge', ['', memoryLimit()]),
  ].join('')
}

/** What Docker allows; the machine's own memory where it allows all. */
function memoryLimit() {
  return Math.min(process.constrainedMemory() || totalmem(), totalmem())
}

const pages = {
  '/metrics': () => [200, 'text/plain; version=0.0.4', metrics()],
  '/health': () => [
    nats.connected ? 200 : 503,
    'application/json',
    `${JSON.stringify({ nats: nats.connected, connections: clients.size, capacity })}\n`,
  ],
}

createServer((request, response) => {
  const [status, type, text] = pages[request.url]?.() ?? [404, 'text/plain', 'a room for WebSockets\n']
  response.writeHead(status, { 'content-type': type }).end(text)
})
  .on('upgrade', join)
  .listen(Number(PORT), HOST)
