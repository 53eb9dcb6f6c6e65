// The status of the cluster, and what is derived from it. Pure.

/** @import { Problem, ServiceStatus, TargetState, Status, TargetStatus } from '../shape.ts' */
/** @import { Query } from './query.js' */
import { age, count, plural } from './format.js'

/** @type {readonly TargetState[]} The order in which states are listed. */
export const states = ['up', 'down', 'lost', 'searching', 'unscraped', 'off', 'ended']

/**
 * @typedef {object} GroupedTargets
 * @property {ReadonlyMap<string, TargetStatus>} targets by key
 * @property {readonly Group[]} groups
 */
/** @typedef {Omit<Status, 'targets'> & GroupedTargets} ClusterStatus */

/**
 * A service or a standalone container: the targets that are listed together under one name.
 * @typedef {object} Group
 * @property {string} key
 * @property {string} name
 * @property {readonly string[]} members the keys of its targets
 * @property {ServiceStatus | undefined} swarmService
 */

/**
 * @param {Status} response
 * @returns {ClusterStatus}
 */
export function clusterStatus(response) {
  const targets = new Map(response.targets.map((target) => [target.key, target]))
  return { ...response, targets, groups: groupsOf(targets, response.services) }
}

const collator = new Intl.Collator('en', { numeric: true })

/**
 * Sorted by name, and within a group by replica, so that nothing moves when a state changes.
 * @param {ReadonlyMap<string, TargetStatus>} targets
 * @param {readonly ServiceStatus[]} services
 * @returns {Group[]}
 */
function groupsOf(targets, services) {
  const swarmServices = new Map(services.map((service) => [`service ${service.name}`, service]))
  /** @type {Map<string, { name: string, members: TargetStatus[] }>} */
  const groups = new Map()
  for (const [key, { name, mode, slots }] of swarmServices)
    if (mode === 'replicated' && slots.length > 0) groups.set(key, { name, members: [] })
  for (const target of targets.values()) {
    const key = groupKey(target)
    const group = groups.get(key) ?? { name: groupName(target), members: [] }
    groups.set(key, group)
    group.members.push(target)
  }
  return [...groups]
    .map(([key, { name, members }]) => ({
      key,
      name,
      members: members.sort(byReplica).map((target) => target.key),
      swarmService: swarmServices.get(key),
    }))
    .sort((a, b) => collator.compare(a.name, b.name) || collator.compare(a.key, b.key))
}

/**
 * @param {TargetStatus} a
 * @param {TargetStatus} b
 */
function byReplica(a, b) {
  return (
    collator.compare(a.replica, b.replica) || collator.compare(a.node, b.node) || collator.compare(a.id, b.id)
  )
}

/**
 * Standalone containers with the same name on several nodes are one group.
 * @param {TargetStatus} target
 */
function groupKey({ kind, service, stack, name }) {
  if (kind === 'replicated' || kind === 'global') return `service ${service}`
  if (kind === 'compose') return `compose ${stack} ${service}`
  return `standalone ${name}`
}

/** @param {TargetStatus} target */
function groupName({ kind, service, stack, name }) {
  if (kind === 'compose') return `${stack}_${service}`
  return service ?? name
}

/**
 * The replicas that should run but have no container.
 * @param {ServiceStatus | undefined} swarmService
 * @param {readonly TargetStatus[]} targets
 * @returns {readonly string[]}
 */
export function missingOf(swarmService, targets) {
  if (swarmService?.mode !== 'replicated') return []
  const present = new Set(targets.filter(({ state }) => state !== 'ended').map(({ replica }) => replica))
  return swarmService.slots.filter((slot) => !present.has(slot))
}

/**
 * `2 of 3 replicas`
 * @param {ServiceStatus | undefined} swarmService
 */
export function replicasText(swarmService) {
  if (swarmService === undefined || swarmService.mode === 'job') return ''
  return `${count(swarmService.running)} of ${plural(swarmService.replicas, 'replica')}`
}

