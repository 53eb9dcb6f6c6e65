// Watches how much memory the agent uses. While memory is short, garbage is collected and large responses are refused:
// better than being killed.

import { readFileSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Stoppable } from '../model.ts'
import { startLoop } from './loop.ts'
import type { Metrics } from './metrics.ts'

/** In bytes. What has no limit has `Infinity`. */
export interface Use {
  /** Without what the kernel may take back at any moment: the files that are mapped, node's own among them. */
  readonly resident: number
  readonly mayReside: number
  /** JavaScript objects; node chooses their limit when it starts. */
  readonly heap: number
  readonly mayHeap: number
}

interface Deps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly read: () => Use
  /** Frees what nobody holds any more, where the process is allowed to do so. */
  readonly collect: (() => void) | undefined
}

export interface Memory extends Stoppable {
  /** Memory is short. */
  trouble(): Trouble | undefined
  /** Memory is short at this moment: large responses are refused. */
  isExhausted(): boolean
}

const lookEvery = 1000
/** Of what may be taken: above the first, memory is short, until it is below the second. */
const tight = 0.8
const eased = 0.7
/** A collection stops all else for some 100 ms: not more often. */
const collectEvery = 10_000

export function startMemory({ clock, log, metrics, read, collect }: Deps): Memory {
  const sheds = metrics.counter(
    'app_metrics_proxy_memory_shed_total',
    'Checks that found memory short, so that large answers were refused.',
  )
  sheds.add(0)
  metrics.observe(
    'app_metrics_proxy_memory_limit_bytes',
    'gauge',
    'What the agent may take before it is killed, by kind; absent where there is no limit.',
    () => limitsOf(read()),
  )
  let collected = Number.NEGATIVE_INFINITY
  let trouble: Trouble | undefined

  async function look(): Promise<void> {
    let use = read()
    if (shareOf(use) >= tight && collectSometimes()) use = read()
    const share = shareOf(use)
    if (share < eased) ease()
    else if (share >= tight || trouble) report(use)
  }

  /** Whether it did. */
  function collectSometimes(): boolean {
    if (!collect || clock.now() - collected < collectEvery) return false
    collected = clock.now()
    collect()
    return true
  }

  function report(use: Use): void {
    sheds.add(1)
    if (!trouble) log.warn({ ...use }, 'memory is short: large answers are refused')
    trouble = troubleOf(use)
  }

  function ease(): void {
    if (trouble) log.info({ ...read() }, 'there is memory again')
    trouble = undefined
  }

  const loop = startLoop(look, {
    ...{ clock, every: lookEvery },
    onFailure: (error) => log.internal(error, 'timer'),
  })
  return {
    trouble: () => trouble,
    isExhausted: () => trouble !== undefined && shareOf(read()) >= tight,
    stop: loop.stop,
  }
}

function shareOf({ resident, mayReside, heap, mayHeap }: Use): number {
  return Math.max(resident / mayReside, heap / mayHeap)
}

function troubleOf({ resident, mayReside, heap, mayHeap }: Use): Trouble {
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20)
  const short =
    resident / mayReside >= heap / mayHeap
      ? `${mib(resident)} of ${mib(mayReside)} MiB`
      : `${mib(heap)} of ${mib(mayHeap)} MiB of JavaScript objects`
  return {
    code: 'overloaded',
    reason: `memory is short: ${short} are used, so large answers are refused`,
    hint: 'raise the memory limit of the agent’s service, or lower MAX_BODY and MAX_SERIES',
  }
}

function limitsOf({ mayReside, mayHeap }: Use): (readonly [{ readonly kind: string }, number])[] {
  const limits = [
    [{ kind: 'resident' }, mayReside],
    [{ kind: 'heap' }, mayHeap],
  ] as const
  return limits.filter(([, limit]) => Number.isFinite(limit)) as [{ kind: string }, number][]
}

/** Of this process. A container's limit is that of its cgroup; without one the machine's memory is none of ours. */
export function readUse(): Use {
  const { used_heap_size, heap_size_limit } = getHeapStatistics()
  return {
    resident: anonymous(),
    mayReside: memoryLimit(),
    heap: used_heap_size,
    mayHeap: heap_size_limit,
  }
}

function anonymous(): number {
  try {
    const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    if (kib !== undefined) return Number(kib) * 1024
  } catch {
    // not every system tells
  }
  return process.memoryUsage.rss()
}

/** Without a limit the kernel tells one that no machine has. */
const unlimited = 2 ** 50

/** What this process may take before it is killed, in bytes; `Infinity`: there is no limit. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 && limit < unlimited ? limit : Number.POSITIVE_INFINITY
}
