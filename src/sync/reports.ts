// What is reported of nodes while it lasts: in the log once, and as the node's trouble. A report that isn't repeated
// for a while is over.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, NodeId } from '../model.ts'

export interface Report {
  /** Absent: it is only for the log of the link that it ends. */
  readonly node?: NodeId
  readonly trouble: Trouble
}

export interface Reports {
  add(report: Report): void
  of(node: NodeId): Trouble | undefined
  clear(node: NodeId): void
  sweep(): void
}

/** Whoever claims what isn't theirs tries again more often than that. */
const keepMs = 30_000
const maxReports = 1000

export function createReports(clock: Clock, log: Log, changed: (node: NodeId) => void): Reports {
  const reports = new Map<NodeId, { readonly trouble: Trouble; readonly at: Mono }>()

  function clear(node: NodeId): void {
    if (reports.delete(node)) changed(node)
  }

  return {
    add({ node, trouble }) {
      if (node === undefined || (reports.size >= maxReports && !reports.has(node))) return
      const before = reports.get(node)
      reports.set(node, { trouble, at: clock.now() })
      if (before?.trouble.code === trouble.code) return
      log.error({ node, ...trouble }, 'a peer claims what is not its own')
      changed(node)
    },
    of: (node) => reports.get(node)?.trouble,
    clear,
    sweep() {
      for (const [node, { at }] of [...reports]) if (clock.now() - at > keepMs) clear(node)
    },
  }
}
