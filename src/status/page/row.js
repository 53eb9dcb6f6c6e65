// One target's row.

/** @import { TargetStatus } from '../shape.ts' */
import { make, setAttribute, setHidden, setText } from './dom.js'
import { createHistory } from './drawings.js'
import { age, bytes, count, durationText } from './format.js'
import { stemOf, suffixOf, titleOf } from './model.js'
import { everything, printQuery } from './query.js'

const bars = 20

/**
 * @typedef {object} Scene
 * @property {number} now
 * @property {boolean} headed whether the group has a row of its own that shows its name
 * @property {number} staleAfter
 * @property {string} chosen the key of the target whose details are open
 */

/** @param {TargetStatus} first */
export function createRow(first) {
  const stem = make('span', { class: 'stem' })
  const suffix = make('span', { class: 'suffix' })
  const state = make('span', { class: 'unseen' })
  const link = make(
    'a',
    { class: 'name', href: printQuery({ ...everything, target: first.key }), 'data-open': first.key },
    stem,
    suffix,
  )
  const node = cell('where')
  const url = make('code')
  const why = make('span', { class: 'why' })
  const trouble = make('span', { class: 'trouble' })
  const hint = make('span', { class: 'hint' })
  const remarks = make('span', { class: 'remarks' })
  const numbers = {
    series: cell('number series'),
    size: cell('number size'),
    duration: cell('number duration'),
    age: cell('number age'),
  }
  const history = createHistory(bars)
  const past = cell('past', history.element)
  const element = make(
    'div',
    { role: 'row', class: 'row target' },
    make(
      'span',
      { role: 'rowheader', class: 'who' },
      make('i', { class: 'mark', 'aria-hidden': 'true' }),
      link,
      state,
    ),
    node,
    cell('endpoint', url, ' ', why, trouble, ' ', hint, remarks),
    ...Object.values(numbers),
    past,
  )

  /** @type {TargetStatus | undefined} */
  let shown
  /** @type {boolean | undefined} */
  let inGroup

  /**
   * @param {TargetStatus} target
   * @param {boolean} headed
   */
  function fill(target, headed) {
    setText(stem, headed && target.kind !== 'compose' ? '' : stemOf(target))
    setText(suffix, suffixOf(target))
    setAttribute(link, 'aria-label', titleOf(target))
    setText(state, target.state)
    setText(node, target.node)
    const { endpoint, trouble: problem } = target
    const bare = endpoint === undefined
    setText(url, endpoint ? shortUrl(endpoint.url) : '')
    setText(why, endpoint?.why ?? '')
    setHidden(url, bare)
    setHidden(why, bare)
    setText(trouble, problem?.reason ?? (bare ? 'looking for its metrics' : ''))
    setHidden(trouble, !problem && !bare)
    setText(hint, problem?.hint ?? '')
    // what is amiss with a node is said once, on top, and not of each of its targets
    setHidden(hint, problem?.hint === undefined || target.state === 'lost')
    setText(remarks, target.remarks.join('\n'))
    setHidden(remarks, target.remarks.length === 0)
    setText(numbers.series, target.series === undefined ? '' : count(target.series))
    setText(numbers.size, target.bytes === undefined ? '' : bytes(target.bytes))
    setText(numbers.duration, target.duration === undefined ? '' : durationText(target.duration))
    history.update(target.history)
    for (const one of [...Object.values(numbers), past]) setHidden(one, bare)
    setAttribute(element, 'data-state', target.state)
    setAttribute(element, 'data-bare', `${bare}`)
    setAttribute(element, 'data-headed', `${headed}`)
  }

  return {
    element,
    /**
     * @param {TargetStatus} target
     * @param {Scene} scene
     */
    update(target, { now, headed, staleAfter, chosen }) {
      if (target !== shown || headed !== inGroup) fill(target, headed)
      shown = target
      inGroup = headed
      setAttribute(element, 'data-chosen', `${target.key === chosen}`)
      if (target.scraped === undefined) return setText(numbers.age, '')
      setText(numbers.age, age(now - target.scraped))
      setAttribute(numbers.age, 'data-old', `${now - target.scraped > staleAfter}`)
    },
  }
}

/**
 * @param {string} name
 * @param {...(Node | string)} children
 */
function cell(name, ...children) {
  return make('span', { role: 'cell', class: name }, ...children)
}

/** @param {string} url */
function shortUrl(url) {
  return url.replace(/^http:\/\//, '').replace(/^agent:/, '/')
}
