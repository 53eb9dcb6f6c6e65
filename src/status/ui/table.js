// The table of targets: a group for each service, a row for each replica. Rows are created in several frames, so that
// two thousand of them don't delay the first paint, and only changed cells are updated.

import { createStateMatrix } from './charts.js'
/** @import { ServiceStatus, TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus, Group } from './model.js' */
/** @import { Query } from './query.js' */
/** @import { RowItem } from './row.js' */
import { get, keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { bytes, count, plural } from './format.js'
import { matcher, missingOf, replicasText, stateCountsText, updateText } from './model.js'
import { nextSort, sortableColumns, sortGroups } from './order.js'
import { isFiltered } from './query.js'
import { createRow } from './row.js'

/** With more targets, services without failures start collapsed; with more that fail, all services do. */
const maxExpanded = 250
const quietStates = ['up', 'off', 'lost']
const frameBudgetMs = 12

/**
 * @typedef {object} TableInput
 * @property {ClusterStatus} status
 * @property {Query} query
 * @property {number} now
 */

/** @param {(sort: string) => void} onSort */
export function createTable(onSort) {
  const showSort = createSort(onSort)
  /** @type {TableInput | undefined} */
  let input
  /** @type {(items: readonly { group: Group, context: GroupContext }[]) => void} */
  const showGroups = keyedList(get('targets'), {
    keyOf: ({ group }) => group.key,
    create: ({ context }) => createGroup(context, () => input && update(input)),
    skip: () => 1,
    frameBudgetMs,
  })

  /** @param {TableInput} next */
  function update(next) {
    input = next
    const { status, query, now } = next
    const all = [...status.targets.values()]
    const context = {
      ...{ status, now, matches: matcher(query), filtered: isFiltered(query), open: query.target },
      isLarge: all.length > maxExpanded,
      startsCollapsed: all.filter((target) => !isQuiet(target)).length > maxExpanded,
    }
    showGroups(sortGroups(status, query.sort).map((group) => ({ group, context })))
    showCount(next)
    showSort(query.sort)
  }

  return update
}

/**
 * A click on a heading sorts by its column.
 * @param {(sort: string) => void} onSort
 */
function createSort(onSort) {
  let current = ''
  const headings = sortableColumns.map((column) => {
    const heading = get(`sort-${column}`)
    heading.addEventListener('click', () => onSort(nextSort(current, column)))
    return { column, cell: /** @type {Element} */ (heading.parentElement) }
  })
  const select = /** @type {HTMLSelectElement} */ (get('sort'))
  select.addEventListener('change', () => onSort(select.value))
  return (/** @type {string} */ sort) => {
    current = sort
    for (const { column, cell } of headings) setAttribute(cell, 'aria-sort', direction(sort, column))
    if (select.value !== sort) select.value = sort
  }
}

/**
 * @param {string} sort
 * @param {string} column
 */
function direction(sort, column) {
  if (sort === column) return 'ascending'
  return sort === `-${column}` ? 'descending' : 'none'
}

/** @param {TableInput} input */
function showCount({ status, query }) {
  const all = status.targets.size
  const matching = isFiltered(query) ? [...status.targets.values()].filter(matcher(query)).length : all
  const total = plural(all, 'target')
  setText(get('count'), matching === all ? total : `${count(matching)} of ${total}`)
  const empty = get('empty')
  setHidden(empty, matching > 0 || (all === 0 && status.groups.length > 0))
  setHidden(get('targets'), status.groups.length === 0)
  setText(
    empty,
    all === 0
      ? 'No containers are known yet. The agent discovers those of its node, and receives the others from its peers.'
      : 'No target matches. Clear the filters to see all targets.',
  )
}

/**
 * @typedef {object} GroupContext
 * @property {ClusterStatus} status
 * @property {number} now
 * @property {(target: TargetStatus) => boolean} matches
 * @property {boolean} filtered
 * @property {string} open the key of the target whose details are open
 * @property {boolean} isLarge whether groups without failures start collapsed
 * @property {boolean} startsCollapsed whether all do
 */

/**
 * A lost node is shown above and expands none of its services.
 * @param {TargetStatus} target
 */
function isQuiet({ state }) {
  return quietStates.includes(state)
}

/**
 * @param {GroupContext} context
 * @param {() => void} onToggle
 */
function createGroup({ isLarge, startsCollapsed }, onToggle) {
  const element = make('div', { role: 'rowgroup', class: 'group' })
  /** @type {ReturnType<typeof createHead> | undefined} */
  let head
  /** @type {(items: readonly RowItem[]) => void} */
  const showRows = keyedList(element, {
    keyOf: ({ target }) => target.key,
    create: ({ target }) => createRow(target),
    skip: () => (head ? 1 : 0),
  })
  /**
   * Whether it started expanded. Decided once, so that nothing expands or collapses by itself later.
   * @type {boolean | undefined}
   */
  let startsExpanded
  /** @type {boolean | undefined} */
  let userChoice
  let isExpanded = true

  return {
    element,
    /** @param {{ readonly group: Group, readonly context: GroupContext }} item */
    update({ group, context: { status, now, matches, filtered, open } }) {
      const targets = group.members.flatMap((key) => status.targets.get(key) ?? [])
      const missing = missingOf(group.swarmService, targets)
      const matching = filtered ? targets.filter(matches) : targets
      const isSingle = targets.length === 1 && missing.length === 0
      const hasHead = !isSingle || isBelowDesired(group.swarmService) || updateText(group.swarmService) !== ''
      startsExpanded ??= !isLarge || (!startsCollapsed && !targets.every(isQuiet))
      isExpanded = !hasHead || (userChoice ?? (filtered ? matching.length <= maxExpanded : startsExpanded))

      if (hasHead && !head) {
        head = createHead(() => {
          userChoice = !isExpanded
          onToggle()
        })
        element.prepend(head.element)
      } else if (!hasHead && head) {
        head.element.remove()
        head = undefined
      }
      head?.update(group, { all: targets, matching, missing, isExpanded })
      setHidden(element, filtered && matching.length === 0)

      const visible = isExpanded ? matching : []
      const { staleAfter } = status.config
      showRows(
        visible.map((target) => {
          const isSelected = target.key === open
          return { target, now, isGrouped: hasHead, staleAfter, isSelected }
        }),
      )
      element.style.setProperty('--lines', `${visible.length + (hasHead ? 1 : 0)}`)
    },
  }
}

/** @param {ServiceStatus | undefined} swarmService */
function isBelowDesired(swarmService) {
  return (
    swarmService !== undefined && swarmService.mode !== 'job' && swarmService.running < swarmService.replicas
  )
}

const matrixColumns = 40

/** @param {() => void} onToggle */
function createHead(onToggle) {
  const name = make('span', { class: 'base-name' })
  const kind = make('span', { class: 'tag' })
  const button = make(
    'button',
    { type: 'button', class: 'toggle' },
    make('span', { class: 'caret', 'aria-hidden': 'true' }),
    name,
  )
  const replicas = make('span', { class: 'replicas' })
  const states = make('span', { class: 'states' })
  const update = make('span', { class: 'missing' })
  const missing = make('span', { class: 'missing' })
  const matrix = createStateMatrix(matrixColumns)
  const series = make('span', { role: 'cell', class: 'number series' })
  const size = make('span', { role: 'cell', class: 'number size' })
  button.addEventListener('click', onToggle)
  const element = make(
    'div',
    { role: 'row', class: 'row service' },
    make('span', { role: 'rowheader', class: 'name-cell' }, button, kind),
    make('span', { role: 'cell', class: 'summary' }, matrix.element, replicas, states, update, missing),
    series,
    size,
  )
  return {
    element,
    /**
     * @param {Group} group
     * @param {object} shown
     * @param {readonly TargetStatus[]} shown.all
     * @param {readonly TargetStatus[]} shown.matching
     * @param {readonly string[]} shown.missing
     * @param {boolean} shown.isExpanded
     */
    update(group, { all, matching, missing: absent, isExpanded }) {
      setText(name, group.name)
      setText(kind, group.swarmService?.mode ?? all[0]?.kind ?? '')
      setAttribute(button, 'aria-expanded', `${isExpanded}`)
      const part = matching.length < all.length ? `, ${count(matching.length)} of ${count(all.length)}` : ''
      setText(states, `${stateCountsText(matching)}${part}`)
      setText(replicas, replicasText(group.swarmService))
      setAttribute(replicas, 'data-low', `${isBelowDesired(group.swarmService)}`)
      setText(update, updateText(group.swarmService))
      setText(missing, missingText(absent))
      setHidden(missing, absent.length === 0)
      matrix.update(matching.map(({ state }) => state))
      const scraped = matching.filter((target) => target.series !== undefined)
      setText(series, scraped.length > 0 ? count(sum(scraped, 'series')) : '')
      setText(size, scraped.length > 0 ? bytes(sum(scraped, 'bytes')) : '')
    },
  }
}

const maxNamedSlots = 6

/** @param {readonly string[]} slots */
function missingText(slots) {
  const named = slots.slice(0, maxNamedSlots).join(', ')
  const more = slots.length > maxNamedSlots ? ` and ${slots.length - maxNamedSlots} more` : ''
  return `no container for ${slots.length === 1 ? 'replica' : 'replicas'} ${named}${more}`
}

/**
 * @param {readonly TargetStatus[]} targets
 * @param {'series' | 'bytes'} what
 */
function sum(targets, what) {
  return targets.reduce((total, target) => total + (target[what] ?? 0), 0)
}
