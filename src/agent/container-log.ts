// Log lines about this node's containers. Each change of state is logged once, with its cause and hint. Repeated
// failures of one container are logged at most every ten minutes, with the number that was skipped.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import { agentTarget, type Change, type Entry, type Mono, type NodeId } from '../model.ts'

interface ContainerLogDeps {
  readonly clock: Clock
  readonly log: Log
  /** Containers of other nodes are logged by the agents there. */
  readonly ownNode: () => NodeId
}

type ContainerState =
  | { readonly kind: 'scraped'; readonly url: string }
  | { readonly kind: 'failing'; readonly trouble: Trouble }
  | { readonly kind: 'no metrics'; readonly trouble: Trouble }
  | { readonly kind: 'ended' }

interface Logged {
  state: ContainerState
  /** When a failure was last logged, and how many were skipped since. */
  failureAt?: Mono
  skipped: number
}

const failureIntervalMs = 600_000

/** The returned function takes every change of the store. */
export function createContainerLog({ clock, log, ownNode }: ContainerLogDeps): (change: Change) => void {
  const loggedById = new Map<string, Logged>()

  function update(entry: Entry): void {
    const state = stateOf(entry)
    const logged = loggedById.get(entry.target.id)
    if (!state || (logged && isSame(logged.state, state))) return
    const next: Logged = { skipped: 0, ...logged, state }
    loggedById.set(entry.target.id, next)
    write(entry, state, logged?.state, next)
  }

  function write(
    entry: Entry,
    state: ContainerState,
    before: ContainerState | undefined,
    logged: Logged,
  ): void {
    const { name, id } = entry.target
    const container = { name, id: id.slice(0, 12) }
    if (state.kind === 'failing') writeFailure(container, state.trouble, logged)
    else if (state.kind === 'no metrics')
      log[levels[state.trouble.code] ?? 'warn']({ ...container, ...fieldsOf(state.trouble) }, 'no metrics')
    else if (state.kind === 'ended') writeEnd(container, entry)
    else if (before?.kind === 'failing' || before?.kind === 'ended') writeRecovery(container, logged)
    else log.info({ ...container, url: state.url, why: entry.endpoint?.why }, 'found metrics')
  }

  /** A container without metrics ends without a line. */
  function writeEnd(container: object, { endpoint, ended }: Entry): void {
    if (endpoint) log.info({ ...container, exitCode: ended?.exitCode }, 'container ended')
  }

  function writeFailure(container: object, trouble: Trouble, logged: Logged): void {
    if (logged.failureAt !== undefined && clock.now() - logged.failureAt < failureIntervalMs) {
      logged.skipped += 1
      return
    }
    const skipped = logged.skipped > 0 ? { failedSince: logged.skipped } : {}
    log.warn({ ...container, ...fieldsOf(trouble), ...skipped }, 'metrics cannot be read')
    logged.failureAt = clock.now()
    logged.skipped = 0
  }

  function writeRecovery(container: object, logged: Logged): void {
    if (logged.skipped === 0) log.info(container, 'metrics are read again')
  }

  return (change) => {
    if (change.kind === 'gone' && change.owner === ownNode()) loggedById.delete(change.id)
    if (change.kind !== 'entry' || change.entry.owner !== ownNode()) return
    if (change.entry.target.id !== agentTarget) update(change.entry)
  }
}

/** Undefined until it has been probed and scraped. */
function stateOf({ ended, finding, endpoint, snapshot }: Entry): ContainerState | undefined {
  if (ended) return { kind: 'ended' }
  if (!endpoint) return finding.kind === 'none' ? { kind: 'no metrics', trouble: finding.trouble } : undefined
  if (!snapshot) return undefined
  return snapshot.ok ? { kind: 'scraped', url: endpoint.url } : { kind: 'failing', trouble: snapshot.trouble }
}

/** A failure with another reason is the same failure; another reason for having no metrics is a change. */
function isSame(a: ContainerState, b: ContainerState): boolean {
  if (a.kind === 'scraped' && b.kind === 'scraped') return a.url === b.url
  if (a.kind === 'no metrics' && b.kind === 'no metrics') return a.trouble.reason === b.trouble.reason
  return a.kind === b.kind
}

/** Below `warn` where somebody chose it so, or where nothing is wrong. */
const levels: Readonly<Partial<Record<Trouble['code'], 'debug' | 'info'>>> = {
  disabled: 'debug',
  no_metrics: 'info',
  paused: 'info',
  stopped: 'info',
}

const fieldsOf = ({ reason, hint }: Trouble) => ({ reason, ...(hint !== undefined && { hint }) })
