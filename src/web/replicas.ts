// The metrics of a service: those of its replicas merged, each series with the replica's slot, and which replicas are up.

import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import { failureOf, ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { FormatKind, MetricsPage, Mono } from '../model.ts'
import { plainPage } from '../model.ts'
import type { Replica } from '../names/resolution.ts'
import { expiredFailure, type ReadResult } from './freshness.ts'
import type { Reader } from './reader.ts'
import type { Formats } from './rendering.ts'

interface ReplicasDeps {
  readonly clock: Clock
  readonly log: Log
  readonly replicaLabel: string
  readonly formats: Pick<Formats, 'commonFormat' | 'merge' | 'ready'>
  readonly reader: Reader
}

/** What was read, before the page is made of it. */
export interface PendingResponse extends Omit<ReadResult, 'page'> {
  /** The most memory that making and sending the page takes. */
  readonly maxBytes: number
  makePage(): Promise<MetricsPage>
}

export type ReadReplicas = (
  service: string,
  replicas: readonly Replica[],
  how: ReadRequest,
  lookUpAgain: () => readonly Replica[],
) => Promise<PendingResponse>

/** What the client asks for, and how long it may take. */
export interface ReadRequest {
  readonly timeoutMs: number
  readonly kind: FormatKind
}

type UpReplica = { readonly slot: string; readonly result: ReadResult }
type DownReplica = { readonly slot: string; readonly failure: Failure }
type ReplicaResult = UpReplica | DownReplica

/**
 * Reads all at the same time, within the timeout. A container that ended while it was read may have been replaced: if
 * any fail, `lookUpAgain` returns the replicas of now, and those in the failed slots are read.
 */
export async function readAll(
  replicas: readonly Replica[],
  { timeoutMs, kind }: ReadRequest,
  lookUpAgain: () => readonly Replica[],
  { clock, reader }: Pick<ReplicasDeps, 'clock' | 'reader'>,
): Promise<readonly ReplicaResult[]> {
  const deadline = clock.now() + timeoutMs
  const first = await Promise.all(replicas.map((replica) => readOne(replica, { timeoutMs, kind }, reader)))
  const leftMs = deadline - clock.now()
  if (first.every(isUp) || leftMs <= 0) return first
  const failed = replicas.filter((_, at) => !isUp(first[at]!))
  const successors = lookUpAgain().filter((next) => failed.some((before) => isSuccessor(next, before)))
  const second = await Promise.all(
    successors.map((replica) => readOne(replica, { timeoutMs: leftMs, kind }, reader)),
  )
  return first.map((reading) => second.find(({ slot }) => slot === reading.slot) ?? reading)
}

async function readOne(
  { slot, entry }: Replica,
  { timeoutMs, kind }: ReadRequest,
  reader: Reader,
): Promise<ReplicaResult> {
  if (!entry) return { slot, failure: { code: 'stopped', reason: 'no container runs in this slot' } }
  try {
    return { slot, result: await reader.read(entry, timeoutMs, kind) }
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error
    return { slot, failure: failureOf(error) }
  }
}

/** Another container in the slot, or the same one whose node has another id now. */
function isSuccessor(next: Replica, before: Replica): boolean {
  if (next.slot !== before.slot || !next.entry) return false
  const { owner, target } = next.entry
  return target.id !== before.entry?.target.id || owner !== before.entry.owner
}

function isUp(reading: ReplicaResult): reading is UpReplica {
  return 'result' in reading
}

function isDown(reading: ReplicaResult): reading is DownReplica {
  return !isUp(reading)
}

export function createReadReplicas(deps: ReplicasDeps): ReadReplicas {
  const { clock, replicaLabel, formats } = deps
  const logConflicts = createConflictLog(deps.log)

  async function merge(results: readonly ReplicaResult[], up: readonly UpReplica[]): Promise<MetricsPage> {
    const parts = await Promise.all(
      up.map(async ({ slot, result }) => ({
        page: await formats.ready(result.page),
        label: { name: replicaLabel, value: slot },
      })),
    )
    const format = formats.commonFormat(up.map(({ result }) => result.page.format))
    return formats.merge([...parts, { page: upPage(replicaLabel, results) }], format)
  }

  return async (service, replicas, how, lookUpAgain) => {
    const read = await readAll(replicas, how, lookUpAgain, deps)
    // those that were read first have waited for the others
    const now = clock.now()
    const replicaResults = read.map((reading) => withoutExpired(reading, now))
    const up = replicaResults.filter(isUp)
    if (up.length === 0) throw noneUp(service, replicaResults.filter(isDown))
    return {
      ...combined(up.map(({ result }) => result)),
      maxBytes: maxBytesOf(up),
      async makePage() {
        const page = await merge(replicaResults, up)
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

/** The replicas' pages, the merged page while it is made, and as it is sent. */
function maxBytesOf(up: readonly UpReplica[]): number {
  return up.reduce((sum, { result }) => sum + 5 * result.page.size, 0)
}

function withoutExpired(reading: ReplicaResult, now: Mono): ReplicaResult {
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

function upPage(label: string, results: readonly ReplicaResult[]): MetricsPage {
  const name = 'app_metrics_proxy_replica_up'
  const samples = results.map(
    (reading) => `${name}{${label}=${JSON.stringify(reading.slot)}} ${isUp(reading) ? 1 : 0}\n`,
  )
  const help = `# HELP ${name} Whether this replica answered.\n# TYPE ${name} gauge\n`
  const body = Buffer.from(help + samples.join(''))
  return plainPage(body, { format: 'text/0.0.4', series: samples.length, remarks: [] })
}

const maxReasons = 10

/** The code is that of all replicas if they agree. */
function noneUp(service: string, down: readonly DownReplica[]): ProxyError {
  const [code = 'stopped', ...others] = new Set(down.map(({ failure }) => failure.code))
  const reasons = down.slice(0, maxReasons).map(({ slot, failure }) => `${slot}: ${failure.reason}`)
  return new ProxyError(others.length === 0 ? code : 'unreachable', `no replica of "${service}" is up`, {
    isKnown: true,
    ...(reasons.length > 0 && { hint: reasons.join('\n') }),
  })
}
