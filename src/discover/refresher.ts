// Reads Docker when something is due, and holds what was read last. A reading that fails changes nothing but
// the status.

import { type Clock, deadline } from '../clock.ts'
import { isInternal, type Trouble, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createDue, type Due } from './due.ts'
import { type Picture, type Reading, readAll, readSome } from './picture.ts'
import { LastingError } from './refusal.ts'

export interface Refresher extends Stoppable {
  /** Tells what to read next. */
  readonly due: Pick<Due, 'all' | 'one' | 'later'>
  /** Settles after the first attempt, however it went; rejects if waiting can't fix it. */
  readonly first: Promise<void>
  picture(): Picture | undefined
  /** Why the picture may be out of date; undefined: it isn't. */
  trouble(): Trouble | undefined
  /** Since the last whole reading; undefined before the first. */
  age(): number | undefined
}

export interface RefresherDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly reading: Reading
}

interface Listener {
  /** Before each reading, and without waiting for it: something happened. */
  waking(): void
  read(picture: Picture): void
  failed(): void
}

const resyncEvery = 30_000
const patience = 10_000

export function startRefresher(deps: RefresherDeps, listener: Listener): Refresher {
  const { clock, log, reading } = deps
  const count = countersOf(deps.metrics)
  const first = Promise.withResolvers<void>()
  const due = createDue(clock, () => {
    listener.waking()
    loop.trigger()
  })
  let picture: Picture | undefined
  let trouble: Trouble | undefined
  let readAt: number | undefined
  let cancelResync = () => {}

  async function refresh(signal: AbortSignal): Promise<void> {
    const { everything, ids } = due.take()
    using limited = deadline(clock, patience, signal)
    if (!picture || everything || trouble) await readWhole(limited)
    else if (ids.size > 0) await readPart(picture, ids, limited)
    else return
    if (trouble) log.info({}, 'Docker answers again')
    trouble = undefined
    listener.read(picture!)
    first.resolve()
  }
  async function readWhole(signal: AbortSignal): Promise<void> {
    count.readings.add(1, { kind: 'whole' })
    picture = await readAll(reading, signal, picture)
    readAt = clock.now()
    cancelResync()
    cancelResync = clock.after(resyncEvery, due.all)
  }
  async function readPart(before: Picture, ids: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    count.readings.add(1, { kind: 'part' })
    picture = await readSome(reading, before, ids, signal)
  }
  function failed(error: unknown): void {
    count.failures.add(1)
    const before = trouble
    if (isInternal(error)) log.internal(error, 'discovery')
    trouble = troubleOf(error)
    if (error instanceof LastingError) first.reject(error)
    first.resolve()
    if (before) return
    log.warn(
      { ...trouble },
      picture ? 'Docker cannot be read: the last set stands' : 'Docker cannot be read yet',
    )
    log.debug({ err: error }, 'Docker cannot be read')
    listener.failed()
  }
  const loop = startLoop(refresh, {
    clock,
    intervalMs: resyncEvery,
    backoff: { minMs: 250, maxMs: 10_000 },
    onFailure: failed,
  })
  return {
    due,
    first: first.promise,
    picture: () => picture,
    trouble: () => trouble,
    age: () => (readAt === undefined ? undefined : clock.now() - readAt),
    async stop() {
      await loop.stop()
      due.stop()
      cancelResync()
    },
  }
}

function countersOf(metrics: Metrics) {
  return {
    readings: metrics.counter(
      'app_metrics_proxy_docker_readings_total',
      'Times that containers were read from Docker: the whole list, or after events a part of it.',
    ),
    failures: metrics.counter(
      'app_metrics_proxy_docker_reading_failures_total',
      'Readings of Docker that failed, so that what was last known stood.',
    ),
  }
}
