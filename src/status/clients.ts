// Who scrapes this agent: its recent clients, each with its last request and its interval.

import type { Clock } from '../clock.ts'
import type { ClientRequest } from '../http/answer.ts'
import type { Mono } from '../model.ts'
import { compoundKey } from '../names/resources.ts'
import type { ClientStatus } from './shape.ts'
import { secondsOf, type Unix } from './target.ts'

export interface Clients {
  /** Takes every request. */
  readonly record: (request: ClientRequest) => void
  /** Those of the last 15 minutes. */
  readonly recent: () => readonly Client[]
}

export interface Client extends Omit<ClientRequest, 'path'> {
  readonly lastAt: Mono
  /** Of the requests for one path, chosen among those that it requests. */
  readonly intervalMs?: number
}

interface Timed extends Client {
  /** The path by which its interval is measured: one that it stops requesting is replaced. */
  readonly timedPath: string
  readonly timedAt: Mono
}

const maxClients = 50
const recentMs = 900_000
const maxIntervalMs = 300_000
const maxUserAgentLength = 200

export function createClients(clock: Clock): Clients {
  /** In the order of their last requests. */
  const clients = new Map<string, Timed>()
  return {
    record(request) {
      const { address, userAgent, subject } = request
      const key = compoundKey(address, userAgent.slice(0, maxUserAgentLength), subject)
      const next = nextClient(clients.get(key), request, clock.now())
      clients.delete(key)
      clients.set(key, next)
      for (const [oldest] of clients) {
        if (clients.size <= maxClients) break
        clients.delete(oldest)
      }
    },
    recent() {
      const now = clock.now()
      return [...clients.values()].filter(({ lastAt }) => now - lastAt <= recentMs)
    },
  }
}

function nextClient(before: Timed | undefined, request: ClientRequest, now: Mono): Timed {
  const { subject, address, userAgent, path, contentType } = request
  const client = {
    ...{ subject, address, userAgent: userAgent.slice(0, maxUserAgentLength), lastAt: now },
    contentType: contentType ?? before?.contentType,
  }
  if (!before || now - before.timedAt > maxIntervalMs) return { ...client, timedPath: path, timedAt: now }
  if (path === before.timedPath)
    return { ...client, timedPath: path, timedAt: now, intervalMs: now - before.timedAt }
  const { timedPath, timedAt, intervalMs } = before
  return { ...client, timedPath, timedAt, ...(intervalMs !== undefined && { intervalMs }) }
}

/** Sorted, so that their order doesn't change with each request. */
export function clientStatuses(clients: readonly Client[], unix: Unix): readonly ClientStatus[] {
  return clients
    .map(({ subject, address, userAgent, contentType, intervalMs, lastAt }) => ({
      ...{ address, userAgent, subject },
      ...(contentType !== undefined && { format: formatOf(contentType) }),
      ...(intervalMs !== undefined && { interval: secondsOf(intervalMs) }),
      last: unix(lastAt),
    }))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
}

function sortKey({ subject, address, userAgent }: ClientStatus): string {
  return compoundKey(subject, address, userAgent)
}

/** `text/0.0.4`, `openmetrics/1.0.0`, `protobuf`, `json`, `yaml`. */
function formatOf(contentType: string): string {
  const [type = ''] = contentType.split(';')
  const version = /;\s*version=([\d.]+)/.exec(contentType)?.[1]
  const name = /protobuf|openmetrics|json|yaml/.exec(type)?.[0] ?? 'text'
  return version === undefined ? name : `${name}/${version}`
}
