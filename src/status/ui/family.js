// One family of a target's metrics: its histograms as charts, its other series as a table.

/** @import { FamilyStatus, HistogramStatus, SampleStatus } from '../shape.ts' */
import { keyedList, make, setHidden, setText } from './dom.js'
import { count } from './format.js'
import { createHistogram } from './histogram.js'

/** @param {FamilyStatus} family */
export function createFamily({ name }) {
  const type = make('span', { class: 'tag' })
  const help = make('p', { class: 'family-help' })
  const more = make('p', { class: 'hint' })
  const charts = make('div', { class: 'histograms' })
  const body = make('tbody')
  const table = make('table', { 'aria-label': `Series of ${name}` }, body)
  /** @type {(histograms: readonly HistogramStatus[]) => void} */
  const showHistograms = keyedList(charts, {
    keyOf: ({ kind, series }) => `${kind} ${series}`,
    create: (histogram) => createHistogram(name, histogram),
  })
  /** @type {(samples: readonly SampleStatus[]) => void} */
  const showSamples = keyedList(body, {
    keyOf: ({ series }) => series,
    create: (sample) => createSample(name, sample),
  })
  const element = make(
    'article',
    { class: 'family' },
    make('h4', {}, make('span', {}, name), type),
    help,
    charts,
    table,
    more,
  )
  return {
    element,
    /** @param {FamilyStatus} family */
    update(family) {
      setText(type, [family.type, family.unit].filter(Boolean).join(', '))
      setText(help, family.help)
      setHidden(help, family.help === '')
      showHistograms(family.histograms)
      showSamples(family.samples)
      setHidden(table, family.samples.length === 0)
      setText(more, `and ${count(family.omitted)} more series`)
      setHidden(more, family.omitted === 0)
    },
  }
}

/**
 * The family's name, which all of its series repeat, is dimmed.
 * @param {string} family
 * @param {SampleStatus} first
 */
function createSample(family, { series }) {
  const value = make('td')
  const rest = series.startsWith(family) ? series.slice(family.length) : series
  const name = make(
    'th',
    { scope: 'row' },
    make('span', {}, series.slice(0, series.length - rest.length)),
    rest,
  )
  return {
    element: make('tr', {}, name, value),
    /** @param {SampleStatus} sample */
    update(sample) {
      setText(value, sample.value)
    },
  }
}
