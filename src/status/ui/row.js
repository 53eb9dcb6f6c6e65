// The row of one target.

import { createHistory } from './charts.js'
/** @import { TargetStatus } from '../shape.ts' */
import { make, setAttribute, setHidden, setText } from './dom.js'
import { age, bytes, count, durationText } from './format.js'
import { baseNameOf, runText, sinceText, suffixOf } from './model.js'
import { noFilters, printQuery } from './query.js'

const bars = 20

/**
 * @typedef {object} RowItem
 * @property {TargetStatus} target
 * @property {number} now
 * @property {boolean} isGrouped whether the row of its group shows the name
 * @property {number} staleAfter
 * @property {boolean} isSelected whether its details are open
 */

/** @param {TargetStatus} first */
export function createRow(first) {
  const baseName = make('span', { class: 'base-name' })
  const suffix = make('span', { class: 'suffix' })
  const state = make('span', { class: 'visually-hidden' })
  const link = make(
    'a',
    { class: 'name', href: printQuery({ ...noFilters, target: first.key }), 'data-view': '' },
    baseName,
    suffix,
  )
  const node = cell('node-cell')
  const url = make('code')
  const source = make('span', { class: 'source' })
  const failure = make('span', { class: 'failure' })
  const lasted = make('span', { class: 'lasted' })
  const hint = make('span', { class: 'hint' })
  const run = make('span', { class: 'remarks' })
  const remarks = make('span', { class: 'remarks' })
  const numbers = {
    series: cell('number series'),
    size: cell('number size'),
    duration: cell('number duration'),
    age: cell('number age'),
  }
  const history = createHistory(bars)
  const past = cell('history-cell', history.element)
  const element = make(
    'div',
    { role: 'row', class: 'row target' },
    make(
      'span',
      { role: 'rowheader', class: 'name-cell' },
      make('i', { class: 'mark', 'aria-hidden': 'true' }),
      link,
      state,
    ),
    node,
    cell('endpoint', url, ' ', source, failure, ' ', lasted, ' ', hint, run, remarks),
    ...Object.values(numbers),
    past,
  )

  /** @type {TargetStatus | undefined} */
  let shown
  /** @type {boolean | undefined} */
  let wasGrouped

  /**
   * @param {TargetStatus} target
   * @param {boolean} isGrouped
   */
  function fill(target, isGrouped) {
    setText(baseName, isGrouped && target.kind !== 'compose' ? '' : baseNameOf(target))
    setText(suffix, suffixOf(target))
    setAttribute(link, 'aria-label', target.instance)
    setText(state, target.state)
    setText(node, target.node)
    const { endpoint, failure: problem } = target
    const hasEndpoint = endpoint !== undefined
    setText(url, endpoint ? shortUrl(endpoint.url) : '')
    setText(source, endpoint?.source ?? '')
    setHidden(url, !hasEndpoint)
    setHidden(source, !hasEndpoint)
    setText(failure, problem?.reason ?? (hasEndpoint ? '' : 'searching for metrics'))
    setHidden(failure, !problem && hasEndpoint)
    setText(hint, problem?.hint ?? '')
    // the hint for a lost node is shown once, at the top, and not for each of its targets
    setHidden(hint, problem?.hint === undefined || target.state === 'lost')
    setText(run, runText(target))
    setHidden(run, runText(target) === '')
    setText(remarks, target.remarks.join('\n'))
    setHidden(remarks, target.remarks.length === 0)
    setText(numbers.series, target.series === undefined ? '' : count(target.series))
    setText(numbers.size, target.bytes === undefined ? '' : bytes(target.bytes))
    setText(numbers.duration, target.duration === undefined ? '' : durationText(target.duration))
    history.update(target.history)
    for (const part of [...Object.values(numbers), past]) setHidden(part, !hasEndpoint)
    setAttribute(element, 'data-state', target.state)
    setAttribute(element, 'data-no-endpoint', `${!hasEndpoint}`)
    setAttribute(element, 'data-grouped', `${isGrouped}`)
  }

  return {
    element,
    /** @param {RowItem} item */
    update({ target, now, isGrouped, staleAfter, isSelected }) {
      if (target !== shown || isGrouped !== wasGrouped) fill(target, isGrouped)
      shown = target
      wasGrouped = isGrouped
      setAttribute(element, 'data-selected', `${isSelected}`)
      setText(lasted, sinceText(target.downSince, now, target.lastSuccess === undefined))
      setHidden(lasted, target.downSince === undefined)
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
