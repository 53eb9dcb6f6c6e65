// Watches one Docker engine: holds the picture of its node and keeps it true. A reading that fails changes
// nothing but the status: the last picture stands.

import { type Clock, deadline } from '../clock.ts'
import { type Trouble, troubleOf } from '../errors.ts'
import { startLoop } from '../loop.ts'
import type { Part } from '../model.ts'
import type { Log, Metrics } from '../telemetry.ts'
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

export interface WatchDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly reading: Reading
}

interface Listener {
  picture(picture: Picture): void
  swarm(): void
}

const resyncEvery = 30_000
/** What starts or stops together is looked at together. */
const coalesce = 20
/** Above this many at once, the whole list is cheaper than a filter. */
const mostAtOnce = 50
const patience = 10_000

/** Resolves after the first attempt, however it went; rejects if waiting can't mend it. */
export async function watchEngine(deps: WatchDeps, listener: Listener): Promise<Watch> {
  const { clock, log, reading } = deps
  const count = countersOf(deps.metrics)
  const first = Promise.withResolvers<void>()
  let picture: Picture | undefined
  let trouble: Trouble | undefined
  let deaf: Trouble | undefined
  let readAt: number | undefined
  let everything = true
  const touched = new Set<string>()
  let cancelSoon: (() => void) | undefined
  let cancelResync = () => {}

  async function read(signal: AbortSignal): Promise<Picture> {
    using limited = deadline(clock, patience, signal)
    const ids = new Set(touched)
    touched.clear()
    if (picture && !everything && ids.size <= mostAtOnce) {
      count.readings.add(1, { kind: 'part' })
      return readSome(reading, picture, ids, limited)
    }
    everything = false
    count.readings.add(1, { kind: 'whole' })
    const whole = await readAll(reading, limited)
    readAt = clock.now()
    cancelResync()
    cancelResync = clock.after(resyncEvery, resync)
    return whole
  }
  async function refresh(signal: AbortSignal): Promise<void> {
    if (!everything && touched.size === 0) return
    picture = await read(signal)
    if (trouble) log.info({}, 'Docker answers again')
    trouble = undefined
    listener.picture(picture)
    first.resolve()
  }
  function failed(error: unknown): void {
    everything = true
    count.failures.add(1)
    if (!trouble) log.warn({ err: error }, 'Docker cannot be read, what was last known stands')
    trouble = troubleOf(error)
    if (error instanceof LastingError) first.reject(error)
    first.resolve()
  }
  function resync(): void {
    everything = true
    loop.wake()
  }
  function wakeSoon(): void {
    cancelSoon ??= clock.after(coalesce, () => {
      cancelSoon = undefined
      loop.wake()
    })
  }

  const loop = startLoop(refresh, {
    clock,
    every: resyncEvery,
    backoff: { least: 250, most: 10_000 },
    onFailure: failed,
  })
  const events = followEvents(reading.engine, clock, {
    opened() {
      deaf = undefined
      count.streams.add(1)
      resync()
    },
    container(id) {
      count.events.add(1)
      touched.add(id)
      wakeSoon()
    },
    swarm(kind) {
      count.events.add(1)
      listener.swarm()
      // a node that became a manager, or is one no more
      if (kind === 'node') resync()
    },
    lost(error, inARow) {
      if (inARow === 1) resync()
      if (inARow === 2) log.warn({ err: error }, 'Docker’s events cannot be heard')
      if (inARow >= 2) deaf = troubleOf(error)
    },
  })

  async function stop(): Promise<void> {
    cancelSoon?.()
    cancelResync()
    await Promise.all([events.stop(), loop.stop()])
    cancelSoon?.()
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
      'Times that containers were read from Docker, the whole list or a part of it after events.',
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
