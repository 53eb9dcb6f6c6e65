// The metrics of a service: those of its replicas merged, each series with the replica's slot, and which replicas are up.

import type { Clock } from '../clock.ts'
import { type Failure, ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import { type FormatKind, type MetricsPage, type Mono, plainPage } from '../model.ts'
import type { Replica } from '../names/resolution.ts'
import { expiredFailure, type Reading, type ReadResult } from './freshness.ts'
import type { Reader } from './reader.ts'
import type { Formats } from './rendering.ts'

/** What was read, before the page is made of it. */
export interface PendingResponse extends Omit<ReadResult, 'page'> {
  /** The most memory that making and sending the page takes. */
  readonly maxBytes: number
  makePage(): Promise<MetricsPage>
}

/** What the client asks for, and how long it may take. */
export interface ReadRequest {
  readonly timeoutMs: number
  readonly kind: FormatKind
}

export type ReplicaReading = Reading & { readonly slot: string }
type UpReplica = Extract<ReplicaReading, { readonly result: ReadResult }>

/**
 * Reads all at the same time, within the timeout. A container that ended while it was read may have been replaced: if
 * any fail, `lookUpAgain` returns the replicas of now, and those in the failed slots are read.
 */
export async function readAll(
  replicas: readonly Replica[],
  { timeoutMs, kind }: ReadRequest,
  lookUpAgain: () => readonly Replica[],
  { clock, reader }: { readonly clock: Clock; readonly reader: Reader },
): Promise<readonly ReplicaReading[]> {
  const deadline = clock.now() + timeoutMs
  const readEach = (some: readonly Replica[], timeoutMs: number) =>
    Promise.all(
      some.map(async ({ slot, entry }) => ({
        slot,
        ...(entry ? await reader.read(entry, timeoutMs, kind) : { failure: noContainer }),
      })),
    )
  const first = await readEach(replicas, timeoutMs)
  const leftMs = deadline - clock.now()
  if (first.every(isUp) || leftMs <= 0) return first
  const failed = replicas.filter((_, at) => !isUp(first[at]!))
  const successors = lookUpAgain().filter((next) => failed.some((before) => isSuccessor(next, before)))
  const second = await readEach(successors, leftMs)
  return first.map((reading) => second.find(({ slot }) => slot === reading.slot) ?? reading)
}

const noContainer: Failure = { code: 'stopped', reason: 'no container runs in this slot' }

/** Another container in the slot, or the same one whose node has another id now. */
function isSuccessor(next: Replica, before: Replica): boolean {
  if (next.slot !== before.slot || !next.entry) return false
  const { owner, target } = next.entry
  return target.id !== before.entry?.target.id || owner !== before.entry.owner
}

const isUp = (reading: ReplicaReading): reading is UpReplica => 'result' in reading

/** One response from what was read of the replicas of `service`. Throws if none is up. */
export type MergeReplicas = (service: string, readings: readonly ReplicaReading[]) => PendingResponse

interface MergeDeps {
  readonly clock: Clock
  readonly log: Log
  readonly replicaLabel: string
  readonly formats: Pick<Formats, 'commonFormat' | 'merge' | 'ready'>
}

export function createMergeReplicas({ clock, log, replicaLabel, formats }: MergeDeps): MergeReplicas {
  const logConflicts = createConflictLog(log)

  async function merge(readings: readonly ReplicaReading[], up: readonly UpReplica[]): Promise<MetricsPage> {
    const parts = await Promise.all(
      up.map(async ({ slot, result }) => ({
        page: await formats.ready(result.page),
        label: { name: replicaLabel, value: slot },
      })),
    )
    const format = formats.commonFormat(up.map(({ result }) => result.page.format))
    return formats.merge([...parts, { page: upPage(replicaLabel, readings) }], format)
  }

  return (service, read) => {
    // those that were read first have waited for the others
    const now = clock.now()
    const readings = read.map((reading) => withoutExpired(reading, now))
    const up = readings.filter(isUp)
    if (up.length === 0) throw noneUp(service, readings)
    return {
      ...combined(up.map(({ result }) => result)),
      // the replicas' pages, the merged page while it is made, and as it is sent
      maxBytes: up.reduce((sum, { result }) => sum + 5 * result.page.size, 0),
      async makePage() {
        const page = await merge(readings, up)
        logConflicts(service, page.remarks)
        return page
      },
    }
  }
}

const maxLoggedServices = 1000

/** Logs what had to be changed so that the replicas' metrics fit together, only if it is more than the last time. */
function createConflictLog(log: Log): (service: string, remarks: readonly string[]) => void {
  const logged = new Map<string, number>()
  return (service, remarks) => {
    if (remarks.length > (logged.get(service) ?? 0))
      log.warn({ service, remarks }, 'replicas contradict each other')
    if (logged.size >= maxLoggedServices) logged.clear()
    if (remarks.length > 0) logged.set(service, remarks.length)
    else logged.delete(service)
  }
}

function withoutExpired(reading: ReplicaReading, now: Mono): ReplicaReading {
  const failure = isUp(reading) && expiredFailure(reading.result, now)
  return failure ? { slot: reading.slot, failure } : reading
}

/** The page is as old as its oldest part, and expires with the first. */
function combined(results: readonly ReadResult[]): Omit<ReadResult, 'page'> {
  const at = Math.min(...results.map((result) => result.at))
  const isCached = results.some((result) => result.isCached)
  const [expires] = results.flatMap((result) => result.expires ?? []).sort((a, b) => a.at - b.at)
  return { at, ...(isCached && { isCached }), ...(expires && { expires }) }
}

function upPage(label: string, readings: readonly ReplicaReading[]): MetricsPage {
  const name = 'app_metrics_proxy_replica_up'
  const samples = readings.map(
    (reading) => `${name}{${label}=${JSON.stringify(reading.slot)}} ${isUp(reading) ? 1 : 0}\n`,
  )
  const help = `# HELP ${name} Whether this replica answered.\n# TYPE ${name} gauge\n`
  const body = Buffer.from(help + samples.join(''))
  return plainPage(body, { format: 'text/0.0.4', series: samples.length, remarks: [] })
}

const maxReasons = 10

/** The code is that of all replicas if they agree. */
function noneUp(service: string, readings: readonly ReplicaReading[]): ProxyError {
  const down = readings.filter((reading) => 'failure' in reading)
  const [code = 'stopped', ...others] = new Set(down.map(({ failure }) => failure.code))
  const reasons = down.slice(0, maxReasons).map(({ slot, failure }) => `${slot}: ${failure.reason}`)
  return new ProxyError(others.length === 0 ? code : 'unreachable', `no replica of "${service}" is up`, {
    isKnown: true,
    ...(reasons.length > 0 && { hint: reasons.join('\n') }),
  })
}