/** Each that a person should know. */
const updateTexts = new Map([
  ['updating', 'updating'],
  ['paused', 'update paused'],
  ['rollback_started', 'rolling back'],
  ['rollback_paused', 'rollback paused'],
  ['rollback_completed', 'update rolled back'],
])

/** @param {ServiceStatus | undefined} swarmService */
export function updateText(swarmService) {
  return updateTexts.get(swarmService?.updateState ?? '') ?? ''
}

/**
 * What is unusual about how a container runs: `unhealthy, 3 restarts, last exit code 137, out of memory`.
 * @param {TargetStatus} target
 */
export function runText({ state, health, restarts = 0, oomKills = 0, lastExitCode = 0 }) {
  return [
    health === 'unhealthy' ? health : '',
    restarts > 0 ? plural(restarts, 'restart') : '',
    lastExitCode !== 0 && state !== 'ended' ? `last exit code ${lastExitCode}` : '',
    oomKills > 0 ? `out of memory${oomKills > 1 ? ` ${count(oomKills)} times` : ''}` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/**
 * @param {Iterable<TargetStatus>} targets
 * @returns {Map<TargetState, number>}
 */
export function countStates(targets) {
  /** @type {Map<TargetState, number>} */
  const counts = new Map()
  for (const { state } of targets) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}

/**
 * `3 up, 1 down`
 * @param {Iterable<TargetStatus>} targets
 */
export function stateCountsText(targets) {
  const counts = countStates(targets)
  return states
    .flatMap((state) => (counts.has(state) ? [`${count(counts.get(state) ?? 0)} ${state}`] : []))
    .join(', ')
}

/** @type {readonly TargetState[]} */
const scrapedStates = ['up', 'down', 'lost']

/**
 * `9 targets up, 1 down, 3 not scraped`
 * @param {Iterable<TargetStatus>} targets
 */
export function healthText(targets) {
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { state } of targets) {
    const name = scrapedStates.includes(state) ? state : 'not scraped'
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...scrapedStates, 'not scraped']
    .flatMap((name) => (counts.has(name) ? [{ name, amount: counts.get(name) ?? 0 }] : []))
    .map(({ name, amount }, at) => `${at === 0 ? plural(amount, 'target') : count(amount)} ${name}`)
    .join(', ')
}

/**
 * For how long something has lasted.
 * @param {number | undefined} since
 * @param {number} now
 * @param {boolean} isOlder whether it may have begun earlier
 */
export function sinceText(since, now, isOlder = false) {
  return since === undefined ? '' : `for ${age(now - since)}${isOlder ? ' or longer' : ''}`
}

/**
 * Whether a target matches the filters. Each word must be in one of its fields.
 * @param {Query} query
 * @returns {(target: TargetStatus) => boolean}
 */
export function matcher({ search, states: wanted, node, stack }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return (target) =>
    (wanted.length === 0 || wanted.includes(target.state)) &&
    (node === '' || target.nodeId === node) &&
    (stack === '' || target.stack === stack) &&
    (words.length === 0 || containsAll(textOf(target), words))
}

/**
 * @param {string} text
 * @param {readonly string[]} words
 */
function containsAll(text, words) {
  return words.every((word) => text.includes(word))
}

/** @param {TargetStatus} target */
function textOf(target) {
  const { service, name, stack, replica, node, image, id, state, endpoint, failure, remarks } = target
  const parts = [
    service,
    `${service}.${replica}`,
    target.instance,
    name,
    stack,
    node,
    image,
    id,
    state,
    endpoint?.url,
    endpoint?.source,
  ]
  return [...parts, failure?.reason, failure?.hint, ...remarks, runText(target)].join('\n').toLowerCase()
}

/**
 * A problem of the cluster, or targets that fail for the same reason.
 * @typedef {object} AttentionItem
 * @property {string} key
 * @property {Problem['severity']} severity
 * @property {string} title empty for a single target
 * @property {string} text
 * @property {string | undefined} hint
 * @property {number | undefined} since when it began
 * @property {boolean} isOlder whether it may have begun earlier
 * @property {readonly TargetStatus[]} targets
 */

/** Why a target may be unscraped without needing attention. */
const expectedCodes = ['no_metrics', 'paused', 'disabled']
/** The exit code after SIGTERM, with which each update of a service stops containers. */
const exitCodeTerminated = 143

/**
 * Sorted by severity; problems of the cluster before those of targets, and the reason that most targets share first.
 * @param {ClusterStatus} status
 * @returns {AttentionItem[]}
 */
export function attentionItems({ problems, targets }) {
  /** @type {AttentionItem[]} */
  const items = problems.map(({ key, severity, about, text, hint, since }) => ({
    key: `problem ${key}`,
    severity,
    title: titles[about],
    text,
    hint,
    since: about === 'node' ? since : undefined,
    isOlder: false,
    targets: [],
  }))
  const failing = [...targets.values()].filter((target) => severityOf(target) !== undefined)
  const alike = Map.groupBy(failing, (target) =>
    JSON.stringify([severityOf(target), target.failure?.reason, target.failure?.hint]),
  )
  items.push(...[...alike].map(([key, members]) => itemOf(key, members)))
  return items.sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      rankOf(a) - rankOf(b) ||
      collator.compare(a.title, b.title),
  )
}

