// The states with their counts: legend and filter in one.

/** @import { TargetState } from '../shape.ts' */
/** @import { Known } from './model.js' */
/** @import { Query } from './query.js' */
import { get, make, setAttribute, setHidden, setText } from './dom.js'
import { count } from './format.js'
import { countStates, states } from './model.js'

/** @param {(states: readonly string[]) => void} onChange */
export function createChips(onChange) {
  /** @type {readonly string[]} */
  let chosen = []
  const chips = states.map((state) => createChip(state))

  /** @param {TargetState} state */
  function createChip(state) {
    const amount = make('b')
    const button = make(
      'button',
      { type: 'button', class: 'chip', 'data-state': state },
      make('i', { class: 'mark', 'aria-hidden': 'true' }),
      amount,
      ` ${state}`,
    )
    button.addEventListener('click', () =>
      onChange(chosen.includes(state) ? chosen.filter((one) => one !== state) : [...chosen, state]),
    )
    return { state, button, amount }
  }

  get('chips').append(...chips.map(({ button }) => button))
  return (/** @type {Known} */ known, /** @type {Query} */ query) => {
    chosen = query.states
    const counts = countStates(known.targets.values())
    for (const { state, button, amount } of chips) {
      setText(amount, count(counts.get(state) ?? 0))
      setAttribute(button, 'aria-pressed', `${chosen.includes(state)}`)
      setHidden(button, !counts.has(state) && !chosen.includes(state))
    }
  }
}
