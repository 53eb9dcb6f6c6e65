// The table of targets: a group for each service, a row for each replica. Rows are created in several frames, so that
// two thousand of them don't delay the first paint, and only changed cells are updated.

import { createMatrix } from './charts.js'
/** @import { ServiceStatus, TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus, Group } from './model.js' */
/** @import { Query } from './query.js' */
import { get, make, setAttribute, setHidden, setText } from './dom.js'
import { bytes, count, plural } from './format.js'
import { matcher, missingOf, replicasText, stateCountsText, updateText } from './model.js'
import { nextSort, sortableColumns, sortGroups } from './order.js'
import { isFiltered } from './query.js'
import { createRow } from './row.js'

/** With more targets, services without failures start collapsed; with more that fail, all services do. */
const maxExpanded = 250
const calmStates = ['up', 'off', 'lost']
const frameBudgetMs = 12

/**
 * @typedef {object} TableInput
 * @property {ClusterStatus} status
 * @property {Query} query
 * @property {number} now
 */

/** @param {(sort: string) => void} onSort */
export function createTable(onSort) {
  const table = get('targets')
  const showSort = createSort(onSort)
  /** @type {Map<string, ReturnType<typeof createGroup>>} */
  const shown = new Map()
  /** @type {TableInput | undefined} */
  let input
  let frame = 0

  /** @param {TableInput} next */
  function update(next) {
    input = next
    const groups = sortGroups(next.status, next.query.sort)
    const wanted = new Set(groups.map(({ key }) => key))
    for (const [key, { element }] of shown)
      if (!wanted.has(key)) {
        element.remove()
        shown.delete(key)
      }
    cancelAnimationFrame(frame)
    build(groups, 0, table.children[1] ?? null)
    showCount(next)
    showSort(next.query.sort)
  }

  /**
   * Shows the groups from index `at` on, starting before the element `place`.
   * @param {readonly Group[]} groups
   * @param {number} at
   * @param {Element | null} place
   */
  function build(groups, at, place) {
    const { status, query, now } = /** @type {TableInput} */ (input)
    const deadline = performance.now() + frameBudgetMs
    const view = { status, now, matches: matcher(query), filtered: isFiltered(query), open: query.target }
    const isLarge = status.targets.size > maxExpanded
    const failing = groups.flatMap(({ members }) => members.filter((key) => !isCalm(status.targets.get(key))))
    const startsCollapsed = failing.length > maxExpanded
    let next = place
    for (let index = at; index < groups.length; index += 1) {
      const group = /** @type {Group} */ (groups[index])
      const one =
        shown.get(group.key) ?? createGroup({ isLarge, startsCollapsed }, () => input && update(input))
      shown.set(group.key, one)
      if (one.element === next) next = next.nextElementSibling
      else table.insertBefore(one.element, next)
      one.update(group, view)
      if (performance.now() > deadline && index + 1 < groups.length) {
        frame = requestAnimationFrame(() => build(groups, index + 1, next))
        return
      }
    }
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
 */

/**
 * A lost node is shown above and expands none of its services.
 * @param {TargetStatus | undefined} target
 */
function isCalm(target) {
  return target === undefined || calmStates.includes(target.state)
}

/**
 * @param {object} start
 * @param {boolean} start.isLarge whether groups without failures start collapsed
 * @param {boolean} start.startsCollapsed whether all do
 * @param {() => void} onToggle
 */
function createGroup({ isLarge, startsCollapsed }, onToggle) {
  const element = make('div', { role: 'rowgroup', class: 'group' })
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map()
  /** @type {ReturnType<typeof createHead> | undefined} */
  let head
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
    /**
     * @param {Group} group
     * @param {GroupContext} context
     */
    update(group, { status, now, matches, filtered, open }) {
      const targets = group.members.flatMap((key) => status.targets.get(key) ?? [])
      const missing = missingOf(group.declared, targets)
      const matching = filtered ? targets.filter(matches) : targets
      const isUsual = targets.length === 1 && missing.length === 0
      const hasHead = !isUsual || isLow(group.declared) || updateText(group.declared) !== ''
      startsExpanded ??= !isLarge || (!startsCollapsed && !targets.every(isCalm))
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
      const wanted = new Set(visible.map(({ key }) => key))
      for (const [key, row] of rows)
        if (!wanted.has(key)) {
          row.element.remove()
          rows.delete(key)
        }
      const rowContext = {
        now,
        isGrouped: hasHead,
        staleAfter: status.settings.staleAfter,
        selected: open,
      }
      let place = head ? head.element.nextElementSibling : element.firstElementChild
      for (const target of visible) {
        const row = rows.get(target.key) ?? createRow(target)
        rows.set(target.key, row)
        if (row.element === place) place = place.nextElementSibling
        else element.insertBefore(row.element, place)
        row.update(target, rowContext)
      }
      element.style.setProperty('--lines', `${visible.length + (hasHead ? 1 : 0)}`)
    },
  }
}

/** @param {ServiceStatus | undefined} declared */
function isLow(declared) {
  return declared !== undefined && declared.mode !== 'job' && declared.running < declared.replicas
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
  const matrix = createMatrix(matrixColumns)
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
      setText(kind, group.declared?.mode ?? all[0]?.kind ?? '')
      setAttribute(button, 'aria-expanded', `${isExpanded}`)
      const part = matching.length < all.length ? `, ${count(matching.length)} of ${count(all.length)}` : ''
      setText(states, `${stateCountsText(matching)}${part}`)
      setText(replicas, replicasText(group.declared))
      setAttribute(replicas, 'data-low', `${isLow(group.declared)}`)
      setText(update, updateText(group.declared))
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
