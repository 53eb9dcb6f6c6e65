// What the page knows: the last answers put together, and what is read off them. Pure.

/** @import { Problem, ServiceStatus, TargetState, Status, TargetStatus } from '../shape.ts' */
/** @import { Query } from './query.js' */
import { count, plural } from './format.js'

/** @type {readonly TargetState[]} The order in which states are listed. */
export const states = ['up', 'down', 'lost', 'searching', 'unscraped', 'off', 'ended']

/**
 * @typedef {object} Extra
 * @property {ReadonlyMap<string, TargetStatus>} targets
 * @property {readonly Group[]} groups the same object as long as nothing came, went or was renamed
 */
/** @typedef {Omit<Status, 'targets' | 'gone' | 'partial'> & Extra} Known */

/**
 * A service, or a container that stands alone: what has one name and is listed together.
 * @typedef {object} Group
 * @property {string} key
 * @property {string} name
 * @property {readonly string[]} members the keys of its targets
 * @property {ServiceStatus | undefined} declared
 */

/**
 * @param {Known | undefined} known
 * @param {Status} answer
 * @returns {Known}
 */
export function take(known, answer) {
  const { targets: changed, gone, partial, ...head } = answer
  const targets = new Map(partial ? known?.targets : [])
  for (const key of gone) targets.delete(key)
  for (const target of changed) targets.set(target.key, target)
  const kept = partial && known && gone.length === 0 && changed.every((target) => isPlaced(target, known))
  const sameServices = JSON.stringify(known?.services) === JSON.stringify(head.services)
  return { ...head, targets, groups: kept && sameServices ? known.groups : groupsOf(targets, head.services) }
}

/**
 * @param {TargetStatus} target
 * @param {Known} known
 */
function isPlaced(target, known) {
  const before = known.targets.get(target.key)
  return before !== undefined && before.path === target.path && before.node === target.node
}

const collator = new Intl.Collator('en', { numeric: true })

/**
 * By name, and within a group by replica: an order in which nothing moves when a state changes.
 * @param {ReadonlyMap<string, TargetStatus>} targets
 * @param {readonly ServiceStatus[]} services
 * @returns {Group[]}
 */
export function groupsOf(targets, services) {
  const declared = new Map(services.map((service) => [`service ${service.name}`, service]))
  /** @type {Map<string, { name: string, members: TargetStatus[] }>} */
  const groups = new Map()
  for (const [key, { name, mode, slots }] of declared)
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
      declared: declared.get(key),
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
 * Containers of one name, one a node, belong together for the eye.
 * @param {TargetStatus} target
 */
function groupKey({ kind, service, stack, name }) {
  if (kind === 'replicated' || kind === 'global') return `service ${service}`
  if (kind === 'compose') return `compose ${stack} ${service}`
  return `alone ${name}`
}

/** @param {TargetStatus} target */
function groupName({ kind, service, stack, name }) {
  if (kind === 'compose') return `${stack}_${service}`
  return service ?? name
}

/**
 * The replicas that are meant to run and of which no container is known.
 * @param {ServiceStatus | undefined} declared
 * @param {readonly TargetStatus[]} targets
 * @returns {readonly string[]}
 */
export function missingOf(declared, targets) {
  if (declared?.mode !== 'replicated') return []
  const present = new Set(targets.filter(({ state }) => state !== 'ended').map(({ replica }) => replica))
  return declared.slots.filter((slot) => !present.has(slot))
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
export function sayStates(targets) {
  const counts = countStates(targets)
  return states
    .flatMap((state) => (counts.has(state) ? [`${count(counts.get(state) ?? 0)} ${state}`] : []))
    .join(', ')
}

/** @type {readonly TargetState[]} */
const vital = ['up', 'down', 'lost']

/**
 * The same in short: what doesn't concern the health of what is scraped is one number.
 * @param {Iterable<TargetStatus>} targets
 */
export function sayHealth(targets) {
  const counts = countStates(targets)
  const said = vital.flatMap((state) =>
    counts.has(state) ? [`${count(counts.get(state) ?? 0)} ${state}`] : [],
  )
  const others = [...counts].reduce((sum, [state, amount]) => sum + (vital.includes(state) ? 0 : amount), 0)
  if (others > 0) said.push(plural(others, 'other'))
  return said.join(', ')
}

/**
 * Whether the target is to be shown. Each word must be found somewhere.
 * @param {Query} query
 * @returns {(target: TargetStatus) => boolean}
 */
export function matcher({ q, states: wanted, node, stack }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  return (target) =>
    (wanted.length === 0 || wanted.includes(target.state)) &&
    (node === '' || target.nodeId === node) &&
    (stack === '' || target.stack === stack) &&
    (words.length === 0 || holds(textOf(target), words))
}

/**
 * @param {string} text
 * @param {readonly string[]} words
 */
function holds(text, words) {
  return words.every((word) => text.includes(word))
}

/** @type {WeakMap<TargetStatus, string>} */
const texts = new WeakMap()

/** @param {TargetStatus} target */
function textOf(target) {
  const known = texts.get(target)
  if (known !== undefined) return known
  const { service, name, stack, replica, node, image, id, state, endpoint, trouble, remarks } = target
  const parts = [
    service,
    `${service}.${replica}`,
    name,
    stack,
    node,
    image,
    id,
    state,
    endpoint?.url,
    endpoint?.why,
  ]
  const text = [...parts, trouble?.reason, trouble?.hint, ...remarks].join('\n').toLowerCase()
  texts.set(target, text)
  return text
}

/**
 * What needs a person, in the order of urgency: problems of the cluster, then targets.
 * @typedef {{ key: string, severity: Problem['severity'], title: string, text: string, hint?: string | undefined, target?: TargetStatus }} Need
 */

/** What isn't scraped and is meant to be so. */
const atRest = ['no_metrics', 'paused', 'disabled']
/** The exit code of what ended by SIGTERM, as it was told to: each update of a service does so. */
const terminated = 143

/**
 * @param {Known} known
 * @returns {Need[]}
 */
export function needsOf({ problems, targets }) {
  /** @type {Need[]} */
  const needs = problems.map(({ key, severity, about, text, hint }) => ({
    key: `problem ${key}`,
    severity,
    title: titles[about],
    text,
    hint,
  }))
  for (const target of targets.values()) {
    const { key, state, trouble, ended } = target
    const { reason = '', hint, code = 'internal' } = trouble ?? {}
    const need = { key: `target ${key}`, title: titleOf(target), text: reason, hint, target }
    if (state === 'down') needs.push({ ...need, severity: 'error' })
    else if (state === 'unscraped' && !atRest.includes(code)) needs.push({ ...need, severity: 'warning' })
    else if (ended?.exitCode && ended.exitCode !== terminated) needs.push({ ...need, severity: 'warning' })
  }
  return needs.sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      Number(!!a.target) - Number(!!b.target) ||
      collator.compare(a.title, b.title),
  )
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
 * A target's name as it is in labels: `demo_web.2`, `demo_node@node3`.
 * @param {TargetStatus} target
 */
export function titleOf(target) {
  return `${stemOf(target)}${suffixOf(target)}`
}

/** @param {TargetStatus} target */
export function stemOf({ kind, service, name }) {
  return kind === 'replicated' || kind === 'global' ? (service ?? name) : name
}

/** @param {TargetStatus} target */
export function suffixOf({ kind, replica, node }) {
  return kind === 'replicated' ? `.${replica}` : `@${node}`
}
