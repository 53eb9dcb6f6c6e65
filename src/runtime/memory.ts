// Watches how much memory the agent uses, so that it isn't killed.
//
// States: enough; short, from 80 % of a limit until less than 70 %. Garbage is collected before memory counts as short.
// While it is short and above 80 %, large responses are refused.

import { readFileSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Stoppable } from '../model.ts'
import { startLoop } from './loop.ts'
import type { Metrics } from './metrics.ts'

/** Without a limit, `Infinity`. */
export interface MemoryUse {
  /** Without mapped files, such as Node's own, which the kernel can reclaim. */
  readonly residentBytes: number
  readonly residentLimitBytes: number
  /** JavaScript objects, garbage included. Node chooses their limit when it starts. */
  readonly heapBytes: number
  readonly heapLimitBytes: number
}

interface MemoryDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly read: () => MemoryUse
  /** The garbage collection, if the process exposes it. */
  readonly collect: (() => void) | undefined
}

export interface Memory extends Stoppable {
  /** Set while memory is short. */
  failure(): Failure | undefined
  /** Whether memory is short at this moment: large responses are refused. */
  isExhausted(): boolean
}

const intervalMs = 1000
const shortShare = 0.8
const enoughShare = 0.7
/** A collection blocks the event loop for some 100 ms. */
const collectIntervalMs = 10_000

export function startMemory({ clock, log, metrics, read, collect }: MemoryDeps): Memory {
  let collectedAt = Number.NEGATIVE_INFINITY
  let failure: Failure | undefined
  metrics.registerCollector(
    'app_metrics_proxy_memory_short',
    'gauge',
    'Whether memory is short, so that large responses may be refused: 1 if so.',
    () => [[{}, failure ? 1 : 0]],
  )
  metrics.registerCollector(
    'app_metrics_proxy_memory_limit_bytes',
    'gauge',
    'How much memory the agent may use, by kind; absent without a limit.',
    () => limitsOf(read()),
  )

  async function check(): Promise<void> {
    if (shareOf(read()) >= shortShare) collectGarbage()
    const use = read()
    const isShort = shareOf(use) >= (failure ? enoughShare : shortShare)
    if (isShort && !failure) log.warn({ ...use }, 'memory is short')
    if (!isShort && failure) log.info({ ...use }, 'memory is no longer short')
    failure = isShort ? shortage(use) : undefined
  }

  function collectGarbage(): void {
    if (!collect || clock.now() - collectedAt < collectIntervalMs) return
    collectedAt = clock.now()
    collect()
  }

  const onFailure = (error: unknown) => log.internal(error, 'timer')
  const loop = startLoop(check, { clock, intervalMs, onFailure })
  return {
    failure: () => failure,
    isExhausted: () => failure !== undefined && shareOf(read()) >= shortShare,
    stop: loop.stop,
  }
}

function shareOf({ residentBytes, residentLimitBytes, heapBytes, heapLimitBytes }: MemoryUse): number {
  return Math.max(residentBytes / residentLimitBytes, heapBytes / heapLimitBytes)
}

function shortage(use: MemoryUse): Failure {
  const { residentBytes, residentLimitBytes, heapBytes, heapLimitBytes } = use
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20)
  const used =
    residentBytes / residentLimitBytes >= heapBytes / heapLimitBytes
      ? `${mib(residentBytes)} of ${mib(residentLimitBytes)} MiB`
      : `${mib(heapBytes)} of ${mib(heapLimitBytes)} MiB of JavaScript objects`
  return {
    code: 'overloaded',
    reason: `memory is short: ${used} are used, so that large responses may be refused`,
    hint: 'raise the memory limit of the agent’s service, or lower MAX_BODY and MAX_SERIES',
  }
}

function limitsOf({ residentLimitBytes, heapLimitBytes }: MemoryUse): [{ kind: string }, number][] {
  const limits = { resident: residentLimitBytes, heap: heapLimitBytes }
  return Object.entries(limits).flatMap(([kind, bytes]) =>
    Number.isFinite(bytes) ? [[{ kind }, bytes]] : [],
  )
}

/** Of this process. */
export function readMemoryUse(): MemoryUse {
  const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics()
  return { residentBytes: anonymousBytes(), residentLimitBytes: memoryLimit(), heapBytes, heapLimitBytes }
}

function anonymousBytes(): number {
  try {
    const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    if (kib !== undefined) return Number(kib) * 1024
  } catch {
    // only Linux has it
  }
  return process.memoryUsage.rss()
}

/** The kernel's value for no limit exceeds this, which no machine has. */
const maxLimitBytes = 2 ** 50

/** The container's limit (its cgroup's) in bytes; `Infinity` without one, whatever the machine has. */
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < maxLimitBytes ? limit : Number.POSITIVE_INFINITY
}
