// The states with their counts, which follow the other filters: legend and filter at the same time.

/** @import { TargetState } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
/** @import { Query } from './query.js' */
import { get, make, setAttribute, setHidden, setText } from './dom.js'
import { count } from './format.js'
import { countStates, matcher, states } from './model.js'

/** @param {(states: readonly string[]) => void} onChange */
export function createChips(onChange) {
  /** @type {readonly string[]} */
  let selected = []
  const chips = states.map((state) => createChip(state))

  /** @param {TargetState} state */
  function createChip(state) {
    const number = make('b')
    const button = make(
      'button',
      { type: 'button', class: 'chip', 'data-state': state },
      make('i', { class: 'mark', 'aria-hidden': 'true' }),
      number,
      ` ${state}`,
    )
    button.addEventListener('click', () =>
      onChange(selected.includes(state) ? selected.filter((other) => other !== state) : [...selected, state]),
    )
    return { state, button, number }
  }

  get('chips').append(...chips.map(({ button }) => button))
  return (/** @type {ClusterStatus} */ status, /** @type {Query} */ query) => {
    selected = query.states
    const matches = matcher({ ...query, states: [] })
    const counts = countStates([...status.targets.values()].filter(matches))
    for (const { state, button, number } of chips) {
      setText(number, count(counts.get(state) ?? 0))
      setAttribute(button, 'aria-pressed', `${selected.includes(state)}`)
      setHidden(button, !counts.has(state) && !selected.includes(state))
    }
  }
}
