// The order of the table: failures first, or by a column. Pure.

/** @import { TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus, Group } from './model.js' */
import { missingOf, severityOf } from './model.js'

/** The first click on one of these sorts by name, on the others by the largest number. */
const textColumns = ['target', 'node']

/**
 * The value of a group, or of one target, in a column.
 * @type {ReadonlyMap<string, (members: readonly TargetStatus[]) => string | number>}
 */
const columns = new Map(
  /** @type {[string, (members: readonly TargetStatus[]) => string | number][]} */ ([
    // within a group the targets keep the order of their replicas
    ['target', () => 0],
    ['node', (members) => members[0]?.node ?? ''],
    ['series', (members) => sum(members.map(({ series = 0 }) => series))],
    ['size', (members) => sum(members.map(({ bytes = 0 }) => bytes))],
    ['duration', (members) => Math.max(0, ...members.map(({ duration = 0 }) => duration))],
    // the older the scrape, the smaller its time
    ['age', (members) => -Math.min(...members.map(({ scraped = Number.MAX_SAFE_INTEGER }) => scraped))],
  ]),
)

/** The columns by which the table can be sorted; `-` before one: descending. */
export const sortableColumns = [...columns.keys()]

const collator = new Intl.Collator('en', { numeric: true })

/**
 * The next order after a click on a column's heading: first one direction, then the other, then failures first.
 * @param {string} sort
 * @param {string} column
 */
export function nextSort(sort, column) {
  const [first, second] = textColumns.includes(column) ? [column, `-${column}`] : [`-${column}`, column]
  if (sort === first) return second
  return sort === second ? '' : first
}

/**
 * The groups and their members in the order that `sort` names; equals stay sorted by name.
 * @param {ClusterStatus} status
 * @param {string} sort
 * @returns {readonly Group[]}
 */
export function sortGroups({ groups, targets }, sort) {
  const column = sort.replace(/^-/, '')
  const sign = sort.startsWith('-') ? -1 : 1
  const valueIn = columns.get(column)
  const found = groups.map((group) => ({
    group,
    members: group.members.flatMap((key) => targets.get(key) ?? []),
  }))
  if (!valueIn) return failuresFirst(found)
  return found
    .map(({ group, members }) => {
      const sorted = members.toSorted((a, b) => sign * compare(valueIn([a]), valueIn([b])))
      return { group: withMembers(group, sorted), value: column === 'target' ? group.name : valueIn(members) }
    })
    .sort((a, b) => sign * compare(a.value, b.value))
    .map(({ group }) => group)
}

/**
 * How much a target or group needs an operator.
 * @typedef {object} Urgency
 * @property {number} rank 0: the most
 * @property {number} minute when it went down; in minutes, so that what failed together stays sorted by name
 */

const ranks = { down: 0, lost: 1, otherProblem: 2, missingReplica: 3, noMetrics: 4, searching: 5, none: 6 }
/** @type {Urgency} */
const missingReplica = { rank: ranks.missingReplica, minute: 0 }

/**
 * The worst first, and of these the newest. A group is as urgent as the worst of it.
 * @param {readonly { readonly group: Group, readonly members: readonly TargetStatus[] }[]} found
 * @returns {readonly Group[]}
 */
function failuresFirst(found) {
  return found
    .map(({ group, members }) => {
      const sorted = members
        .map((target) => ({ target, urgency: urgencyOf(target) }))
        .sort((a, b) => compareUrgency(a.urgency, b.urgency))
      const urgencies = sorted.map(({ urgency }) => urgency)
      if (missingOf(group.swarmService, members).length > 0) urgencies.push(missingReplica)
      const urgency = urgencies.toSorted(compareUrgency)[0] ?? missingReplica
      return {
        group: withMembers(
          group,
          sorted.map(({ target }) => target),
        ),
        urgency,
      }
    })
    .sort((a, b) => compareUrgency(a.urgency, b.urgency))
    .map(({ group }) => group)
}

/**
 * @param {TargetStatus} target
 * @returns {Urgency}
 */
function urgencyOf(target) {
  return { rank: rankOf(target), minute: Math.floor((target.downSince ?? 0) / 60) }
}

/** @param {TargetStatus} target */
function rankOf(target) {
  const { state } = target
  if (state === 'down' || state === 'lost' || state === 'searching') return ranks[state]
  if (severityOf(target) !== undefined) return ranks.otherProblem
  return state === 'unscraped' ? ranks.noMetrics : ranks.none
}

/**
 * @param {Urgency} a
 * @param {Urgency} b
 */
function compareUrgency(a, b) {
  return a.rank - b.rank || b.minute - a.minute
}

/**
 * @param {Group} group
 * @param {readonly TargetStatus[]} members
 * @returns {Group}
 */
function withMembers(group, members) {
  return { ...group, members: members.map(({ key }) => key) }
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0)
}

/**
 * @param {string | number} a
 * @param {string | number} b
 */
function compare(a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(`${a}`, `${b}`)
}
