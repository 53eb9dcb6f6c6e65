// The status page: connects its parts, keeps the view in the URL, and polls the status.

/** @import { ClusterStatus } from './model.js' */
/** @import { Query } from './query.js' */
import { createAttention } from './attention.js'
import { createChips } from './chips.js'
import { createClients } from './clients.js'
import { get, make, setAttribute, setHidden, setText } from './dom.js'
import { createFirstRun } from './first-run.js'
import { age, plural } from './format.js'
import { createHelp } from './help.js'
import { handleKeyboard } from './keyboard.js'
import { clusterStatus, countStates, healthText } from './model.js'
import { createNodes } from './nodes.js'
import { createPanel } from './panel.js'
import { poll } from './poll.js'
import { isFiltered, printQuery, readQuery } from './query.js'
import { createTable } from './table.js'
import { handleTheme } from './theme.js'

/** @type {ClusterStatus | undefined} */
let status
let query = readQuery(location.search)
/** When the last response arrived, by the browser's clock. */
let updatedAt = performance.now()
let connectionError = ''

const search = /** @type {HTMLInputElement} */ (get('search'))
const stack = /** @type {HTMLSelectElement} */ (get('stack'))
const showAttention = createAttention()
const showClients = createClients()
const showFirstRun = createFirstRun()
const showNodes = createNodes((node) => change({ node: node === query.node ? '' : node }))
const showChips = createChips((states) => change({ states }))
const showTable = createTable((sort) => change({ sort }))
const panel = createPanel({
  onClose: () => change({ target: '', metricsSearch: '' }, 'push'),
  onFind: (metricsSearch) => change({ metricsSearch }),
})

/** The agent's time, estimated without comparing its clock with the browser's. */
function now() {
  return (status?.time ?? 0) + (performance.now() - updatedAt) / 1000
}

function show() {
  if (!status) return
  const time = now()
  showAttention(status, time)
  showFirstRun(status)
  showNodes(status, time, query.node)
  showChips(status, query)
  showStacks(status)
  showClients(status, time)
  showTable({ status, query, now: time })
  panel.show(query, status, time)
  showHeader(status)
  setHidden(get('clear'), !isFiltered(query))
}

/** @param {ClusterStatus} status */
function showHeader({ cluster, version, nodes, nodeId, targets }) {
  const node = nodes.find(({ id }) => id === nodeId)?.name ?? nodeId
  const downTargets = countStates(targets.values()).get('down') ?? 0
  const lostNodes = nodes.filter(({ link }) => link === 'lost').length
  const failures = [
    downTargets > 0 ? `${plural(downTargets, 'target')} down` : '',
    lostNodes > 0 ? `${plural(lostNodes, 'node')} lost` : '',
  ].filter(Boolean)
  setText(get('cluster'), cluster)
  document.title = [failures.join(', '), cluster].filter(Boolean).join(' · ')
  setText(get('about'), `app-metrics-proxy ${version} on ${node}`)
  setText(get('state-summary'), healthText(targets.values()))
  const isLive = connectionError === ''
  setAttribute(get('live'), 'data-live', `${isLive}`)
  setText(get('live-text'), isLive ? `live from ${node}` : connectionError)
  // a separate element, so that screen readers announce the error once and not each second
  setText(get('live-age'), isLive ? '' : `last update ${age((performance.now() - updatedAt) / 1000)} ago`)
  setAttribute(get('main'), 'data-live', `${isLive}`)
}

/** @param {ClusterStatus} status */
function showStacks({ targets }) {
  const stacks = [...new Set([...targets.values()].flatMap((target) => target.stack ?? []))].sort()
  setHidden(get('stack-filter'), stacks.length < 2 && query.stack === '')
  const names = ['', ...new Set([...stacks, query.stack].filter(Boolean))]
  if (names.join('\n') !== [...stack.options].map(({ value }) => value).join('\n'))
    stack.replaceChildren(...names.map((name) => make('option', { value: name }, name === '' ? 'all' : name)))
  if (stack.value !== query.stack) stack.value = query.stack
}

/**
 * @param {Partial<Query>} part
 * @param {'push' | 'replace'} [mode]
 */
function change(part, mode = 'replace') {
  query = { ...query, ...part }
  history[mode === 'push' ? 'pushState' : 'replaceState'](null, '', printQuery(query))
  show()
}

search.value = query.search
search.addEventListener('input', () => change({ search: search.value }))
get('search-form').addEventListener('submit', (event) => event.preventDefault())
stack.addEventListener('change', () => change({ stack: stack.value }))
get('clear').addEventListener('click', () => {
  search.value = ''
  change({ search: '', states: [], node: '', stack: '' })
  search.focus()
})
addEventListener('popstate', () => {
  query = readQuery(location.search)
  search.value = query.search
  show()
})
// a plain click on a link to another view, or to a target's details, shows it; the browser handles any other
document.addEventListener('click', (event) => {
  const view = /** @type {Element} */ (event.target).closest('a[data-view]')?.getAttribute('href')
  if (typeof view !== 'string' || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  const next = readQuery(view)
  if (next.target !== '') return change({ target: next.target, metricsSearch: '' }, 'push')
  search.value = next.search
  change(next, 'push')
  get('targets-title').scrollIntoView()
})
handleKeyboard({
  search,
  help: createHelp(),
  isOpen: () => query.target !== '',
  onClose: () => panel.close(),
})
handleTheme(get('theme'))

setInterval(show, 1000)
await poll({
  onResponse(response) {
    status = clusterStatus(response)
    updatedAt = performance.now()
    connectionError = ''
    show()
  },
  onError(reason) {
    connectionError =
      reason === 'Failed to fetch' || reason.includes('NetworkError') ? 'the agent cannot be reached' : reason
    if (status) show()
    else setText(get('live-text'), connectionError)
  },
})
