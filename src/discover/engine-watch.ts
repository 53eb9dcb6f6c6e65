// Keeps the state of this node's Docker up to date: reads the lists after events, after each gap in the event stream
// and every 30 s, and corrects them by the events.
//
// States:
//   starting   nothing was read yet, nothing is reported
//   current    the state is reported after each reading and each burst of events
//   outdated   a reading failed: the last state stays in use, `failure` has the reason, and it is retried with backoff
// A lost event stream is no state: until it is open again, changes are seen at the next reading.

import { type Clock, deadline } from '../clock.ts'
import { type Failure, failureOf, isInternal } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { SetupError } from './engine-errors.ts'
import { type ContainerEvent, type EngineEvent, followEvents } from './events.ts'
import { createListCorrections } from './list-corrections.ts'
import { type NodeSource, type NodeState, readNodeState } from './node-state.ts'

export interface EngineWatch extends Stoppable {
  /** Why the state is outdated, or not known yet. */
  failure(): Failure | undefined
  /** Why no events are received. */
  eventFailure(): Failure | undefined
  /** Reads everything now. */
  readNow(): void
}

interface EngineWatchDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly source: NodeSource
  readonly onState: (state: NodeState) => void
  readonly onContainerEvent: (event: ContainerEvent) => void
  /** A service or a node of the Swarm changed. */
  readonly onSwarmEvent: () => void
}

const resyncMs = 30_000
const readTimeoutMs = 10_000
/** Events within this time are followed by one reading. */
const eventDelayMs = 20
/** The pause before a reading is at least so many times as long as the last one took: a limit for floods of events. */
const pauseFactor = 4
/** The list lags behind the events: it has `running` for 100 ms and more after `die`. */
const rereadDelayMs = 300

/** Resolves after the first attempt to read, successful or not; rejects if waiting cannot fix it. */
export async function watchEngine(deps: EngineWatchDeps): Promise<EngineWatch> {
  const { clock, log, source } = deps
  const counters = countersOf(deps.metrics)
  const corrections = createListCorrections(clock)
  const firstAttempt = Promise.withResolvers<void>()
  let state: NodeState | undefined
  let failure: Failure | undefined
  let eventFailure: Failure | undefined
  let hasNewEvents = false
  let resyncAt: Mono = clock.now()
  let lastReadingMs = 0
  let nextReadingAt: Mono = Number.POSITIVE_INFINITY
  let cancelReading = () => {}

  function report(): void {
    if (state) deps.onState({ ...state, containers: corrections.containers() })
  }
  async function read(signal: AbortSignal): Promise<void> {
    const startedAt = clock.now()
    const isResync = failure !== undefined || startedAt >= resyncAt
    const isAfterEvents = hasNewEvents
    hasNewEvents = false
    if (isResync) resyncAt = startedAt + resyncMs
    counters.reads.add(1, { kind: isResync ? 'full' : 'partial' })
    using limited = deadline(clock, readTimeoutMs, signal)
    const listed = corrections.request()
    state = await readNodeState(source, limited, isResync ? { engineId: state?.engineId } : state)
    lastReadingMs = clock.now() - startedAt
    if (failure) log.info({}, 'Docker can be read again')
    failure = undefined
    listed(state.containers)
    report()
    firstAttempt.resolve()
    if (isAfterEvents || corrections.isPending()) readSoon(rereadDelayMs)
    else if (resyncAt > clock.now()) scheduleReading(resyncAt)
  }
  function failed(error: unknown): void {
    counters.failures.add(1)
    const isFirst = !failure
    failure = failureOf(error)
    if (isInternal(error)) log.internal(error, 'discovery')
    if (error instanceof SetupError) firstAttempt.reject(error)
    firstAttempt.resolve()
    if (!isFirst) return
    log.warn(
      { ...failure },
      state ? 'Docker cannot be read: the last state stays in use' : 'Docker cannot be read yet',
    )
    log.debug({ err: error }, 'Docker cannot be read')
    events.reopen()
  }
  const loop = startLoop(read, {
    clock,
    intervalMs: resyncMs,
    backoff: { minMs: 250, maxMs: 10_000 },
    onFailure: failed,
  })

  /** Or later, where the last reading took long: Docker and others need time too. */
  function readSoon(ms: number): void {
    scheduleReading(clock.now() + Math.max(ms, pauseFactor * lastReadingMs))
  }
  /** Or before it. What events brought is reported first, however slowly Docker answers. */
  function scheduleReading(at: Mono): void {
    if (at >= nextReadingAt) return
    nextReadingAt = at
    cancelReading()
    cancelReading = clock.after(at - clock.now(), () => {
      nextReadingAt = Number.POSITIVE_INFINITY
      report()
      loop.trigger()
    })
  }
  function resync(): void {
    resyncAt = clock.now()
    loop.trigger()
  }
  function received(event: EngineEvent): void {
    counters.events.add(1)
    if (event.kind === 'service' || event.kind === 'node') {
      deps.onSwarmEvent()
      // this node may have become a manager, or be one no more
      if (event.kind === 'node') resync()
      return
    }
    if (event.kind !== 'changed') deps.onContainerEvent(event)
    // the list doesn't show it
    if (event.kind === 'oom') return
    if (event.kind !== 'changed') corrections.event(event)
    hasNewEvents = true
    readSoon(eventDelayMs)
  }
  const events = followEvents(source.engine, clock, {
    opened() {
      counters.streams.add(1)
      eventFailure = undefined
      corrections.gap()
      resync()
    },
    event: received,
    lost(error, failures) {
      if (isInternal(error)) log.internal(error, 'discovery')
      corrections.gap()
      if (failures === 1) return resync()
      if (!eventFailure && !failure) log.warn({ ...failureOf(error) }, 'Docker’s events cannot be received')
      eventFailure = failureOf(error)
    },
  })

  async function stop(): Promise<void> {
    await Promise.all([events.stop(), loop.stop()])
    cancelReading()
  }
  try {
    await firstAttempt.promise
  } catch (error) {
    await stop()
    throw error
  }
  return { failure: () => failure, eventFailure: () => eventFailure, readNow: resync, stop }
}

function countersOf(metrics: Metrics) {
  return {
    reads: metrics.counter(
      'app_metrics_proxy_docker_reads_total',
      'Reads of Docker: of everything (`full`), or after events of the containers and networks (`partial`).',
    ),
    failures: metrics.counter(
      'app_metrics_proxy_docker_read_failures_total',
      'Reads of Docker that failed, so that the last state stayed in use.',
    ),
    events: metrics.counter('app_metrics_proxy_docker_events_total', 'Events from Docker that mattered.'),
    streams: metrics.counter(
      'app_metrics_proxy_docker_event_streams_total',
      'Event streams opened; more than one: the earlier ones ended.',
    ),
  }
}
