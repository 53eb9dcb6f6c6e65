// The targets: a group for each service, a row for each replica. Rows are made a few at a time, so that two
// thousand of them don't hold up the first paint, and changed only where something changed.

/** @import { TargetStatus } from '../shape.ts' */
/** @import { Group, Known } from './model.js' */
/** @import { Query } from './query.js' */
import { get, make, setAttribute, setHidden, setText } from './dom.js'
import { createMatrix } from './drawings.js'
import { bytes, count } from './format.js'
import { matcher, missingOf, sayStates } from './model.js'
import { isFiltered } from './query.js'
import { createRow } from './row.js'

/** Above so many targets, services of which nothing is amiss start folded. */
const mostUnfolded = 250
/** What is amiss with a whole node stands there, and unfolds none of its services. */
const calm = ['up', 'off', 'lost']
/** Milliseconds for making rows before the browser may paint again. */
const slice = 12

/**
 * @typedef {object} Scene
 * @property {Known} known
 * @property {Query} query
 * @property {number} now
 */

export function createTable() {
  const table = get('targets')
  /** @type {Map<string, ReturnType<typeof createGroup>>} */
  const shown = new Map()
  /** @type {Scene | undefined} */
  let scene
  let building = 0

  /** @param {Scene} next */
  function update(next) {
    scene = next
    const wanted = new Set(next.known.groups.map(({ key }) => key))
    for (const [key, { element }] of shown)
      if (!wanted.has(key)) {
        element.remove()
        shown.delete(key)
      }
    cancelAnimationFrame(building)
    build(0, table.children[1] ?? null)
    say(next)
  }

  /**
   * Shows the groups from `at` on, the first of which belongs at `place`.
   * @param {number} at
   * @param {Element | null} place
   */
  function build(at, place) {
    const { known, query, now } = /** @type {Scene} */ (scene)
    const until = performance.now() + slice
    const view = { known, now, fits: matcher(query), filtered: isFiltered(query), open: query.target }
    const folded = known.targets.size > mostUnfolded
    let next = place
    for (let index = at; index < known.groups.length; index += 1) {
      const group = /** @type {Group} */ (known.groups[index])
      const one = shown.get(group.key) ?? createGroup(folded, () => scene && update(scene))
      shown.set(group.key, one)
      if (one.element === next) next = next.nextElementSibling
      else table.insertBefore(one.element, next)
      one.update(group, view)
      if (performance.now() > until && index + 1 < known.groups.length) {
        building = requestAnimationFrame(() => build(index + 1, next))
        return
      }
    }
  }

  return update
}

/** @param {Scene} scene */
function say({ known, query }) {
  const all = known.targets.size
  const fits = matcher(query)
  const matching = isFiltered(query) ? [...known.targets.values()].filter(fits).length : all
  setText(get('count'), matching === all ? count(all) : `${count(matching)} of ${count(all)}`)
  const empty = get('empty')
  setHidden(empty, matching > 0 || (all === 0 && known.groups.length > 0))
  setText(
    empty,
    all === 0
      ? 'No containers are known yet. The agent looks for those of its node, and hears of the others from its peers.'
      : 'Nothing matches. Clear the filters to see all targets.',
  )
}

/**
 * @typedef {object} View
 * @property {Known} known
 * @property {number} now
 * @property {(target: TargetStatus) => boolean} fits
 * @property {boolean} filtered
 * @property {string} open the key of the target whose details are open
 */

/**
 * @param {boolean} large whether the cluster is so large that what is calm starts folded
 * @param {() => void} onToggle
 */
