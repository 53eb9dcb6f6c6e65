import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Connection } from '../../../src/scrape/http/connection.ts'
import { selfSigned } from '../../helpers/certificate.ts'
import { httpServer, run, tcpServer } from '../../helpers/server.ts'
import { until } from '../../helpers/until.ts'

const request = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc'

function open(url: string, verifyTls = false): Connection {
  const connection = new Connection(new URL(url), verifyTls)
  onTestFinished(() => connection.close(new Error('the test is over')))
  return connection
}

/** The body of the answer; rejects with what it failed with. */
function ask(connection: Connection): Promise<string> {
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    connection.ask(request, {
      head() {},
      body: (bytes) => chunks.push(Buffer.from(bytes)),
      done: () => resolve(Buffer.concat(chunks).toString()),
      fail: reject,
    })
  })
}

test('a connection is asked again and again', async () => {
  await using server = await httpServer((_, response) => response.end('abc'))
  const connection = open(server.url)
  for (let n = 0; n < 3; n += 1) expect(await ask(connection)).toBe('abc')
  expect(server.connections()).toBe(1)
})

test('many connections at once keep their answers apart', async () => {
  const page = (n: number) => `${n} `.repeat(50_000)
  let asked = 0
  await using server = await httpServer((_, response) => response.end(page(asked++)))
  const bodies = await Promise.all(Array.from({ length: 20 }, () => ask(open(server.url))))
  expect(new Set(bodies)).toEqual(new Set(Array.from({ length: 20 }, (_, n) => page(n))))
})

test('what comes in unasked ends it, and is never an answer', async () => {
  const sockets: Socket[] = []
  await using server = await tcpServer((socket) => {
    sockets.push(socket)
    socket.once('data', () => socket.write(answer))
  })
  const connection = open(server.url)
  await ask(connection)
  // as the scraper asks: from a timer, after which the system tells what has come in
  await sleep(1)
  sockets[0]!.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 3\r\n\r\nold')
  await expect(ask(connection)).rejects.toMatchObject({ code: 'reset' })
  expect(connection.open).toBe(false)
})

test('what follows an answer ends it', async () => {
  await using server = await tcpServer((socket) => socket.once('data', () => socket.write(`${answer}more`)))
  const connection = open(server.url)
  expect(await ask(connection)).toBe('abc')
  expect(connection.open).toBe(false)
  await until('the connection is closed', () => server.open() === 0)
})

test('the connection’s end may be the answer’s, but not before its length', async () => {
  const heads = ['', 'content-length: 3\r\n', 'content-length: 4\r\n']
  await using server = await tcpServer((socket) => {
    socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${heads.shift()}\r\nabc`))
  })
  expect(await ask(open(server.url))).toBe('abc')
  expect(await ask(open(server.url))).toBe('abc')
  await expect(ask(open(server.url))).rejects.toMatchObject({ code: 'reset' })
})

test('a container that hangs up while nobody asks ends it', async () => {
  await using server = await tcpServer((socket) => {
    socket.once('data', () => socket.write(answer, () => setTimeout(() => socket.end(), 20)))
  })
  const connection = open(server.url)
  await ask(connection)
  await until('it is closed', () => !connection.open)
})

test('a container that takes its time to connect is asked once it has', async () => {
  await using server = await httpServer((_, response) => response.end('abc'))
  const connection = open(server.url.replace('127.0.0.1', 'localhost'))
  expect(await ask(connection)).toBe('abc')
})

test('who gave up is neither asked for nor told anything', async () => {
  let asked = 0
  await using server = await tcpServer((socket) => {
    socket.on('data', () => {
      asked += 1
      socket.write(answer)
    })
  })
  const connection = open(server.url)
  await ask(connection)
  const asking = ask(connection)
  const why = new Error('too slow')
  connection.close(why)
  await expect(asking).rejects.toBe(why)
  await until('the connection is closed', () => server.open() === 0)
  expect(asked).toBe(1)
})

test.each(['head', 'body', 'done'])('what the asker throws of its %s comes back to it', async (part) => {
  await using server = await tcpServer((socket) => socket.once('data', () => socket.end(answer)))
  const why = new Error('too large')
  const hear = (heard: string) => () => {
    if (heard === part) throw why
  }
  const asking = new Promise((_, fail) => {
    const asker = { head: hear('head'), body: hear('body'), done: hear('done'), fail }
    open(server.url).ask(request, asker)
  })
  await expect(asking).rejects.toBe(why)
  await until('the connection is closed', () => server.open() === 0)
})

test('who has no valid certificate is asked nothing where certificates are verified', async () => {
  const sent: string[] = []
  const secure = createHttpsServer(selfSigned())
  secure.on('secureConnection', (socket: Socket) => socket.on('data', (bytes) => sent.push(bytes.toString())))
  await using server = await run(secure)
  const url = server.url.replace('http:', 'https:')
  await expect(ask(open(url, true))).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  await until('the connection is closed', () => server.open() === 0)
  expect(sent).toEqual([])
})

test('TLS is asked again and again, too', async () => {
  await using server = await run(
    createHttpsServer(selfSigned(), (_, response) => response.end('abc'.repeat(100_000))),
  )
  const connection = open(server.url.replace('http:', 'https:'))
  for (let n = 0; n < 3; n += 1) expect(await ask(connection)).toBe('abc'.repeat(100_000))
  expect(server.connections()).toBe(1)
})

test('an address of IPv6 is one', async ({ skip }) => {
  const server = createServer((socket) => socket.once('data', () => socket.end(answer))).listen(0, '::1')
  const [error] = await Promise.race([once(server, 'listening'), once(server, 'error')])
  skip(error !== undefined, 'this machine has no IPv6')
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  expect(await ask(open(`http://[::1]:${port}/`))).toBe('abc')
})
