// The two small drawings: a matrix of states, and the history of scrapes as bars.

import { makeSvg, setAttribute } from './dom.js'
/** @import { TargetState } from '../shape.ts' */
import { durationText } from './format.js'
import { states } from './model.js'

/** It grows with the page's text. */
const perRem = 14
const pitch = 10
const side = 7

/**
 * One square for each target. One path a state, so that a thousand squares are seven elements.
 * @param {number} columns
 */
export function createMatrix(columns) {
  const paths = new Map(states.map((state) => [state, makeSvg('path', { 'data-state': state })]))
  const element = makeSvg('svg', { class: 'matrix', 'aria-hidden': 'true' }, ...paths.values())
  return {
    element,
    /** @param {readonly TargetState[]} shown */
    update(shown) {
      const across = Math.max(1, Math.min(columns, shown.length))
      const down = Math.max(1, Math.ceil(shown.length / columns))
      const [width, height] = [across * pitch, down * pitch]
      setAttribute(element, 'viewBox', `0 0 ${width} ${height}`)
      element.style.width = `${width / perRem}rem`
      /** @type {Map<TargetState, string>} */
      const drawn = new Map()
      for (const [at, state] of shown.entries()) {
        const [x, y] = [(at % columns) * pitch + 1.5, Math.floor(at / columns) * pitch + 1.5]
        drawn.set(state, `${drawn.get(state) ?? ''}${square(state, x, y)}`)
      }
      for (const [state, path] of paths) setAttribute(path, 'd', drawn.get(state) ?? '')
    },
  }
}

/**
 * Told apart by shape too: what is up is a square, what is down a cross, the rest smaller squares.
 * @param {TargetState} state
 * @param {number} x
 * @param {number} y
 */
function square(state, x, y) {
  if (state === 'up') return `M${x} ${y}h${side}v${side}h-${side}z`
  if (state === 'down') return `M${x} ${y}l${side} ${side}m0-${side}l-${side} ${side}`
  const inset = 1.5
  const less = side - 2 * inset
  return `M${x + inset} ${y + inset}h${less}v${less}h-${less}z`
}

const barPitch = 4
const barHeight = 22
const leastBar = 2

/**
 * How long the last scrapes durationText, the newest at the right; what failed is a full bar in the colour of failure.
 * @param {number} bars
 */
export function createHistory(bars) {
  const good = makeSvg('path', { class: 'good' })
  const bad = makeSvg('path', { class: 'bad' })
  const width = bars * barPitch
  const element = makeSvg(
    'svg',
    {
      class: 'history',
      viewBox: `0 0 ${width} ${barHeight}`,
      width: `${width}`,
      height: `${barHeight}`,
      role: 'img',
    },
    good,
    bad,
  )
  return {
    element,
    /** @param {readonly (number | null)[]} history */
    update(history) {
      const shown = history.slice(-bars)
      const times = shown.filter((time) => time !== null)
      const most = Math.max(0.005, ...times)
      let [goodBars, badBars] = ['', '']
      for (const [at, time] of shown.entries()) {
        const x = width - (shown.length - at) * barPitch + barPitch / 2
        if (time === null) badBars += `M${x} ${barHeight}V0`
        else
          goodBars += `M${x} ${barHeight}v-${(leastBar + Math.sqrt(time / most) * (barHeight - leastBar - 2)).toFixed(1)}`
      }
      setAttribute(good, 'd', goodBars)
      setAttribute(bad, 'd', badBars)
      setAttribute(element, 'aria-label', sayHistory(shown, times))
    },
  }
}

/**
 * @param {readonly (number | null)[]} shown
 * @param {readonly number[]} times
 */
function sayHistory(shown, times) {
  if (shown.length === 0) return 'not scraped yet'
  const failed = shown.length - times.length
  const span =
    times.length === 0 ? '' : `, ${durationText(Math.min(...times))} to ${durationText(Math.max(...times))}`
  return `last ${shown.length} scrapes${span}, ${failed} failed`
}
