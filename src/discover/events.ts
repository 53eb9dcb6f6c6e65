// Docker's event stream: opened again for ever, and turned into what it means for us.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { type Loop, startLoop } from '../loop.ts'
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
  container(id: string): void
  /** A service or a node changed: only managers hear that. */
  swarm(kind: 'service' | 'node'): void
  /** The stream ended or could not be opened; `inARow` failures without a stream that held. */
  lost(error: unknown, inARow: number): void
}

/** A stream that held this long has earned an immediate new one: some proxies cut each after 10 minutes. */
const held = 5_000

export function followEvents(engine: Engine, clock: Clock, hearing: Hearing): Loop {
  async function listen(signal: AbortSignal): Promise<void> {
    const events = await engine.events(wanted, signal)
    const since = clock.now()
    hearing.opened()
    try {
      for await (const event of events) tell(event, hearing)
    } catch (cause) {
      if (clock.now() - since < held) throw new ProxyError('not_ready', brokeOff, { cause })
    }
    if (clock.now() - since < held) throw new ProxyError('not_ready', brokeOff)
  }
  return startLoop(listen, {
    clock,
    every: 100,
    backoff: { least: 100, most: 5_000 },
    onFailure: hearing.lost,
  })
}

const brokeOff = 'Docker’s event stream broke off'

function tell({ Type, Action, Actor }: ApiEvent, hearing: Hearing): void {
  const id = Type === 'network' ? Actor?.Attributes?.container : Actor?.ID
  if ((Type === 'container' || Type === 'network') && id && isWanted(Action)) hearing.container(id)
  if (Type === 'service' || Type === 'node') hearing.swarm(Type)
}

/** Older engines and some proxies don't heed every filter; `create` is of interest for services and nodes only. */
function isWanted(action = ''): boolean {
  return action !== 'create' && wanted.event.includes(action)
}
