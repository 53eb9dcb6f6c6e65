import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { connect } from '../../src/probe/attempt.ts'
import { freePort } from '../helpers/ports.ts'
import { tcpServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'

const timeoutMs = 5000

test('connecting leaves no listener at a signal that lasts longer', async () => {
  await using open = await tcpServer((socket) => socket.resume())
  const closed = await freePort()
  const { signal } = new AbortController()
  await connect('127.0.0.1', open.port, timeoutMs, signal)
  await expect(connect('127.0.0.1', closed, timeoutMs, signal)).rejects.toMatchObject({
    code: 'connection_refused',
  })
  await until('no listener to be left', () => getEventListeners(signal, 'abort').length === 0)
})

test('the signal ends a connection attempt in progress, and one that begins later', async () => {
  await using open = await tcpServer((socket) => socket.resume())
  const stopping = new AbortController()
  const inProgress = connect('127.0.0.1', open.port, timeoutMs, stopping.signal)
  stopping.abort()
  await expect(inProgress).rejects.toMatchObject({ code: 'stopping' })
  const later = connect('127.0.0.1', open.port, timeoutMs, stopping.signal)
  await expect(later).rejects.toMatchObject({ code: 'stopping' })
})
