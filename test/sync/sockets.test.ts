// Connections to and from peers: their time limits, who is let in, and how they end.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/sync/channel.ts'
import { deriveKeys, keyPair } from '../../src/sync/keys.ts'
import { dial, parseAddress, type SshListener, startListener } from '../../src/sync/sockets.ts'
import { createSsh } from '../../src/sync/ssh.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { hangingPort } from '../helpers/full-backlog.ts'
import { until } from './agents.ts'

const keys = await deriveKeys('a secret that is long enough')
const strangers = { host: keyPair(Buffer.alloc(32, 1)), client: keyPair(Buffer.alloc(32, 2)) }
const ssh = createSsh([keys])
const never = new AbortController().signal

let clock: VirtualClock
let listener: SshListener
let channels: Channel[]
let refused: string[]
const sockets = new Set<Socket>()

beforeEach(async () => {
  clock = virtualClock()
  channels = []
  refused = []
  listener = await startListener({
    ...{ clock, ssh, port: 0 },
    on: (channel) => {
      channels.push(channel)
      channel.open({ data: () => {}, drained: () => {}, closed: () => {} })
    },
    refused: (why) => void refused.push(why),
  })
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  const stopped = listener.stop()
  await clock.pass(500)
  await stopped
})

const there = (host = '127.0.0.1') => `${host}:${listener.port}`

async function openSocket(localAddress?: string): Promise<Socket> {
  const socket = connect({ port: listener.port, host: '127.0.0.1', ...(localAddress && { localAddress }) })
  socket.on('error', () => {})
  socket.resume()
  sockets.add(socket)
  await once(socket, 'connect')
  return socket
}

const isClosed = (socket: Socket) => until(() => socket.closed)

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

test.each([
  ['10.0.0.1:2140', '10.0.0.1', 2140],
  ['[fd00::1]:2140', 'fd00::1', 2140],
  ['tasks.demo_proxy:1', 'tasks.demo_proxy', 1],
])('%s', (address, host, port) => {
  expect(parseAddress(address)).toEqual({ host, port })
})

describe('a caller', () => {
  test('with the secret is let in, as often as it calls', async () => {
    for (let n = 0; n < 30; n += 1) {
      const channel = await dial(there(), ssh, clock, never)
      expect(channel).toMatchObject({ address: there(), dialled: true })
      channel.close()
    }
    await until(() => channels.length === 30)
    expect(channels[0]).toMatchObject({
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      dialled: false,
    })
    expect(refused).toEqual([])
  })

  test('with another one is not, and after twenty times is refused for a while', async () => {
    const other = createSsh([{ host: keys.host, client: strangers.client }])
    for (let n = 0; n < 20; n += 1) await expect(dial(there(), other, clock, never)).rejects.toThrow()
    await until(() => refused.length === 20)
    expect(new Set(refused)).toEqual(new Set(['unproven']))
    await expect(dial(there(), ssh, clock, never)).rejects.toThrow()
    await until(() => refused.at(-1) === 'full')
    await clock.pass(10_000)
    await dial(there(), ssh, clock, never)
    await until(() => channels.length === 1)
  })

  test('that says nothing is cut off after eight seconds', async () => {
    const socket = await openSocket()
    await clock.pass(7_999)
    expect(socket.closed).toBe(false)
    await clock.pass(1)
    await isClosed(socket)
    expect(refused).toEqual(['unproven'])
  })

  test('that says nothing makes room for the next once sixty-four wait, who came first before the others', async () => {
    const many: Socket[] = []
    for (let n = 0; n < 64; n += 1) many.push(await openSocket(`127.0.2.${n % 16}`))
    await dial(there(), ssh, clock, never)
    await until(() => channels.length === 1)
    await isClosed(many[0]!)
    expect(many.filter(({ closed }) => closed)).toHaveLength(1)
    const next = await openSocket('127.0.2.99')
    await openSocket('127.0.2.99')
    await isClosed(many[1]!)
    expect(many.filter(({ closed }) => closed)).toHaveLength(2)
    expect(next.closed).toBe(false)
  })

  test('that has proved itself is not', async () => {
    const channel = await dial(there(), ssh, clock, never)
    let closed = false
    channel.open({ data: () => {}, drained: () => {}, closed: () => (closed = true) })
    await until(() => channels.length === 1)
    await clock.pass(3_600_000)
    expect(closed).toBe(false)
  })
})

describe('a call', () => {
  test('to nobody says so', async () => {
    const server = createServer()
    const port = await listening(server)
    server.close()
    await expect(dial(`127.0.0.1:${port}`, ssh, clock, never)).rejects.toMatchObject({
      code: 'unreachable',
      message: `no agent listens at 127.0.0.1:${port}`,
    })
  })

  test('to an address that is none says so', async () => {
    await expect(dial('no such name:1', ssh, clock, never)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^no such name:1 can’t be reached \(E\w+\)$/),
    })
  })

  test('that is not taken ends after a second and a half', async () => {
    await using hanging = await hangingPort()
    const call = dial(`127.0.0.1:${hanging.port}`, ssh, clock, never).catch((error: unknown) => error)
    let over = false
    void call.then(() => (over = true))
    await clock.pass(1_499)
    expect(over).toBe(false)
    await clock.pass(1)
    expect(await call).toMatchObject({
      code: 'timeout',
      message: `no answer from 127.0.0.1:${hanging.port}`,
    })
  })

  test('that is taken by one that says nothing ends after eight seconds', async () => {
    const server = createServer()
    const port = await listening(server)
    const call = dial(`127.0.0.1:${port}`, ssh, clock, never).catch((error: unknown) => error)
    const [socket] = (await once(server, 'connection')) as [Socket]
    sockets.add(socket)
    await once(socket, 'data')
    await clock.pass(8_000)
    expect(await call).toMatchObject({ code: 'timeout', message: 'the SSH handshake took too long' })
    server.close()
  })

  test('ends with its signal', async () => {
    await using hanging = await hangingPort()
    const stopping = new AbortController()
    const call = dial(`127.0.0.1:${hanging.port}`, ssh, clock, stopping.signal)
    stopping.abort()
    await expect(call).rejects.toMatchObject({ code: 'timeout' })
  })
})

describe('a stop', () => {
  test('ends what is under way, and the port is free', async () => {
    const { port } = listener
    const socket = await openSocket()
    const channel = await dial(there(), ssh, clock, never)
    let closed = false
    channel.open({ data: () => {}, drained: () => {}, closed: () => (closed = true) })
    await until(() => channels.length === 1)
    const stopped = listener.stop()
    await until(() => socket.closed && closed)
    await stopped
    const next = createServer()
    await once(next.listen(port, '127.0.0.1'), 'listening')
    next.close()
    listener = { port, stop: async () => {} }
  })

  test('does not wait for those who don’t go', async () => {
    const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    sockets.add(socket)
    await once(socket, 'connect')
    const stopped = listener.stop()
    await clock.pass(500)
    await stopped
    listener = { port: 0, stop: async () => {} }
  })
})

test('a port that somebody has is reported by its variable', async () => {
  const options = { clock, ssh, port: listener.port, on: () => {}, refused: () => {} }
  await expect(startListener(options)).rejects.toThrow(/port \d+ is in use .* SSH_PORT/)
})