/**
 * Problems of the cluster, then reasons by the number of targets.
 * @param {AttentionItem} item
 */
function rankOf({ targets }) {
  return targets.length === 0 ? Number.MIN_SAFE_INTEGER : -targets.length
}

/**
 * Undefined: the target needs no attention.
 * @param {TargetStatus} target
 * @returns {Problem['severity'] | undefined}
 */
export function severityOf({ state, failure, ended }) {
  if (state === 'down') return 'error'
  if (state === 'unscraped' && !expectedCodes.includes(failure?.code ?? 'internal')) return 'warning'
  return ended?.exitCode && ended.exitCode !== exitCodeTerminated ? 'warning' : undefined
}

/**
 * @param {string} key
 * @param {readonly TargetStatus[]} members of the same reason
 * @returns {AttentionItem}
 */
function itemOf(key, members) {
  const sorted = members.toSorted((a, b) => collator.compare(a.instance, b.instance))
  const [first] = sorted
  const { reason = '', hint } = first?.failure ?? {}
  const isOne = sorted.length === 1
  const times = sorted.flatMap(({ downSince }) => downSince ?? [])
  return {
    key: isOne ? `target ${first?.key}` : `targets ${key}`,
    severity: (first && severityOf(first)) ?? 'error',
    title: isOne && first ? first.instance : `${count(sorted.length)} × ${reason}`,
    text: isOne ? reason : '',
    hint,
    since: times.length > 0 ? Math.min(...times) : undefined,
    isOlder: sorted.some(({ lastSuccess }) => lastSuccess === undefined),
    targets: sorted,
  }
}

/** @type {readonly Problem['severity'][]} */
const severities = ['error', 'warning', 'notice']

/** @type {Readonly<Record<Problem['about'], string>>} */
const titles = {
  internal: 'Internal error',
  discovery: 'Docker',
  node: 'Node',
  peer: 'Peer',
  swarm: 'Swarm',
  version: 'Versions',
  rule: 'Rule',
  name: 'Name',
  configuration: 'Configuration',
  memory: 'Memory',
}

/**
 * The first part of its instance.
 * @param {TargetStatus} target
 */
export function baseNameOf({ kind, service, name }) {
  return kind === 'replicated' || kind === 'global' ? (service ?? name) : name
}

/**
 * What follows in its instance: `.2`, `@node3`.
 * @param {TargetStatus} target
 */
export function suffixOf(target) {
  return target.instance.slice(baseNameOf(target).length)
}
