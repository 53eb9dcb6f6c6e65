import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { connect } from '../../src/probe/connect.ts'
import { closedPort, tcpServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'

const patience = 5000

test('what is tried leaves nothing behind at the signal, which lasts as long as the agent', async () => {
  await using open = await tcpServer((socket) => socket.resume())
  const closed = await closedPort()
  const { signal } = new AbortController()
  await connect('127.0.0.1', open.port, patience, signal)
  await expect(connect('127.0.0.1', closed, patience, signal)).rejects.toMatchObject({ code: 'refused' })
  await until('no listener to be left', () => getEventListeners(signal, 'abort').length === 0)
})

test('the signal ends what is under way, and what begins after it', async () => {
  await using open = await tcpServer((socket) => socket.resume())
  const stopping = new AbortController()
  const underWay = connect('127.0.0.1', open.port, patience, stopping.signal)
  stopping.abort()
  await expect(underWay).rejects.toMatchObject({ code: 'stopping' })
  const later = connect('127.0.0.1', open.port, patience, stopping.signal)
  await expect(later).rejects.toMatchObject({ code: 'stopping' })
})
