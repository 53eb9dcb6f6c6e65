// The details of one target: its state and how to fix it, where its metrics were found, its metrics family by family,
// and what Prometheus sees of it.

import { clusterJob } from './blocks.js'
import { createHistory } from './charts.js'
import { createBlock } from './copy.js'
/** @import { FamilyStatus, PageStatus, SampleStatus, TargetDetails, TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
import { keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { age, bytes, count, durationText, plural, timeText } from './format.js'
import { baseNameOf, lastedText, suffixOf } from './model.js'

/**
 * @param {object} listener
 * @param {() => void} listener.onClose
 * @param {(find: string) => void} listener.onFind
 */
export function createDetails({ onClose, onFind }) {
  const baseName = make('span', { class: 'base-name' })
  const suffix = make('span', { class: 'suffix' })
  const close = make(
    'button',
    { type: 'button', class: 'quiet close', 'aria-label': 'Close the details' },
    '×',
  )
  const state = make('span', { class: 'state' })
  const when = make('span', { class: 'when' })
  const trouble = createTrouble()
  const facts = createFacts()
  const history = createHistory(20)
  const prometheus = createPrometheus()
  const metrics = createMetrics(onFind)
  const parts = [prometheus.element, metrics.element]
  for (const part of parts) setHidden(part, true)
  close.addEventListener('click', onClose)
  const header = make(
    'header',
    { class: 'panel-head' },
    make('h2', { id: 'panel-title' }, baseName, suffix),
    close,
    make(
      'p',
      { class: 'status' },
      make('i', { class: 'mark', 'aria-hidden': 'true' }),
      state,
      when,
      history.element,
    ),
  )
  const element = make('div', { class: 'details' }, header, trouble.element, facts.element, ...parts)

  /** @param {TargetStatus} target */
  function head(target) {
    setText(baseName, baseNameOf(target))
    setText(suffix, suffixOf(target))
    setText(state, target.state)
    setAttribute(element, 'data-state', target.state)
    history.update(target.history)
    trouble.update(target.trouble)
  }

  return {
    element,
    /**
     * Called each second with the status of the target in the list.
     * @param {TargetStatus | undefined} target
     * @param {number} now
     */
    tick(target, now) {
      if (!target) return
      head(target)
      const scraped = target.scraped === undefined ? '' : `scraped ${age(now - target.scraped)} ago`
      const lasted = lastedText(target.downSince, now, target.lastSuccess === undefined)
      setText(
        when,
        [
          lasted === '' ? '' : `${lasted}, `,
          scraped,
          target.duration === undefined ? '' : `in ${durationText(target.duration)}`,
        ]
          .filter(Boolean)
          .join(' '),
      )
    },
    /**
     * @param {TargetDetails} response
     * @param {string} find
     * @param {ClusterStatus} status
     */
    update(response, find, status) {
      head(response.target)
      facts.update(response)
      prometheus.update(response, status)
      metrics.update(response, find)
      for (const part of parts) setHidden(part, false)
    },
    /** @param {string} reason */
    fail(reason) {
      if (baseName.textContent === '') setText(baseName, 'Target')
      trouble.update({ reason })
    },
  }
}

function createTrouble() {
  const reason = make('p', { class: 'reason' })
  const hint = make('p', { class: 'hint' })
  const element = make('div', { class: 'trouble-box', role: 'status' }, reason, hint)
  element.hidden = true
  return {
    element,
    /** @param {{ readonly reason: string, readonly hint?: string } | undefined} trouble */
    update(trouble) {
      setHidden(element, trouble === undefined)
      setText(reason, trouble?.reason ?? '')
      setText(hint, trouble?.hint === undefined ? '' : `To fix it: ${trouble.hint}`)
    },
  }
}

function createFacts() {
  const element = make('dl', { class: 'facts' })
  /** @type {(facts: readonly (readonly [string, string])[]) => void} */
  const show = keyedList(element, { keyOf: ([name]) => name, create: createFact })
  return {
    element,
    /** @param {TargetDetails} details */
    update({ target, labels, addresses }) {
      const { endpoint, format } = target
      /** @type {[string, string][]} */
      const facts = [
        ['Endpoint', endpoint?.url ?? ''],
        ['Found by', endpoint?.why ?? ''],
        [
          'Metrics',
          target.series === undefined
            ? ''
            : `${count(target.series)} series, ${bytes(target.bytes ?? 0)}, ${format}`,
        ],
        ['Down since', downSinceText(target)],
        ['Last success', target.state === 'up' ? '' : timeText(target.lastSuccess)],
        [
          'Last error',
          target.lastError ? `${target.lastError.reason}, ${timeText(target.lastError.time)}` : '',
        ],
        ['Node', `${target.node}${target.node === target.nodeId ? '' : ` (${target.nodeId})`}`],
        ['Service', target.service ?? ''],
        ['Stack', target.stack ?? ''],
        ['Container', target.kind === 'static' ? '' : `${target.name} (${target.id.slice(0, 12)})`],
        ['Image', target.image],
        [
          'Addresses',
          target.kind === 'static'
            ? ''
            : addresses.map(({ network, host }) => `${host} on ${network}`).join('\n'),
        ],
        ['Remarks', target.remarks.join('\n')],
        [
          'Labels',
          Object.entries(labels)
            .map(([name, value]) => `${name}=${value}`)
            .join('\n'),
        ],
      ]
      show(facts.filter(([, value]) => value !== ''))
    },
  }
}

/** @param {TargetStatus} target */
function downSinceText({ downSince, lastSuccess }) {
  if (downSince === undefined) return ''
  return `${timeText(downSince)}${lastSuccess === undefined ? ' or earlier' : ''}`
}

