// The small charts: a matrix of states, and the history of scrapes as bars.

import { makeSvg, setAttribute } from './dom.js'
/** @import { TargetState } from '../shape.ts' */
import { durationText } from './format.js'
import { states } from './model.js'

/** The size in rem, so that it grows with the text. */
const unitsPerRem = 14
const pitch = 10
const side = 7

/**
 * One mark per target. One path per state, so that a thousand marks are seven elements.
 * @param {number} columns
 */
export function createStateMatrix(columns) {
  const paths = new Map(states.map((state) => [state, makeSvg('path', { 'data-state': state })]))
  const element = makeSvg('svg', { class: 'matrix', 'aria-hidden': 'true' }, ...paths.values())
  return {
    element,
    /** @param {readonly TargetState[]} shown */
    update(shown) {
      const columnCount = Math.max(1, Math.min(columns, shown.length))
      const rowCount = Math.max(1, Math.ceil(shown.length / columns))
      const [width, height] = [columnCount * pitch, rowCount * pitch]
      setAttribute(element, 'viewBox', `0 0 ${width} ${height}`)
      element.style.width = `${width / unitsPerRem}rem`
      /** @type {Map<TargetState, string>} */
      const drawn = new Map()
      for (const [at, state] of shown.entries()) {
        const [x, y] = [(at % columns) * pitch + 1.5, Math.floor(at / columns) * pitch + 1.5]
        drawn.set(state, `${drawn.get(state) ?? ''}${shapeOf(state, x, y)}`)
      }
      for (const [state, path] of paths) setAttribute(path, 'd', drawn.get(state) ?? '')
    },
  }
}

/**
 * The shapes of `.mark`.
 * @param {TargetState} state
 * @param {number} x
 * @param {number} y
 */
function shapeOf(state, x, y) {
  const half = side / 2
  switch (state) {
    case 'up':
      return circle(x, y + half, half)
    case 'down':
      return `M${x + half} ${y}l${half} ${side}h-${side}z`
    case 'lost':
    case 'searching':
      return circle(x + 1, y + half, half - 1)
    case 'unscraped':
      return `M${x + 1} ${y + 1}h${side - 2}v${side - 2}h-${side - 2}z`
    default:
      return `M${x} ${y + half - 1}h${side}v2h-${side}z`
  }
}

/**
 * @param {number} x its left end
 * @param {number} y
 * @param {number} radius
 */
function circle(x, y, radius) {
  const arc = `a${radius} ${radius} 0 0 1`
  return `M${x} ${y}${arc} ${2 * radius} 0${arc}-${2 * radius} 0z`
}

const barPitch = 4
const barHeight = 22
const minBar = 2

/**
 * The durations of the last scrapes, or their sizes, the newest at the right; a failed one is a full bar in the colour
 * of failures.
 * @param {number} bars
 * @param {(value: number) => string} [print]
 * @param {number} [minScale] the least value that may be a full bar
 */
export function createHistory(bars, print = durationText, minScale = 0.005) {
  const okPath = makeSvg('path', { class: 'ok' })
  const failedPath = makeSvg('path', { class: 'failed' })
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
    okPath,
    failedPath,
  )
  return {
    element,
    /** @param {readonly (number | null)[]} history */
    update(history) {
      const shown = history.slice(-bars)
      const values = shown.filter((value) => value !== null)
      const largest = Math.max(minScale, ...values)
      let [okBars, failedBars] = ['', '']
      for (const [at, value] of shown.entries()) {
        const x = width - (shown.length - at) * barPitch + barPitch / 2
        if (value === null) failedBars += `M${x} ${barHeight}V0`
        else
          okBars += `M${x} ${barHeight}v-${(minBar + Math.sqrt(value / largest) * (barHeight - minBar - 2)).toFixed(1)}`
      }
      setAttribute(okPath, 'd', okBars)
      setAttribute(failedPath, 'd', failedBars)
      setAttribute(element, 'aria-label', historyLabel(shown, rangeText(values, print)))
    },
  }
}

/**
 * @param {readonly (number | null)[]} shown
 * @param {string} range
 */
function historyLabel(shown, range) {
  if (shown.length === 0) return 'not scraped yet'
  const failed = shown.filter((value) => value === null).length
  return `last ${shown.length} scrapes${range && `, ${range}`}, ${failed} failed`
}

/**
 * `1.8 ms to 5.1 ms`
 * @param {readonly number[]} values
 * @param {(value: number) => string} print
 */
export function rangeText(values, print) {
  if (values.length === 0) return ''
  const [smallest, largest] = [print(Math.min(...values)), print(Math.max(...values))]
  return smallest === largest ? smallest : `${smallest} to ${largest}`
}
