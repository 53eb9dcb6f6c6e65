// What the status of an agent without problems is made from: the rest is the store’s.

import type { StatusView } from '../../src/status/status.ts'

type FromStore = 'entries' | 'entry' | 'nodes' | 'swarmState'

export const quietView: Omit<StatusView, FromStore | 'self'> = {
  version: '1.0.0',
  config: { scrapeIntervalMs: 10_000, maxAgeMs: 100, staleAfterMs: 30_000, forgetAfterMs: 300_000 },
  cluster: () => 'demo',
  outcomeOf: () => ({}),
  discoveredTarget: () => undefined,
  clients: () => [],
  problems: () => [],
}
