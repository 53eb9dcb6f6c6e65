// Who scrapes this agent: its recent clients, each with its last request, its interval, and what it scrapes doubly.

import type { Clock } from '../clock.ts'
import type { ClientRequest } from '../http/answer.ts'
import type { Mono } from '../model.ts'
import { compoundKey } from '../names/resources.ts'
import { doubledOf, type RequestedPath, type TargetsOfPath, timesForInterleaving } from './doubled.ts'
import type { ClientStatus } from './shape.ts'
import { secondsOf, unixTime } from './target.ts'

interface Clients {
  /** Takes every request. */
  readonly record: (request: ClientRequest) => void
  /** Those of the last 15 minutes, sorted so that their order doesn't change with each request. */
  readonly recent: (targetsOf: TargetsOfPath) => readonly ClientStatus[]
}

interface KnownClient extends Omit<ClientRequest, 'path'> {
  readonly lastAt: Mono
  /** With the times of its last requests, at most `maxPaths`; of metrics those that were served. */
  readonly paths: Map<string, readonly Mono[]>
}

const maxClients = 50
const recentMs = 900_000
const maxIntervalMs = 300_000
const maxUserAgentLength = 200
/** Of one client: so many show what it requests. */
const maxPaths = 1000
/** Enough for names and parameters; anyone can send longer ones. */
const maxPathLength = 512

export function createClients(clock: Clock): Clients {
  /** In the order of their last requests. */
  const clients = new Map<string, KnownClient>()
  return {
    record(request) {
      const { subject, address, path, contentType } = request
      const userAgent = request.userAgent.slice(0, maxUserAgentLength)
      const key = compoundKey(address, userAgent, subject)
      const before = clients.get(key)
      const lastAt = clock.now()
      const paths = before?.paths ?? new Map<string, readonly Mono[]>()
      // what failed may mean nothing
      const counts = contentType !== undefined || subject !== 'metrics'
      if (counts && path.length <= maxPathLength) addRequest(paths, path, lastAt)
      clients.delete(key)
      clients.set(key, {
        ...{ subject, address, userAgent, lastAt, paths },
        contentType: contentType ?? before?.contentType,
      })
      for (const [oldest] of clients) {
        if (clients.size <= maxClients) break
        clients.delete(oldest)
      }
    },
    recent(targetsOf) {
      const now = clock.now()
      return [...clients.values()]
        .filter(({ lastAt }) => now - lastAt <= recentMs)
        .map((client) => statusOf(client, targetsOf, now))
        .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
    },
  }
}

const isCurrent = (times: readonly Mono[], now: Mono) => now - (times.at(-1) ?? -Infinity) <= maxIntervalMs

function addRequest(paths: Map<string, readonly Mono[]>, path: string, now: Mono): void {
  const times = paths.get(path) ?? []
  if (paths.size >= maxPaths && !paths.has(path))
    for (const [other, otherTimes] of paths) if (!isCurrent(otherTimes, now)) paths.delete(other)
  if (paths.size >= maxPaths && !paths.has(path)) return
  paths.set(path, isCurrent(times, now) ? [...times, now].slice(-timesForInterleaving) : [now])
}

function statusOf(
  { subject, address, userAgent, contentType, paths, lastAt }: KnownClient,
  targetsOf: TargetsOfPath,
  now: Mono,
): ClientStatus {
  const current = [...paths]
    .map(([path, times]) => ({ path, times }))
    .filter(({ times }) => isCurrent(times, now))
  const intervalMs = intervalMsOf(current)
  const doubled = subject === 'metrics' ? doubledOf(current, targetsOf, now) : undefined
  return {
    ...{ address, userAgent, subject },
    ...(contentType !== undefined && { format: formatOf(contentType) }),
    ...(intervalMs !== undefined && { interval: secondsOf(intervalMs) }),
    last: unixTime(lastAt),
    ...(doubled && { doubled }),
  }
}

/** Of the requests for one path. */
function intervalMsOf(paths: readonly RequestedPath[]): number | undefined {
  const [last, before] = paths.find(({ times }) => times.length > 1)?.times.toReversed() ?? []
  return last === undefined || before === undefined ? undefined : last - before
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
