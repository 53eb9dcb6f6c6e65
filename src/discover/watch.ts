// Watches one Docker engine: holds the picture of its node and keeps it true. A reading that fails changes
// nothing but the status: the last picture stands.

import { type Clock, deadline } from '../clock.ts'
import { type Trouble, troubleOf } from '../errors.ts'
import { startLoop } from '../loop.ts'
import type { Part } from '../model.ts'
import type { Log, Metrics } from '../telemetry.ts'
import { createDue } from './due.ts'
import { createEnded } from './ended.ts'
import { followEvents } from './events.ts'
import { type Picture, type Reading, readAll, readSome } from './picture.ts'
import { LastingError } from './refusal.ts'

export interface Watch extends Part {
  /** Why the picture may be out of date; undefined: it isn't. */
  trouble(): Trouble | undefined
  warnings(): readonly Trouble[]
  /** Since the last whole reading; undefined before the first. */
  age(): number | undefined
}

interface WatchDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly reading: Reading
}

interface Listener {
  picture(picture: Picture): void
  /** A service or a node of the Swarm changed. */
  swarm(): void
}

const resyncEvery = 30_000
const patience = 10_000

/** Resolves after the first attempt, however it went; rejects if waiting can't mend it. */
export async function watchEngine(deps: WatchDeps, listener: Listener): Promise<Watch> {
  const { clock, log, reading } = deps
  const count = countersOf(deps.metrics)
  const first = Promise.withResolvers<void>()
  const due = createDue(clock, wake)
  const ended = createEnded(clock)
  let picture: Picture | undefined
  let trouble: Trouble | undefined
  let deaf: Trouble | undefined
  let readAt: number | undefined
  let cancelResync = () => {}

  async function read(signal: AbortSignal): Promise<void> {
    const { everything, ids } = due.take()
    using limited = deadline(clock, patience, signal)
    if (picture && !everything && !trouble) {
      if (ids.size === 0) return
      count.readings.add(1, { kind: 'part' })
      picture = await readSome(reading, picture, ids, limited)
    } else {
      count.readings.add(1, { kind: 'whole' })
      picture = await readAll(reading, limited)
      readAt = clock.now()
      cancelResync()
      cancelResync = clock.after(resyncEvery, due.all)
    }
    succeeded(picture)
  }
  function succeeded(read: Picture): void {
    if (trouble) log.info({}, 'Docker answers again')
    trouble = undefined
    show(read)
    for (const id of ended.doubtful()) due.later(id)
    first.resolve()
  }
  function failed(error: unknown): void {
    count.failures.add(1)
    if (!trouble) {
      log.warn({ err: error }, 'Docker cannot be read: what was last known stands')
      events.renew()
    }
    trouble = troubleOf(error)
    if (error instanceof LastingError) first.reject(error)
    first.resolve()
  }
  /** What events said counts at once, however slow Docker is to answer. */
  function wake(): void {
    if (picture) show(picture)
    loop.wake()
  }
  function show(listed: Picture): void {
    listener.picture({ ...listed, containers: ended.correct(listed.containers) })
  }

  const loop = startLoop(read, {
    clock,
    every: resyncEvery,
    backoff: { least: 250, most: 10_000 },
    onFailure: failed,
  })
  const events = followEvents(reading.engine, clock, {
    opened() {
      count.streams.add(1)
      deaf = undefined
      ended.missed()
      due.all()
    },
    started(id) {
      count.events.add(1)
      ended.started(id)
      due.one(id)
    },
    died(id, exitCode) {
      count.events.add(1)
      ended.died(id, exitCode)
      due.one(id)
    },
    touched(id) {
      count.events.add(1)
      due.one(id)
    },
    swarm(kind) {
      count.events.add(1)
      listener.swarm()
      // perhaps this node has become a manager, or is one no more
      if (kind === 'node') due.all()
    },
    lost(error, inARow) {
      if (inARow === 1) due.all()
      if (inARow === 2) log.warn({ err: error }, 'Docker’s events cannot be heard')
      if (inARow >= 2) deaf = troubleOf(error)
    },
  })

  async function stop(): Promise<void> {
    await Promise.all([events.stop(), loop.stop()])
    due.stop()
    cancelResync()
  }
  try {
    await first.promise
  } catch (error) {
    await stop()
    throw error
  }
  return {
    trouble: () => trouble,
    warnings: () => (deaf ? [deaf] : []),
    age: () => (readAt === undefined ? undefined : clock.now() - readAt),
    stop,
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
    events: metrics.counter(
      'app_metrics_proxy_docker_events_total',
      'Events heard from Docker that mattered.',
    ),
    streams: metrics.counter(
      'app_metrics_proxy_docker_event_streams_total',
      'Event streams opened; more than one: the earlier ones ended.',
    ),
  }
}
