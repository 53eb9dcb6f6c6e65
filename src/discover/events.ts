// Docker's event stream: reopened for ever, each event reduced to what it means for discovery.

import { type Clock, deadline } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { ApiEvent } from './docker-api.ts'
import type { Engine, Filters } from './engine.ts'

interface EventOfContainer {
  readonly id: string
  /** When it happened by Docker's clock, in nanoseconds. */
  readonly atNs: number | undefined
}

/** What lists may not show yet. */
export type ContainerEvent =
  | (EventOfContainer & { readonly kind: 'started' | 'removed' | 'oom' })
  | (EventOfContainer & { readonly kind: 'died'; readonly exitCode: number | undefined })

export type EngineEvent =
  | ContainerEvent
  /** Something else that the list of containers shows. */
  | { readonly kind: 'changed' }
  /** Only managers receive these. */
  | { readonly kind: 'service' }
  | { readonly kind: 'node' }

export interface EventHandler {
  /** The stream is open. What happened before may have been missed. */
  opened(): void
  event(event: EngineEvent): void
  /** The stream ended or could not be opened; `failures`: how often in a row, without a stream that lasted. */
  lost(error: unknown, failures: number): void
}

export interface EventStream extends Stoppable {
  /** Replaces the open stream: Docker failed otherwise, and proxies keep dead streams open. */
  reopen(): void
}

/** Docker drops the rest itself: each run of a health check would be two events. */
const filters = {
  type: ['container', 'network', 'service', 'node'],
  event:
    'start die destroy rename pause unpause update connect disconnect create remove oom health_status'.split(
      ' ',
    ),
} satisfies Filters

/** A stream that lasted this long is reopened without backoff: some proxies cut each after 10 minutes. */
const minLifetimeMs = 5_000
const openTimeoutMs = 10_000

export function followEvents(engine: Engine, clock: Clock, handler: EventHandler): EventStream {
  let reopening = new AbortController()

  async function follow(signal: AbortSignal): Promise<void> {
    reopening = new AbortController()
    const events = await open(AbortSignal.any([signal, reopening.signal]))
    const openedAt = clock.now()
    handler.opened()
    const cause = await receive(events)
    if (clock.now() - openedAt < minLifetimeMs && !reopening.signal.aborted)
      throw new ProxyError('not_ready', 'Docker’s event stream ended early', { cause })
  }
  /** The deadline is for opening alone: an open stream may be silent for hours. */
  async function open(signal: AbortSignal): Promise<AsyncIterable<ApiEvent>> {
    using opening = deadline(clock, openTimeoutMs)
    return await engine.events(filters, AbortSignal.any([signal, opening]))
  }
  /** Returns when the stream ends, with the error that ended it, if any. */
  async function receive(events: AsyncIterable<ApiEvent>): Promise<unknown> {
    try {
      for await (const event of events) {
        const meaning = meaningOf(event)
        if (meaning) handler.event(meaning)
      }
      return undefined
    } catch (error) {
      return error
    }
  }
  const loop = startLoop(follow, {
    clock,
    intervalMs: 100,
    backoff: { minMs: 100, maxMs: 5_000 },
    onFailure: handler.lost,
  })
  return { reopen: () => reopening.abort(), stop: loop.stop }
}

/** Not every engine and proxy applies filters: undefined for what does not matter. */
function meaningOf({ Type, Action = '', Actor, timeNano: atNs }: ApiEvent): EngineEvent | undefined {
  if (Type === 'service' || Type === 'node') return { kind: Type }
  // connecting and disconnecting name the container; creating and removing a network name none
  if (Type === 'network' && Actor?.Attributes?.container) return { kind: 'changed' }
  if (Type !== 'container' || !Actor?.ID) return undefined
  const id = Actor.ID
  if (Action === 'start') return { kind: 'started', id, atNs }
  if (Action === 'die') return { kind: 'died', id, atNs, exitCode: exitCodeOf(Actor.Attributes?.exitCode) }
  if (Action === 'oom') return { kind: 'oom', id, atNs }
  // `health_status: unhealthy`, at a change only
  if (Action.startsWith('health_status')) return { kind: 'changed' }
  // Docker's `destroy` is Podman's `remove`
  if (Action === 'destroy' || Action === 'remove') return { kind: 'removed', id, atNs }
  return Action !== 'create' && filters.event.includes(Action) ? { kind: 'changed' } : undefined
}

function exitCodeOf(text = ''): number | undefined {
  return /^-?\d+$/.test(text) ? Number(text) : undefined
}
