// Docker's event stream: opened again for ever, and turned into what it means for us.

import { type Clock, DeadlineExceeded } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { ApiEvent } from './api.ts'
import type { Engine, Filters } from './engine.ts'

/** Docker drops the rest by itself: health checks alone would be several events a second on a busy node. */
const wanted = {
  type: ['container', 'network', 'service', 'node'],
  event: 'start die destroy rename pause unpause update connect disconnect create remove'.split(' '),
} satisfies Filters

export interface Hearing {
  /** The stream is open: what happened before may have been missed. */
  opened(): void
  /** `at`: when it happened by Docker's clock, in nanoseconds, where Docker says it. */
  started(id: string, at: number | undefined): void
  died(id: string, at: number | undefined, exitCode: number | undefined): void
  removed(id: string): void
  /** Anything else about a container that we may have to know. */
  touched(id: string): void
  /** A service or a node changed: only managers hear that. */
  swarm(kind: 'service' | 'node'): void
  /** The stream ended or could not be opened; `inARow` failures without a stream that held. */
  lost(error: unknown, inARow: number): void
}

/** A stream that held this long has earned an immediate new one: some proxies cut each after 10 minutes. */
const held = 5_000
const patience = 10_000

export interface Events extends Stoppable {
  /** Gives up the present stream for a new one: Docker failed otherwise, and proxies keep dead streams open. */
  renew(): void
}

export function followEvents(engine: Engine, clock: Clock, hearing: Hearing): Events {
  let present = new AbortController()

  async function listen(signal: AbortSignal): Promise<void> {
    present = new AbortController()
    const events = await open(AbortSignal.any([signal, present.signal]))
    const since = clock.now()
    hearing.opened()
    const cause = await hear(events)
    if (clock.now() - since < held && !present.signal.aborted)
      throw new ProxyError('not_ready', 'Docker’s event stream broke off', { cause })
  }
  /** The deadline is for opening alone: an open stream may be silent for hours. */
  function open(signal: AbortSignal): Promise<AsyncIterable<ApiEvent>> {
    const opening = new AbortController()
    const cancel = clock.after(patience, () => opening.abort(new DeadlineExceeded(patience)))
    return engine.events(wanted, AbortSignal.any([signal, opening.signal])).finally(cancel)
  }
  /** Until the stream ends; why, if it didn't just end. */
  async function hear(events: AsyncIterable<ApiEvent>): Promise<unknown> {
    try {
      for await (const event of events) tell(event, hearing)
      return undefined
    } catch (error) {
      return error
    }
  }
  const loop = startLoop(listen, {
    clock,
    intervalMs: 100,
    backoff: { minMs: 100, maxMs: 5_000 },
    onFailure: hearing.lost,
  })
  return { renew: () => present.abort(), stop: loop.stop }
}

function tell(event: ApiEvent, hearing: Hearing): void {
  const { Type, Actor } = event
  if (Type === 'service' || Type === 'node') hearing.swarm(Type)
  if (Type === 'container' && Actor?.ID) tellContainer(Actor.ID, event, hearing)
  // Docker names the container of a network's event; creating and removing a network touches nobody
  if (Type === 'network' && Actor?.Attributes?.container) hearing.touched(Actor.Attributes.container)
}

/** Not every engine and proxy heeds filters: whatever else comes is dropped here. */
function tellContainer(id: string, { Action = '', Actor, timeNano }: ApiEvent, hearing: Hearing): void {
  const exitCode = Actor?.Attributes?.exitCode ?? ''
  if (Action === 'start') hearing.started(id, timeNano)
  else if (Action === 'die')
    hearing.died(id, timeNano, /^-?\d+$/.test(exitCode) ? Number(exitCode) : undefined)
  // what Docker calls destroy, Podman calls remove
  else if (Action === 'destroy' || Action === 'remove') hearing.removed(id)
  else if (Action !== 'create' && wanted.event.includes(Action)) hearing.touched(id)
}
