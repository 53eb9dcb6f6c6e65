// One look at one port: a bare connection, and only if that stands a request.

import type { Clock } from '../clock.ts'
import { isInternal, ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Page, Snapshot } from '../model.ts'
import type { Outcome } from './backoff.ts'
import type { Connect } from './connect.ts'
import type { Candidate } from './plan.ts'

/** Reads the page at `url`; rejects with a ProxyError if that brings no valid metrics. */
export type ReadPage = (url: string, options: ReadPageOptions) => Promise<{ readonly page: Page }>

interface ReadPageOptions {
  readonly timeout: number
  readonly once: true
  readonly signal: AbortSignal
}

export interface Seen {
  readonly outcome: Outcome
  /** The metrics, where there are any: as good as a scrape. */
  readonly snapshot?: Snapshot
  /** Why there are no metrics. */
  readonly trouble?: Trouble
}

export interface LookOptions {
  readonly clock: Clock
  readonly connect: Connect
  readonly read: ReadPage
  readonly timeout: number
  readonly log: Log
}

const connectTimeout = 2000

export function createLook({ clock, connect, read, timeout, log }: LookOptions) {
  /** An empty page is metrics only where a person has said that they are there: any program may answer one. */
  return async ({ host, port, url }: Candidate, told: boolean, signal: AbortSignal): Promise<Seen> => {
    try {
      await connect(host, port, connectTimeout, signal)
    } catch (error) {
      const trouble = troubleOf(error)
      return { outcome: trouble.code === 'refused' ? 'closed' : 'dropped', trouble }
    }
    const at = clock.now()
    try {
      const { page } = await read(url, { timeout, once: true, signal })
      if (page.series === 0 && !told) throw new ProxyError('invalid', 'answered an empty page')
      return { outcome: 'metrics', snapshot: { ok: true, at, durationMs: clock.now() - at, page } }
    } catch (error) {
      const trouble = troubleOf(error)
      if (isInternal(error)) log.internal(error, 'probe', { url })
      return { outcome: outcomeOfFailure(trouble), trouble }
    }
  }
}

function outcomeOfFailure({ code }: Trouble): Outcome {
  if (code === 'refused') return 'closed'
  if (code === 'timeout' || code === 'reset') return 'silent'
  if (code === 'protocol' || code === 'tls') return 'foreign'
  return 'other'
}
