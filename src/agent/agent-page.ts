// The agent's own metrics as one more target of its node. So any agent answers for any other, and `up` of a
// lost one is 0, in the same way as for containers.

import type { Config } from '../config/config.ts'
import {
  agentName,
  agentTarget,
  type Finding,
  type NodeId,
  type Page,
  plainPage,
  type Target,
} from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'

interface Reading {
  readonly page: Page
  readonly contentType: string | undefined
}

type Read<Options> = (url: string, options: Options) => Promise<Reading>

export interface AgentPage {
  target(node: NodeId): Target
  /** It is known from the start, so that nobody has to look for it. */
  readonly finding: Finding
  /** Reads the agent's page where that is asked for, all else as `read` does. */
  orElse<Options>(read: Read<Options>): Read<Options>
}

const url = 'agent:metrics'

export function createAgentPage({ listenPort }: Pick<Config, 'listenPort'>, metrics: Metrics): AgentPage {
  return {
    target: (node) => ({
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
    finding: { kind: 'found', endpoint: { url, port: listenPort, why: 'the agent’s own' } },
    orElse: (read) => async (asked, options) =>
      asked === url ? { page: print(metrics), contentType: undefined } : read(asked, options),
  }
}

function print(metrics: Metrics): Page {
  const text = metrics.print()
  const body = Buffer.from(text)
  const series = text.match(/^[^#\n]/gm)?.length ?? 0
  return plainPage(body, { format: 'text/0.0.4', series, remarks: [] })
}
