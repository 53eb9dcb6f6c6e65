// What is wrong with nodes, for as long as it is repeated: logged once, and shown as the node's failure.

import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, NodeId } from '../model.ts'
import { establishedMs } from './link.ts'

interface NodeReports {
  /** The node, or an agent in its name, sends what it has no right to. */
  add(node: NodeId, failure: Failure): void
  /** A link to the node ended after so long. `timeout`: it fell silent. */
  linkEnded(node: NodeId, durationMs: number, failure: Failure): void
  /** A link to the node has been in use for so long. */
  linkLasts(node: NodeId, durationMs: number): void
  of(node: NodeId): Failure | undefined
  clear(node: NodeId): void
  /** Drops those that were not repeated recently. */
  sweep(): void
}

/** An agent that sends what it has no right to send tries again more often than that. */
const keepMs = 30_000
const maxReports = 1000
/** So many links in a row that came up and fell silent show that small packets pass, and large ones don't. */
const maxSilentLinks = 2

export function createNodeReports(clock: Clock, log: Log, changed: (node: NodeId) => void): NodeReports {
  const reports = new Map<NodeId, { readonly failure: Failure; readonly at: Mono }>()
  /** Of each node: how many links in a row came up and fell silent. */
  const silentLinks = new Map<NodeId, number>()

  function clear(node: NodeId): void {
    if (reports.delete(node)) changed(node)
  }

  return {
    add(node, failure) {
      const before = reports.get(node)
      if (!before && reports.size >= maxReports) return
      reports.set(node, { failure, at: clock.now() })
      if (before?.failure.code === failure.code) return
      log.error({ peer: node, ...failure }, 'a peer sends what it has no right to send')
      changed(node)
    },
    linkEnded(node, durationMs, { code }) {
      if (code !== 'timeout' || durationMs >= establishedMs) return
      const count = (silentLinks.get(node) ?? 0) + 1
      if (count > 1 || silentLinks.size < maxReports) silentLinks.set(node, count)
      if (count === maxSilentLinks)
        log.warn({ peer: node, ...largePacketsDropped }, 'links to a peer do not last')
    },
    linkLasts(node, durationMs) {
      if (durationMs >= establishedMs && silentLinks.delete(node)) changed(node)
    },
    of: (node) =>
      reports.get(node)?.failure ??
      ((silentLinks.get(node) ?? 0) >= maxSilentLinks ? largePacketsDropped : undefined),
    clear,
    sweep() {
      for (const [node, { at }] of [...reports]) if (clock.now() - at > keepMs) clear(node)
    },
  }
}

const largePacketsDropped: Failure = {
  code: 'timeout',
  reason:
    'links to it come up and fall silent within seconds, again and again: the network between the nodes drops large packets',
  hint: 'lower the MTU of the overlay network (driver option com.docker.network.driver.mtu) below that of the links between the nodes, less 50 bytes, or 100 where it is encrypted',
}
