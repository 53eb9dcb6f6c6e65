// Passers-by at the SSH port: whatever they do, the agents' links stand and new ones come up. They come from
// another loopback address than the agents, since limits are by address.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import ssh2 from 'ssh2'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keyPair } from '../../src/sync/keys.ts'
import { scaled } from '../helpers/limits.ts'
import { tcpServer } from '../helpers/server.ts'
import { type Agent, at, linked, run, show, start, stop, stopAll, textOf, until } from './agents.ts'

vi.setConfig({ testTimeout: scaled(30_000) })

let n1: Agent
let n2: Agent
let pages = 0
const sockets = new Set<Socket>()

beforeEach(async () => {
  n1 = await start('n1', [])
  n2 = await start('n2', [at(n1)])
  run(n1, 'n1', 'a')
  await linked(n2, 1)
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await stopAll()
})

const stranger = '127.0.0.66'

function openSocket(localAddress = stranger): Socket {
  const socket = connect({ host: '127.0.0.1', port: n1.sync.port, localAddress })
  socket.on('error', () => {})
  socket.resume()
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  return socket
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))

const linkOf = ({ store }: Agent, node: string) => store.nodes().find(({ self }) => self.node === node)?.link

async function linksStand(): Promise<void> {
  const link = n2.store.nodes().find(({ self }) => self.node === 'n1')
  pages += 1
  show(n1.store, 'a', `page ${pages}`)
  await until(() => textOf(n2, 'n1', 'a') === `page ${pages}`)
  expect(n2.store.nodes().find(({ self }) => self.node === 'n1')).toMatchObject({
    link: 'up',
    since: link!.since,
  })
}

async function newLinksComeUp(): Promise<void> {
  const n3 = await start('n3', [at(n1)])
  await linked(n3, 1)
}

test('two thousand connections that say nothing: most are closed at once', async () => {
  const many = Array.from({ length: 2000 }, () => openSocket())
  await linksStand()
  await newLinksComeUp()
  await until(() => many.filter(({ closed }) => closed).length >= 1992)
})

test('strangers of many addresses who come again and again shut nobody out', async () => {
  let besieged = true
  const keepComing = (from: string) => {
    if (besieged) openSocket(from).once('close', () => setTimeout(keepComing, 20, from))
  }
  try {
    for (let n = 0; n < 160; n += 1) keepComing(`127.0.1.${n % 20}`)
    await until(() => [...sockets].filter(({ connecting }) => !connecting).length >= 64)
    await newLinksComeUp()
    await linksStand()
  } finally {
    besieged = false
  }
})

test.each([
  ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
  ['a line without end', 'x'.repeat(100_000)],
  ['an identification and then garbage', `SSH-2.0-x\r\n${'\0\xff'.repeat(2000)}`],
  [
    'a packet of a length beyond all measure',
    Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(8, 0xff)]),
  ],
])('%s', async (_, bytes) => {
  const socket = openSocket()
  await once(socket, 'connect')
  socket.end(bytes)
  await closed(socket)
  await linksStand()
})

test('one byte a moment: closed when the time for the handshake is over', async () => {
  const socket = openSocket()
  socket.write('SSH-2.0-slow')
  const drip = setInterval(() => socket.write('x'), 200)
  await closed(socket)
  clearInterval(drip)
  await linksStand()
})

test('streams that break off anywhere', async () => {
  const recorded: Buffer[] = []
  const whole = await attempt((bytes) => recorded.push(bytes))
  expect(whole).toBe(false)
  const stream = Buffer.concat(recorded)
  for (let end = 20; end < stream.length; end += 150) {
    const socket = openSocket()
    socket.end(stream.subarray(0, end))
    await closed(socket)
  }
  await linksStand()
})

test('all that a peer once said, played again: nobody is let in', async () => {
  const said: Buffer[] = []
  await using wire = await tcpServer((near) => {
    const far = connect(n1.sync.port, '127.0.0.1')
    far.on('error', () => {})
    near.on('data', (chunk) => said.push(chunk))
    near.pipe(far).pipe(near)
  })
  const n3 = await start('n3', [`127.0.0.1:${wire.port}`])
  await linked(n3, 1)
  await stop(n3)
  await until(() => linkOf(n1, 'n3') === 'lost')
  const socket = openSocket()
  socket.write(Buffer.concat(said))
  await closed(socket)
  await until(() => /refused_total\{reason="unproven"\} 1$/m.test(n1.metrics.print()))
  expect(linkOf(n1, 'n3')).toBe('lost')
  await linksStand()
})

test('wrong secrets in a loop: turned away unheard after a while, counted', async () => {
  for (let n = 0; n < 30; n += 1) expect(await attempt()).toBe(false)
  const { refused } = await until(() => {
    const print = n1.metrics.print()
    const count = (why: string) =>
      Number(new RegExp(`refused_total\\{reason="${why}"\\} (\\d+)`).exec(print)?.[1])
    return count('unproven') + count('full') === 30 && { refused: count('full') }
  })
  expect(refused).toBeGreaterThan(5)
  await linksStand()
  await newLinksComeUp()
})

/** Whether a client that accepts any host key gets in with a key of its own. */
async function attempt(record: (bytes: Buffer) => void = () => {}): Promise<boolean> {
  const sock = openSocket()
  const write = sock.write.bind(sock)
  sock.write = (bytes: string | Uint8Array) => {
    record(Buffer.from(bytes as Uint8Array))
    return write(bytes)
  }
  const client = new ssh2.Client()
  const outcome = new Promise<boolean>((resolve) => {
    client.once('ready', () => resolve(true))
    client.on('error', () => resolve(false))
    sock.once('close', () => resolve(false))
  })
  client.connect({ sock, username: 'peer', privateKey: keyPair(Buffer.alloc(32, 3)).file })
  const isIn = await outcome
  sock.destroy()
  return isIn
}
