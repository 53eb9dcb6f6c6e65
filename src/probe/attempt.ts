// One attempt at one port: a bare TCP connection, which costs a fraction of a request, and a request only if that
// succeeds.

import { connect as open } from 'node:net'
import type { Clock } from '../clock.ts'
import { type Failure, failureOf, isInternal, ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { FormatKind, Snapshot } from '../model.ts'
import type { Read } from '../scrape/read.ts'
import type { ProbeOutcome } from './outcome.ts'
import type { Candidate } from './plan.ts'

/** Resolves after a connection was established and closed; rejects with `connection_refused`, `timeout` or `unreachable`. */
export type Connect = (host: string, port: number, timeoutMs: number, signal: AbortSignal) => Promise<void>

export interface AttemptDeps {
  readonly clock: Clock
  readonly connect: Connect
  readonly read: Read
  readonly log: Log
  readonly timeoutMs: number
}

export interface AttemptResult {
  readonly outcome: ProbeOutcome
  /** The metrics as text, if there are any: as good as a scrape. */
  readonly snapshot?: Snapshot
  /** Why there are no metrics. */
  readonly failure?: Failure
}

const connectTimeoutMs = 2000

/** Any program may answer with an empty body: it counts as metrics only if `isExplicit`, a person configured the port. */
export async function attempt(
  { host, port, url }: Candidate,
  isExplicit: boolean,
  signal: AbortSignal,
  { clock, connect, read, log, timeoutMs }: AttemptDeps,
): Promise<AttemptResult> {
  try {
    await connect(host, port, connectTimeoutMs, signal)
  } catch (error) {
    const failure = failureOf(error)
    return { outcome: failure.code === 'connection_refused' ? 'closed' : 'dropped', failure }
  }

  async function readAs(kind: FormatKind): Promise<AttemptResult> {
    const at = clock.now()
    try {
      const { page } = await read(url, { timeoutMs, keepAlive: false, signal, kind })
      if (page.series === 0 && !isExplicit) throw new ProxyError('invalid', 'answered without any metrics')
      return { outcome: 'metrics', snapshot: { ok: true, at, durationMs: clock.now() - at, page } }
    } catch (error) {
      const failure = failureOf(error)
      if (isInternal(error)) log.internal(error, 'probe', { url })
      return { outcome: outcomeOfFailure(failure), failure }
    }
  }

  const asText = await readAs('text')
  if (asText.failure?.code !== 'invalid') return asText
  // clients of protobuf may get from it what those of text don't
  const { outcome } = await readAs('protobuf')
  return outcome === 'metrics' ? { outcome } : asText
}

function outcomeOfFailure({ code }: Failure): ProbeOutcome {
  if (code === 'connection_refused') return 'closed'
  if (code === 'timeout' || code === 'reset') return 'silent'
  if (code === 'protocol' || code === 'tls') return 'foreign'
  return 'other'
}

export const connect: Connect = (host, port, timeoutMs, signal) =>
  new Promise((resolve, reject) => {
    const socket = open({ host, port, timeout: timeoutMs })
    // not the option `signal`: Node would keep each closed socket for as long as the signal exists
    const abort = () => socket.destroy(new ProxyError('stopping', 'the attempt was cancelled'))
    signal.addEventListener('abort', abort)
    socket.once('close', () => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('timeout', () => socket.destroy(new ProxyError('timeout', 'connecting gets no answer')))
    socket.once('error', (error) => reject(connectError(error)))
  })

function connectError(error: Error): ProxyError {
  if (error instanceof ProxyError) return error
  const { code } = error as { code?: string }
  if (code === 'ECONNREFUSED')
    return new ProxyError('connection_refused', 'connection refused', { cause: error })
  return new ProxyError('unreachable', 'no way to its address', { cause: error })
}
