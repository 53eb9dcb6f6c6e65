// Which agent a command speaks with, and how.

import { redact, splitCredentials } from '../http/credentials.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage.ts'

/** The agent on this machine, unless another is named: `host:2137`, or a URL, with user and password if it must be. */
export function agentUrl(given: string | undefined, { env }: Io): URL {
  const text = given ?? `127.0.0.1:${env.LISTEN_PORT || 2137}`
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${JSON.stringify(redact(text))} is not the address of an agent`)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

const patience = 15_000

/** GET below the agent's URL. Rejects with what a person can use. */
export async function askAgent(
  agent: URL,
  path: string,
  accept: string,
  signal: AbortSignal,
): Promise<Response> {
  const { url, authorization } = splitCredentials(new URL(path, agent))
  const headers = new Headers({ accept, ...(authorization !== undefined && { authorization }) })
  try {
    return await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) })
  } catch (error) {
    const { cause, message } = error as Error
    const reason =
      cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message
    throw new Error(`no agent answers at ${url.origin}: ${reason}`, { cause: error })
  }
}
