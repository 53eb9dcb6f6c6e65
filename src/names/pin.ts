// How a path and an instance tell a container from others of its name on other nodes.

import { agentName, agentTarget, type Target } from '../model.ts'

/** By its node, `name` being its own or its service's. On `/app-metrics-proxy/<node>` the agent answers for itself. */
export function pinOf({ id }: Target, name: string, node: string): string {
  return name === agentName && id !== agentTarget ? id.slice(0, 12) : node
}
