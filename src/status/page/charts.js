// The two small charts: a matrix of states, and the history of scrapes as bars.

import { makeSvg, setAttribute } from './dom.js'
/** @import { TargetState } from '../shape.ts' */
import { durationText } from './format.js'
import { states } from './model.js'

/** The size in rem, so that it grows with the text. */
const unitsPerRem = 14
const pitch = 10
const side = 7

/**
 * One square per target. One path per state, so that a thousand squares are seven elements.
 * @param {number} columns
 */
export function createMatrix(columns) {
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
 * States differ in shape, too: up is a square, down a cross, the others smaller squares.
 * @param {TargetState} state
 * @param {number} x
 * @param {number} y
 */
function shapeOf(state, x, y) {
  if (state === 'up') return `M${x} ${y}h${side}v${side}h-${side}z`
  if (state === 'down') return `M${x} ${y}l${side} ${side}m0-${side}l-${side} ${side}`
  const inset = 1.5
  const innerSide = side - 2 * inset
  return `M${x + inset} ${y + inset}h${innerSide}v${innerSide}h-${innerSide}z`
}

const barPitch = 4
const barHeight = 22
const minBar = 2

/**
 * The durations of the last scrapes, the newest at the right; a failed one is a full bar in the colour of failures.
 * @param {number} bars
 */
export function createHistory(bars) {
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
      const times = shown.filter((time) => time !== null)
      const longest = Math.max(0.005, ...times)
      let [okBars, failedBars] = ['', '']
      for (const [at, time] of shown.entries()) {
        const x = width - (shown.length - at) * barPitch + barPitch / 2
        if (time === null) failedBars += `M${x} ${barHeight}V0`
        else
          okBars += `M${x} ${barHeight}v-${(minBar + Math.sqrt(time / longest) * (barHeight - minBar - 2)).toFixed(1)}`
      }
      setAttribute(okPath, 'd', okBars)
      setAttribute(failedPath, 'd', failedBars)
      setAttribute(element, 'aria-label', historyLabel(shown, times))
    },
  }
}

/**
 * @param {readonly (number | null)[]} shown
 * @param {readonly number[]} times
 */
function historyLabel(shown, times) {
  if (shown.length === 0) return 'not scraped yet'
  const failed = shown.length - times.length
  const span =
    times.length === 0 ? '' : `, ${durationText(Math.min(...times))} to ${durationText(Math.max(...times))}`
  return `last ${shown.length} scrapes${span}, ${failed} failed`
}
