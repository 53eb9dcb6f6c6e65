// One channel over real SSH on loopback, as the protocol uses it.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import ssh2 from 'ssh2'
import { afterEach, expect, test } from 'vitest'
import type { Channel } from '../../src/sync/channel.ts'
import { deriveKeys, keyPair } from '../../src/sync/keys.ts'
import { createSsh } from '../../src/sync/ssh.ts'
import { until } from './agents.ts'

const keys = await deriveKeys('a secret that is long enough')
const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

const never = new AbortController().signal
const ssh = createSsh([keys])

/** Both ends of one connection. */
async function connection(): Promise<{ taken: Socket; socket: Socket }> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true })
  const [taken] = (await once(server, 'connection')) as [Socket]
  server.close()
  sockets.push(socket, taken)
  for (const one of [socket, taken]) one.on('error', () => {})
  return { taken, socket }
}

async function pair(): Promise<{ caller: Channel; called: Channel }> {
  const { taken, socket } = await connection()
  const [called, caller] = await Promise.all([
    ssh.answer(taken, never),
    ssh.call(socket, 'the other side', never),
  ])
  return { caller, called }
}

function listen(channel: Channel) {
  const heard = { text: '', chunks: 0, closed: false }
  channel.open({
    data(bytes) {
      heard.text += Buffer.from(bytes).toString()
      heard.chunks += 1
    },
    drained() {},
    closed() {
      heard.closed = true
    },
  })
  return heard
}

test('what is written in one turn arrives in order and as one packet', async () => {
  const { caller, called } = await pair()
  const heard = listen(called)
  listen(caller)
  for (const text of ['one ', 'two ', 'three ']) caller.write(Buffer.from(text))
  await until(() => heard.text === 'one two three ')
  expect(heard.chunks).toBe(1)
  caller.write(Buffer.from('four'))
  await until(() => heard.text === 'one two three four')
})

test('what is written before a close arrives before it, and nothing after', async () => {
  const { caller, called } = await pair()
  const heard = listen(called)
  const own = listen(caller)
  caller.write(Buffer.from('last '))
  caller.write(Buffer.from('words'))
  caller.close()
  caller.write(Buffer.from(' and more'))
  await until(() => heard.closed && own.closed)
  expect(heard.text).toBe('last words')
})

test('one that lets everybody in without knowing the secret is refused before it learns anything', async () => {
  let asked = 0
  const impostor = new ssh2.Server({ hostKeys: [keyPair(Buffer.alloc(32, 9)).file] }, (client) => {
    client.on('error', () => {})
    client.on('authentication', (context) => {
      asked += 1
      context.accept()
    })
    client.on('session', (accept) => accept().on('subsystem', (take) => take()))
  })
  const { taken, socket } = await connection()
  impostor.injectSocket(taken)
  await expect(ssh.call(socket, 'an impostor', never)).rejects.toMatchObject({
    code: 'refused',
    message: 'the agent there has another secret',
  })
  expect(asked).toBe(0)
})

test('a caller that tries key after key is cut off', async () => {
  const { taken, socket } = await connection()
  const answered = expect(ssh.answer(taken, never)).rejects.toMatchObject({ code: 'refused' })
  let tried = 0
  const client = new ssh2.Client().on('error', () => {})
  client.connect({
    sock: socket,
    username: 'peer',
    authHandler: (_left, _partial, next) => {
      tried += 1
      next({ type: 'publickey', username: 'peer', key: keyPair(Buffer.alloc(32, tried)).file })
    },
  })
  await answered
  expect(tried).toBeLessThan(10)
})
