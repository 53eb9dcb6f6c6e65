// What the status of an agent is made from that has nothing to complain of: the rest is the store's.

import type { StatusView } from '../../src/serve/status/status.ts'

type FromStore = 'entries' | 'entry' | 'subscribe' | 'nodes' | 'catalogue'

export const quietView: Omit<StatusView, FromStore | 'self'> = {
  version: '1.0.0',
  config: { scrapeInterval: 10_000, maxAge: 100, staleAfter: 30_000, forgetAfter: 300_000 },
  cluster: () => 'demo',
  peers: () => [],
  rules: () => [],
  discovery: () => ({ warnings: [] }),
  webConfig: () => undefined,
  memory: () => undefined,
  internalErrors: () => undefined,
  ambiguities: () => [],
  warnings: () => [],
}
