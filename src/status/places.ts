// What a target is called among its siblings, and where agents answer for it.

import { agentTarget, type Entry, type Place, type Target } from '../model.ts'
import { pinOf } from '../names/pin.ts'

type Kind = Place['kind'] | 'static' | 'agent'

export interface Naming {
  readonly kind: Kind
  readonly service?: string
  readonly stack?: string
  readonly replica: string
  readonly path: string
}

/** `node` is what the owner is named. */
export function namingOf({ target }: Entry, node: string): Naming {
  const { place } = target
  switch (place.kind) {
    case 'replicated':
      return { ...inStack(place), path: pathOf(place.service, place.slot), replica: place.slot }
    case 'global':
      return {
        ...inStack(place),
        path: pathOf(place.service, pinOf(target, place.service, node)),
        replica: node,
      }
    case 'compose':
      return {
        kind: place.kind,
        service: place.service,
        stack: place.project,
        replica: place.number,
        path: pathOf(target.name, pinOf(target, target.name, node)),
      }
    case 'standalone':
      return {
        kind: kindOf(target),
        replica: node,
        path: pathOf(target.name, pinOf(target, target.name, node)),
      }
  }
}

function kindOf({ id, url }: Target): Kind {
  if (id === agentTarget) return 'agent'
  return url === undefined ? 'standalone' : 'static'
}

function inStack({ kind, service, stack }: Extract<Place, { readonly serviceId: string }>) {
  return { kind, service, ...(stack !== undefined && { stack }) }
}

function pathOf(name: string, replica: string): string {
  return `/${encodeURIComponent(name)}/${encodeURIComponent(replica)}/metrics`
}
