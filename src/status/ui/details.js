// The details of one target: its state and how to fix it, where its metrics were found, its metrics family by family,
// and what Prometheus sees of it.

import { clusterJob } from './blocks.js'
import { createHistory, rangeText } from './charts.js'
import { createBlock } from './copy.js'
/** @import { FamilyStatus, MetricsStatus, TargetDetails, TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
import { keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { createFamily } from './family.js'
import { age, bytes, count, durationText, plural, timeText } from './format.js'
import { baseNameOf, sinceText, suffixOf } from './model.js'

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
  const failure = createFailure()
  const facts = createFacts()
  const duration = createTrend('Last durations', durationText, 0.005)
  const size = createTrend('Last sizes', bytes, 1)
  const prometheus = createPrometheus()
  const metrics = createMetrics(onFind)
  const parts = [metrics.element, prometheus.element]
  for (const part of parts) setHidden(part, true)
  close.addEventListener('click', onClose)
  const header = make(
    'header',
    { class: 'panel-head' },
    make('h2', { id: 'panel-title' }, baseName, suffix),
    close,
    make('p', { class: 'status' }, make('i', { class: 'mark', 'aria-hidden': 'true' }), state, when),
  )
  const trends = make('dl', { class: 'facts' }, duration.element, size.element)
  const element = make('div', { class: 'details' }, header, failure.element, facts.element, trends, ...parts)
  setHidden(trends, true)
  /**
   * Why the last request for the details failed.
   * @type {{ readonly reason: string } | undefined}
   */
  let requestFailure

  /** @param {TargetStatus} target */
  function head(target) {
    setText(baseName, baseNameOf(target))
    setText(suffix, suffixOf(target))
    setText(state, target.state)
    setAttribute(element, 'data-state', target.state)
    duration.update(target.history)
    setHidden(trends, target.history.length === 0)
    failure.update(requestFailure ?? target.failure)
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
      const lasted = sinceText(target.downSince, now, target.lastSuccess === undefined)
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
      requestFailure = undefined
      head(response.target)
      size.update(response.sizes)
      facts.update(response)
      prometheus.update(response, status)
      metrics.update(response, find)
      for (const part of parts) setHidden(part, false)
    },
    /** @param {string} reason */
    fail(reason) {
      if (baseName.textContent === '') setText(baseName, 'Target')
      requestFailure = { reason }
      failure.update(requestFailure)
    },
  }
}

function createFailure() {
  const reason = make('p', { class: 'reason' })
  const hint = make('p', { class: 'hint' })
  const more = make('a', { href: './-/docs/OPERATIONS.md#what-errors-mean' }, 'What errors mean')
  const element = make('div', { class: 'failure-box', role: 'status' }, reason, hint, more)
  element.hidden = true
  return {
    element,
    /** @param {{ readonly reason: string, readonly code?: string, readonly hint?: string } | undefined} failure */
    update(failure) {
      setHidden(element, failure === undefined)
      setText(reason, failure?.reason ?? '')
      // without a code, the request for the details failed, not a scrape
      setHidden(more, failure?.code === undefined)
      setText(hint, failure?.hint === undefined ? '' : `To fix it: ${failure.hint}`)
    },
  }
}

/**
 * The last durations or sizes: as bars, and from which to which.
 * @param {string} name
 * @param {(value: number) => string} print
 * @param {number} minScale
 */
function createTrend(name, print, minScale) {
  const history = createHistory(20, print, minScale)
  const range = make('span')
  return {
    element: make('div', {}, make('dt', {}, name), make('dd', { class: 'trend' }, history.element, range)),
    /** @param {readonly (number | null)[]} values */
    update(values) {
      history.update(values)
      const present = values.filter((value) => value !== null)
      setText(range, rangeText(present, print) || 'all failed')
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
    update({ target, labels, addresses, metrics }) {
      const { endpoint, format } = target
      /** @type {[string, string][]} */
      const facts = [
        ['Endpoint', endpoint?.url ?? ''],
        ['Found by', endpoint?.source ?? ''],
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
        ['Health', target.health ?? ''],
        [
          'Restarts',
          target.restarts === undefined ? '' : `${count(target.restarts)} since its agent started`,
        ],
        ['Last exit', lastExitText(target)],
        [
          'Addresses',
          target.kind === 'static'
            ? ''
            : addresses.map(({ network, host }) => `${host} on ${network}`).join('\n'),
        ],
        ['Remarks', [...(metrics?.remarks ?? []), ...target.remarks].join('\n')],
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

/** @param {TargetStatus} target */
function lastExitText({ lastExitCode, oomKills = 0 }) {
  const code = lastExitCode === undefined ? '' : `code ${lastExitCode}`
  const kills = oomKills === 0 ? '' : `${plural(oomKills, 'process', 'processes')} killed for lack of memory`
  return [code, kills].filter(Boolean).join(', ')
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
    'Not listed at /sd, which has only targets with metrics and those that labels configure.',
  )
  /** @type {(labels: readonly (readonly [string, string])[]) => void} */
  const show = keyedList(list, { keyOf: ([name]) => name, create: createFact })
  const cluster = createBlock('Scrape job for the cluster')
  const target = createBlock('Scrape job for this target')
  return {
    element: make(
      'details',
      { class: 'prometheus' },
      make('summary', {}, 'What Prometheus sees, and scrape jobs to copy'),
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
    update({ target, metrics }, find) {
      for (const part of [raw, search, list]) setHidden(part, metrics === undefined)
      setHidden(noMetrics, metrics !== undefined)
      setText(noMetrics, metrics ? '' : noMetricsText(target))
      if (!metrics) return
      setAttribute(raw, 'href', `.${target.path}`)
      if (document.activeElement !== input) input.value = find
      setText(summary, summaryText(metrics))
      show(metrics.shown)
    },
  }
}

/**
 * Why there are no metrics, and what to do.
 * @param {TargetStatus} target
 */
function noMetricsText({ state, failure }) {
  if (!failure)
    return state === 'searching' ? 'No metrics yet: no endpoint has been found.' : 'No metrics yet.'
  const { reason, hint } = failure
  return hint === undefined ? `No metrics: ${reason}` : `No metrics: ${reason}. To fix it: ${hint}`
}

/** @param {MetricsStatus} page */
function summaryText({ families, series, truncated, shown }) {
  if (families === 0) return 'no series match'
  const all = `${plural(families, 'family', 'families')}, ${count(series)} series`
  const first = shown.reduce((total, family) => total + family.series - family.omitted, 0)
  return truncated ? `${all}; only ${count(first)} are shown, use the search for others` : all
}
