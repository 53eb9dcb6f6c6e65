// The agent's own metrics as one more target of its node: any agent serves those of any other, and `up` of a lost
// one is 0, as for containers.

import type { Config } from '../config/config.ts'
import { agentName, agentTarget, type NodeId, type ProbeResult, type Target } from '../model.ts'
import { type Metrics, pageOf } from '../runtime/metrics.ts'
import type { Read } from '../scrape/read.ts'

const url = 'agent:metrics'

export function createOwnMetrics({ listenPort }: Pick<Config, 'listenPort'>, metrics: Metrics) {
  /** Known from the start: it is never probed. */
  const probeResult: ProbeResult = {
    kind: 'found',
    endpoint: { url, port: listenPort, source: 'the agent’s own' },
  }
  return {
    probeResult,
    target: (node: NodeId): Target => ({
      id: agentTarget,
      node,
      name: agentName,
      place: { kind: 'standalone' },
      image: '',
      labels: {},
      state: 'running',
      addresses: [],
      url,
    }),
    /** A reader that serves the agent's own URL itself and passes all others on. */
    orElse:
      (read: Read): Read =>
      async (requested, options) =>
        requested === url ? { page: pageOf(metrics), contentType: undefined } : read(requested, options),
  }
}
