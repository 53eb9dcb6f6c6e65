// The entries of `TARGETS` as targets.

import type { StaticTarget } from '../config/values.ts'
import type { NodeId, Target } from '../model.ts'

export function staticTargets(entries: readonly StaticTarget[], node: NodeId): readonly Target[] {
  return entries.map(({ name, url }) => ({
    id: `static:${name}`,
    node,
    name,
    place: { kind: 'standalone' },
    image: '',
    labels: {},
    state: 'running',
    addresses: [{ network: 'static', host: new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') }],
    url,
  }))
}
