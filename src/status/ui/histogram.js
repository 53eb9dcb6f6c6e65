// A histogram: its count and quantiles, its buckets as bars, and on request as a table.

/** @import { BucketStatus, HistogramStatus } from '../shape.ts' */
import { keyedList, make, makeSvg, setAttribute, setHidden, setText } from './dom.js'
import { count, plural } from './format.js'

const height = 100
/** In units of the height: so that no bucket with observations looks empty. */
const minBar = 3
/** Of the width of a bucket. */
const gap = 0.08
const maxBarRem = 4

/**
 * @param {string} family
 * @param {HistogramStatus} first
 */
export function createHistogram(family, { series, kind }) {
  const numbers = make('span', { class: 'numbers' })
  const bars = makeSvg('path')
  const chart = makeSvg('svg', { role: 'img', preserveAspectRatio: 'none' }, bars)
  const lower = make('span')
  const upper = make('span')
  const toggle = make('button', { type: 'button', class: 'quiet' })
  const plot = make('div', { class: 'plot' }, chart, make('p', { class: 'axis' }, lower, toggle, upper))
  const body = make('tbody')
  const table = make('table', { 'aria-label': `Buckets of ${series}` }, body)
  /** @type {(buckets: readonly BucketStatus[]) => void} */
  const showRows = keyedList(body, { keyOf: rangeText, create: createBucket })
  let isOpen = false
  /** @type {readonly BucketStatus[]} */
  let shown = []

  function showTable() {
    setAttribute(toggle, 'aria-expanded', `${isOpen}`)
    setHidden(table, !isOpen)
    showRows(isOpen ? shown : [])
  }
  toggle.addEventListener('click', () => {
    isOpen = !isOpen
    showTable()
  })
  const labels = series.startsWith(family) ? series.slice(family.length) : series
  const name = make('span', { class: 'series-name' }, labels)
  if (kind === 'native') name.append(make('span', { class: 'tag' }, 'native'))
  return {
    element: make('figure', { class: 'histogram' }, make('figcaption', {}, name, numbers), plot, table),
    /** @param {HistogramStatus} histogram */
    update(histogram) {
      shown = histogram.buckets
      setText(numbers, numbersText(histogram))
      // one bucket says no more than the count
      const isDrawn = shown.length > 1 && shown.some((bucket) => bucket.count > 0)
      setHidden(plot, !isDrawn)
      if (!isDrawn) isOpen = false
      showTable()
      if (!isDrawn) return
      plot.style.maxWidth = `${shown.length * maxBarRem}rem`
      setAttribute(chart, 'viewBox', `0 0 ${shown.length} ${height}`)
      setAttribute(chart, 'aria-label', chartText(shown))
      setAttribute(bars, 'd', barsOf(shown))
      setText(lower, shown[0]?.lower ?? '')
      setText(upper, shown.at(-1)?.upper ?? '')
      setText(toggle, plural(shown.length, 'bucket'))
    },
  }
}

/** @param {HistogramStatus} histogram */
function numbersText({ count: total, sum, p50, p99 }) {
  const number = Number(total)
  if (number === 0) return 'no observations'
  return [
    `count\u00a0${Number.isFinite(number) ? count(number) : total}`,
    p50 === undefined ? '' : `p50\u00a0${p50}`,
    p99 === undefined ? '' : `p99\u00a0${p99}`,
    `sum\u00a0${sum}`,
  ]
    .filter(Boolean)
    .join(', ')
}

/** @param {readonly BucketStatus[]} buckets */
function barsOf(buckets) {
  const largest = Math.max(...buckets.map((bucket) => bucket.count))
  return buckets
    .map((bucket, at) => {
      if (bucket.count === 0) return ''
      const bar = Math.max(minBar, (bucket.count / largest) * height).toFixed(1)
      return `M${at + gap} ${height}v-${bar}h${1 - 2 * gap}V${height}z`
    })
    .join('')
}

/** @param {readonly BucketStatus[]} buckets */
function chartText(buckets) {
  const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0)
  const most = buckets.reduce((largest, bucket) => (bucket.count > largest.count ? bucket : largest))
  const share = Math.round((most.count / total) * 100)
  return `${plural(buckets.length, 'bucket')} from ${buckets[0]?.lower} to ${buckets.at(-1)?.upper}, most in ${rangeText(most)}: ${share} %`
}

/** @param {BucketStatus} bucket */
function rangeText({ lower, upper }) {
  return `${lower} to ${upper}`
}

/** @param {BucketStatus} first */
function createBucket(first) {
  const value = make('td')
  return {
    element: make('tr', {}, make('th', { scope: 'row' }, rangeText(first)), value),
    /** @param {BucketStatus} bucket */
    update(bucket) {
      setText(value, count(bucket.count))
    },
  }
}