function createGroup(large, onToggle) {
  const element = make('div', { role: 'rowgroup', class: 'group' })
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map()
  /** @type {ReturnType<typeof createHead> | undefined} */
  let head
  /**
   * Whether it was to be unfolded when it was first seen: nothing jumps by itself later.
   * @type {boolean | undefined}
   */
  let first
  /** @type {boolean | undefined} */
  let chosen
  let unfolded = true

  return {
    element,
    /**
     * @param {Group} group
     * @param {View} view
     */
    update(group, { known, now, fits, filtered, open }) {
      const targets = group.members.flatMap((key) => known.targets.get(key) ?? [])
      const missing = missingOf(group.declared, targets)
      const matching = filtered ? targets.filter(fits) : targets
      const headed = targets.length !== 1 || missing.length > 0
      first ??= !large || !targets.every(({ state }) => calm.includes(state))
      unfolded = !headed || (chosen ?? (filtered ? matching.length <= mostUnfolded : first))

      if (headed && !head) {
        head = createHead(() => {
          chosen = !unfolded
          onToggle()
        })
        element.prepend(head.element)
      } else if (!headed && head) {
        head.element.remove()
        head = undefined
      }
      head?.update(group, targets, missing, unfolded)
      setHidden(element, filtered && matching.length === 0)

      const visible = unfolded ? matching : []
      const wanted = new Set(visible.map(({ key }) => key))
      for (const [key, row] of rows)
        if (!wanted.has(key)) {
          row.element.remove()
          rows.delete(key)
        }
      const scene = { now, headed, staleAfter: known.settings.staleAfter, chosen: open }
      let place = head ? head.element.nextElementSibling : element.firstElementChild
      for (const target of visible) {
        const row = rows.get(target.key) ?? createRow(target)
        rows.set(target.key, row)
        if (row.element === place) place = place.nextElementSibling
        else element.insertBefore(row.element, place)
        row.update(target, scene)
      }
      element.style.setProperty('--lines', `${visible.length + (headed ? 1 : 0)}`)
    },
  }
}

const matrixColumns = 40

/** @param {() => void} onToggle */
function createHead(onToggle) {
  const name = make('span', { class: 'stem' })
  const kind = make('span', { class: 'tag' })
  const button = make(
    'button',
    { type: 'button', class: 'fold' },
    make('span', { class: 'caret', 'aria-hidden': 'true' }),
    name,
  )
  const states = make('span', { class: 'states' })
  const missing = make('span', { class: 'missing' })
  const matrix = createMatrix(matrixColumns)
  const series = make('span', { role: 'cell', class: 'number series' })
  const size = make('span', { role: 'cell', class: 'number size' })
  button.addEventListener('click', onToggle)
  const element = make(
    'div',
    { role: 'row', class: 'row service' },
    make('span', { role: 'rowheader', class: 'who' }, button, kind),
    make('span', { role: 'cell', class: 'summary' }, matrix.element, states, missing),
    series,
    size,
  )
  return {
    element,
    /**
     * @param {Group} group
     * @param {readonly TargetStatus[]} targets
     * @param {readonly string[]} absent
     * @param {boolean} unfolded
     */
    update(group, targets, absent, unfolded) {
      setText(name, group.name)
      setText(kind, group.declared?.mode ?? targets[0]?.kind ?? '')
      setAttribute(button, 'aria-expanded', `${unfolded}`)
      setText(states, sayStates(targets))
      setText(missing, sayMissing(absent))
      setHidden(missing, absent.length === 0)
      matrix.update(targets.map(({ state }) => state))
      setText(series, count(sum(targets, 'series')))
      setText(size, bytes(sum(targets, 'bytes')))
    },
  }
}

const mostSlots = 6

/** @param {readonly string[]} slots */
function sayMissing(slots) {
  const named = slots.slice(0, mostSlots).join(', ')
  const more = slots.length > mostSlots ? ` and ${slots.length - mostSlots} more` : ''
  return `no container for ${slots.length === 1 ? 'replica' : 'replicas'} ${named}${more}`
}

/**
 * @param {readonly TargetStatus[]} targets
 * @param {'series' | 'bytes'} what
 */
function sum(targets, what) {
  return targets.reduce((total, target) => total + (target[what] ?? 0), 0)
}
