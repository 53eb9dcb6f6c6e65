// Watches one Docker engine: what its lists say, put right and kept up to date by what its events say.

import { isInternal, type Trouble, troubleOf } from '../errors.ts'
import type { Stoppable } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createEnded } from './ended.ts'
import { followEvents, type Hearing } from './events.ts'
import { createLacking } from './lacking.ts'
import type { Picture } from './picture.ts'
import { type RefresherDeps, startRefresher } from './refresher.ts'

export interface Watch extends Stoppable {
  /** Why the picture may be out of date; undefined: it isn't. */
  trouble(): Trouble | undefined
  /** Why events aren't heard, so that changes are seen up to half a minute later. */
  deafness(): Trouble | undefined
  /** Since the last whole reading; undefined before the first. */
  age(): number | undefined
}

interface Listener {
  picture(picture: Picture): void
  /** A service or a node of the Swarm changed. */
  swarm(): void
}

/** Resolves after the first attempt to read, however it went; rejects if waiting can't fix it. */
export async function watchEngine(deps: RefresherDeps, listener: Listener): Promise<Watch> {
  const { clock, log, reading } = deps
  const count = countersOf(deps.metrics)
  const [ended, lacking] = [createEnded(clock), createLacking(clock)]
  let deafness: Trouble | undefined

  function show(listed: Picture | undefined): void {
    if (listed)
      listener.picture({ ...listed, containers: ended.correct(lacking.complete(listed.containers)) })
  }
  const refresher = startRefresher(deps, {
    // what events said counts at once, however slow Docker is to answer
    waking: () => show(refresher.picture()),
    read(picture) {
      show(picture)
      for (const id of [...ended.doubtful(), ...lacking.doubtful()]) refresher.due.later(id)
    },
    failed: () => events.renew(),
  })
  const { due } = refresher
  const hearing: Hearing = {
    opened() {
      count.streams.add(1)
      deafness = undefined
      ended.missed()
      lacking.missed()
      due.all()
    },
    started(id, at) {
      count.events.add(1)
      ended.started(id, at)
      due.one(id)
    },
    died(id, at, exitCode) {
      count.events.add(1)
      ended.died(id, at, exitCode)
      due.one(id)
    },
    removed(id) {
      count.events.add(1)
      lacking.removed(id)
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
      if (isInternal(error)) log.internal(error, 'discovery')
      lacking.missed()
      if (inARow === 1) return due.all()
      if (!deafness && !refresher.trouble())
        log.warn({ ...troubleOf(error) }, 'Docker’s events cannot be heard')
      deafness = troubleOf(error)
    },
  }
  const events = followEvents(reading.engine, clock, hearing)

  async function stop(): Promise<void> {
    await Promise.all([events.stop(), refresher.stop()])
  }
  try {
    await refresher.first
  } catch (error) {
    await stop()
    throw error
  }
  return { trouble: refresher.trouble, deafness: () => deafness, age: refresher.age, stop }
}

function countersOf(metrics: Metrics) {
  return {
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
