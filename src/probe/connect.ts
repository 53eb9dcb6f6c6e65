// Does anything listen? A bare TCP connection tells, at a fraction of what a request costs.

import { connect as open } from 'node:net'
import { ProxyError } from '../errors.ts'

export type Connect = (host: string, port: number, timeout: number, signal: AbortSignal) => Promise<void>

/** Resolves once a connection stood, which is closed again; rejects with `refused`, `timeout` or `unreachable`. */
export const connect: Connect = (host, port, timeout, signal) =>
  new Promise((resolve, reject) => {
    const socket = open({ host, port, timeout })
    // not the option `signal`: node keeps a socket for as long as its signal, even one long closed
    const abort = () => socket.destroy(new ProxyError('stopping', 'the agent stops'))
    signal.addEventListener('abort', abort)
    socket.once('close', () => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => socket.destroy(new ProxyError('timeout', 'connecting gets no answer')))
    socket.once('error', (error) => reject(failureOf(error)))
  })

function failureOf(error: Error): ProxyError {
  if (error instanceof ProxyError) return error
  const { code } = error as { code?: string }
  if (code === 'ECONNREFUSED') return new ProxyError('refused', 'connection refused', { cause: error })
  return new ProxyError('unreachable', 'no way to its address', { cause: error })
}