/** @param {readonly [string, string]} fact */
function createFact([name]) {
  const value = make('dd')
  return {
    element: make('div', {}, make('dt', {}, name), value),
    /** @param {readonly [string, string]} fact */
    update([, text]) {
      setText(value, text)
    },
  }
}

function createPrometheus() {
  const list = make('dl', { class: 'facts labels' })
  const notListed = make(
    'p',
    { class: 'hint' },
    'Not listed at /sd: that has each target with metrics, or whose labels say that it has some.',
  )
  /** @type {(labels: readonly (readonly [string, string])[]) => void} */
  const show = keyedList(list, { keyOf: ([name]) => name, create: createFact })
  const cluster = createBlock('Scrape job for the cluster')
  const target = createBlock('Scrape job for this target')
  return {
    element: make(
      'section',
      { class: 'prometheus' },
      make('h3', {}, 'What Prometheus sees'),
      notListed,
      list,
      make('h4', {}, 'Scrape job for the cluster'),
      make('p', { class: 'hint' }, 'For all targets, by service discovery.'),
      cluster.element,
      make('h4', {}, 'Scrape job for this target'),
      make('p', { class: 'hint' }, 'For this target alone, without service discovery.'),
      target.element,
    ),
    /**
     * @param {TargetDetails} details
     * @param {ClusterStatus} status
     */
    update({ discovery, prometheus }, status) {
      const { targets = [], labels = {} } = discovery ?? {}
      show(discovery ? [['__address__', targets.join(', ')], ...Object.entries(labels)] : [])
      setHidden(list, discovery === undefined)
      setHidden(notListed, discovery !== undefined)
      cluster.update(clusterJob(status, location.protocol === 'https:'))
      target.update(prometheus)
    },
  }
}

/** @param {(find: string) => void} onFind */
function createMetrics(onFind) {
  const summary = make('span', { class: 'hint', role: 'status' })
  const raw = make('a', { class: 'raw-link' }, 'Raw metrics')
  const input = make('input', {
    type: 'search',
    placeholder: 'Search families, HELP and labels',
    'aria-label': 'Search these metrics',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  const list = make('div', { class: 'families' })
  /** @type {(families: readonly FamilyStatus[]) => void} */
  const show = keyedList(list, { keyOf: ({ name }) => name, create: createFamily })
  const search = make('div', { class: 'metrics-search' }, input, summary)
  const noMetrics = make('p', { class: 'hint no-metrics' })
  const element = make(
    'section',
    { class: 'metrics' },
    make('h3', {}, 'Metrics', raw),
    noMetrics,
    search,
    list,
  )
  input.addEventListener('input', () => onFind(input.value))
  return {
    element,
    /**
     * @param {TargetDetails} details
     * @param {string} find
     */
    update({ target, page }, find) {
      for (const part of [raw, search, list]) setHidden(part, page === undefined)
      setHidden(noMetrics, page !== undefined)
      setText(noMetrics, page ? '' : noMetricsText(target))
      if (!page) return
      setAttribute(raw, 'href', `.${target.path}`)
      if (document.activeElement !== input) input.value = find
      setText(summary, summaryText(page))
      show(page.shown)
    },
  }
}

/**
 * Why there are no metrics, and what to do.
 * @param {TargetStatus} target
 */
function noMetricsText({ state, trouble }) {
  if (!trouble)
    return state === 'searching' ? 'No metrics yet: no endpoint has been found.' : 'No metrics yet.'
  const { reason, hint } = trouble
  return hint === undefined ? `No metrics: ${reason}` : `No metrics: ${reason}. To fix it: ${hint}`
}

/** @param {PageStatus} page */
function summaryText({ families, series, truncated, shown }) {
  if (families === 0) return 'no series match'
  const all = `${plural(families, 'family', 'families')}, ${count(series)} series`
  const samples = shown.reduce((total, family) => total + family.samples.length, 0)
  return truncated ? `${all}; only the first ${count(samples)} are shown, use the search for others` : all
}

/** @param {FamilyStatus} family */
function createFamily({ name }) {
  const type = make('span', { class: 'tag' })
  const help = make('p', { class: 'help' })
  const more = make('p', { class: 'hint' })
  const body = make('tbody')
  /** @type {(samples: readonly { key: string, sample: SampleStatus }[]) => void} */
  const show = keyedList(body, {
    keyOf: ({ key }) => key,
    create: ({ sample }) => createSample(name, sample),
  })
  const element = make(
    'article',
    { class: 'family' },
    make('h4', {}, make('span', {}, name), type),
    help,
    make('table', { 'aria-label': `Series of ${name}` }, body),
    more,
  )
  return {
    element,
    /** @param {FamilyStatus} family */
    update(family) {
      setText(type, [family.type, family.unit].filter(Boolean).join(', '))
      setText(help, family.help)
      setHidden(help, family.help === '')
      show(withKeys(family.samples))
      const left = family.series - family.samples.length
      setText(more, left > 0 ? `and ${count(left)} more series` : '')
      setHidden(more, left <= 0)
    },
  }
}

/**
 * A series may occur twice: each occurrence gets its own key.
 * @param {readonly SampleStatus[]} samples
 */
function withKeys(samples) {
  /** @type {Map<string, number>} */
  const seen = new Map()
  return samples.map((sample) => {
    const times = seen.get(sample.series) ?? 0
    seen.set(sample.series, times + 1)
    return { key: `${times} ${sample.series}`, sample }
  })
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
    /** @param {{ readonly sample: SampleStatus }} item */
    update({ sample }) {
      setText(value, sample.value)
    },
  }
}
