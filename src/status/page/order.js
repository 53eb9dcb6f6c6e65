// The order of the table: failures first, or by a column. Pure.

/** @import { TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus, Group } from './model.js' */
import { missingOf } from './model.js'

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
  return groups
    .map((group) => {
      const members = group.members.flatMap((key) => targets.get(key) ?? [])
      const sorted = valueIn
        ? members.toSorted((a, b) => sign * compare(valueIn([a]), valueIn([b])))
        : members.toSorted((a, b) => Number(isFailing(b)) - Number(isFailing(a)))
      const value = valueIn ? valueIn(members) : -Number(hasFailure(group, members))
      return { group: { ...group, members: sorted.map(({ key }) => key) }, name: group.name, value }
    })
    .sort((a, b) =>
      column === 'target' ? sign * compare(a.name, b.name) : (valueIn ? sign : 1) * compare(a.value, b.value),
    )
    .map(({ group }) => group)
}

/** @param {TargetStatus} target */
function isFailing({ state }) {
  return state === 'down'
}

/**
 * @param {Group} group
 * @param {readonly TargetStatus[]} members
 */
function hasFailure({ declared }, members) {
  return members.some(isFailing) || missingOf(declared, members).length > 0
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
