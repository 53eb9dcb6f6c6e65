// One channel over real SSH on loopback, as the protocol uses it.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import ssh2 from 'ssh2'
import { afterEach, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/sync/channel.ts'
import { deriveKeys, keyPair } from '../../src/sync/keys.ts'
import { createSsh, subsystem } from '../../src/sync/ssh.ts'
import { until } from './agents.ts'

const keys = await deriveKeys('a secret that is long enough')
const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

const never = new AbortController().signal

const ssh = createSsh([keys])

/** Both ends of one connection. */
async function connection(): Promise<{ socket: Socket; taken: Socket }> {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true })
  const [taken] = (await once(server, 'connection')) as [Socket]
  server.close()
  sockets.push(socket, taken)
  for (const one of [socket, taken]) one.on('error', () => {})
  return { socket, taken }
}

async function pair(): Promise<{ caller: Channel; called: Channel }> {
  const { socket, taken } = await connection()
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

test('an error has where it was thrown, also after a packet has gone out', async () => {
  const { caller, called } = await pair()
  const heard = listen(called)
  caller.write(Buffer.from('one'))
  await until(() => heard.text === 'one')
  expect(new Error('here').stack).toContain('ssh.test.ts')
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

test('a channel that is closed leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  for (let n = 0; n < 20; n += 1) {
    const { caller, called } = await pair()
    const [one, other] = [listen(caller), listen(called)]
    caller.close()
    await until(() => one.closed && other.closed)
  }
  expect(timers()).toBeLessThan(before + 10)
})

test('one that lets everybody in without knowing the secret is refused before it learns anything', async () => {
  let requests = 0
  const impostor = new ssh2.Server({ hostKeys: [keyPair(Buffer.alloc(32, 9)).file] }, (client) => {
    client.on('error', () => {})
    client.on('authentication', (context) => {
      requests += 1
      context.accept()
    })
    client.on('session', (accept) => accept().on('subsystem', (take) => take()))
  })
  const { taken, socket } = await connection()
  impostor.injectSocket(taken)
  await expect(ssh.call(socket, 'an impostor', never)).rejects.toMatchObject({
    code: 'unproven',
    message: 'the agent there has another secret',
  })
  expect(requests).toBe(0)
})

test('a caller that tries key after key is cut off', async () => {
  const { taken, socket } = await connection()
  const answered = expect(ssh.answer(taken, never)).rejects.toMatchObject({ code: 'unproven' })
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

describe('a call ends, and its connection with it, where the other side', () => {
  async function failure(other: (taken: Socket) => void, signal = never): Promise<unknown> {
    const { socket, taken } = await connection()
    other(taken)
    const error = await ssh.call(socket, 'the other side', signal).catch((error: unknown) => error)
    expect(socket.destroyed).toBe(true)
    return error
  }
  /** A server of another kind that lets everybody in. */
  const server = (file: string) => (taken: Socket) => {
    const other = new ssh2.Server({ hostKeys: [file] }, (connection) => {
      connection.on('error', () => {})
      connection.on('authentication', (context) => context.accept())
      connection.on('session', (accept) => accept().on('subsystem', (_, refuse) => refuse()))
    })
    other.injectSocket(taken)
  }

  const lost = { message: expect.stringMatching(/connection/i) }
  test.each<[string, (taken: Socket) => void, object]>([
    ['closes at once', (taken) => taken.destroy(), lost],
    ['closes after a word', (taken) => taken.end('SSH-2.0-x\r\n'), lost],
    ['is no agent', (taken) => taken.end('HTTP/1.1 400 Bad Request\r\n\r\n'), { code: 'protocol' }],
    [
      'knows the secret and not our protocol',
      server(keys.host.file),
      { code: 'protocol', message: 'the peer does not speak our protocol' },
    ],
    ['shows the client’s key as its own', server(keys.client.file), { code: 'unproven' }],
  ])('%s', async (_, other, expected) => {
    expect(await failure(other)).toMatchObject(expected)
  })

  test('says nothing until time is up, or its caller stops', async () => {
    const limit = new AbortController()
    const ended = failure(() => setImmediate(() => limit.abort()), limit.signal)
    expect(await ended).toMatchObject({ code: 'timeout', message: 'the SSH handshake took too long' })
    expect(await failure(() => {}, AbortSignal.abort())).toMatchObject({ code: 'timeout' })
  })
})

describe('a caller is refused, and its connection ended, that', () => {
  async function refusal(caller: (socket: Socket) => void, signal = never): Promise<unknown> {
    const { socket, taken } = await connection()
    const answer = ssh.answer(taken, signal).catch((error: unknown) => error)
    caller(socket)
    const error = await answer
    expect(taken.destroyed).toBe(true)
    return error
  }
  const client = (config: ssh2.ConnectConfig, ready?: () => void) => (sock: Socket) => {
    const caller = new ssh2.Client()
    if (ready) caller.on('ready', ready)
    caller.on('error', () => sock.destroy())
    caller.connect({ sock, username: 'peer', ...config })
  }
  const unproven = { code: 'unproven', message: 'the caller did not prove itself' }

  test.each<[string, (socket: Socket) => void]>([
    ['goes without a word', (socket) => socket.end()],
    ['has a password only', client({ password: 'root' })],
    ['has no key at all', client({})],
    ['has the host’s key', client({ privateKey: keys.host.file })],
  ])('%s', async (_, caller) => {
    expect(await refusal(caller)).toMatchObject(unproven)
  })

  test('shows our key and signs with another', async () => {
    const [ours, another] = [keys.client.file, keyPair(Buffer.alloc(32, 7)).file].map((file) => {
      const key = ssh2.utils.parseKey(file)
      if (key instanceof Error) throw key
      return key
    })
    let signed = 0
    const key = Object.assign(ours!, {
      sign(data: Buffer) {
        signed += 1
        return another!.sign(data)
      },
    })
    const authHandler = [{ type: 'publickey' as const, username: 'peer', key }]
    expect(await refusal(client({ authHandler }))).toMatchObject(unproven)
    expect(signed).toBe(1)
  })

  test('finds the key only at its sixth try', async () => {
    const tries = (count: number, ready?: () => void) =>
      client(
        {
          authHandler: Array.from({ length: count }, (_, n) => ({
            type: 'publickey',
            username: 'peer',
            key: n === count - 1 ? keys.client.file : keyPair(Buffer.alloc(32, n)).file,
          })),
        },
        ready,
      )
    expect(await refusal(tries(6))).toMatchObject(unproven)
    const { socket, taken } = await connection()
    const isIn = Promise.withResolvers<void>()
    ssh.answer(taken, never).catch(isIn.reject)
    tries(5, isIn.resolve)(socket)
    await isIn.promise
  })
})

test('a connection carries one link: a second session is refused', async () => {
  const { socket, taken } = await connection()
  const answered = ssh.answer(taken, never)
  const client = new ssh2.Client()
  client.on('error', () => {})
  client.connect({ sock: socket, username: 'peer', privateKey: keys.client.file })
  await once(client, 'ready')
  const ask = () =>
    new Promise<string>((resolve) => {
      client.subsys(subsystem, (error) => resolve(error ? error.message : 'taken'))
    })
  const atOnce = await Promise.all([ask(), ask()])
  expect(atOnce.filter((answer) => answer === 'taken')).toHaveLength(1)
  expect(await answered).toMatchObject({ dialled: false })
  expect(await ask()).toMatch(/open failure/)
})

test('a signal that comes later than the link is none of its business', async () => {
  const { socket, taken } = await connection()
  const limit = new AbortController()
  const [called, caller] = await Promise.all([
    ssh.answer(taken, limit.signal),
    ssh.call(socket, 'the other side', limit.signal),
  ])
  limit.abort()
  const heard = listen(called)
  listen(caller)
  caller.write(Buffer.from('still here'))
  await until(() => heard.text === 'still here')
})

test('what waits on the wire is bounded: the sender has to wait until it drains', async () => {
  const { caller, called } = await pair()
  let drained = 0
  caller.open({ data: () => {}, drained: () => (drained += 1), closed: () => {} })
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let written = 0
  for (; written < 500 && caller.write(chunk); written += 1) await new Promise(setImmediate)
  expect(written).toBeGreaterThan(2)
  expect(written).toBeLessThan(200)
  expect(drained).toBe(0)
  const heard = listen(called)
  await until(() => drained === 1)
  await until(() => heard.text.length === (written + 1) * chunk.length)
})
