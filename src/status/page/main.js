// The status page: joins its parts, keeps what is shown in the URL, and brings in what changes.

/** @import { Known } from './model.js' */
/** @import { Query } from './query.js' */
import { createAttention } from './attention.js'
import { createChips } from './chips.js'
import { get, make, setAttribute, setHidden, setText } from './dom.js'
import { age } from './format.js'
import { handleKeys } from './keys.js'
import { countStates, sayHealth, take } from './model.js'
import { createNodes } from './nodes.js'
import { createPanel } from './panel.js'
import { poll } from './poll.js'
import { isFiltered, printQuery, readQuery } from './query.js'
import { createTable } from './table.js'
import { handleTheme } from './theme.js'

/** @type {Known | undefined} */
let known
let query = readQuery(location.search)
/** When the newest answer came, by the browser's own clock. */
let answered = performance.now()
let loss = ''

const search = /** @type {HTMLInputElement} */ (get('search'))
const stack = /** @type {HTMLSelectElement} */ (get('stack'))
const showAttention = createAttention()
const showNodes = createNodes((node) => change({ node: node === query.node ? '' : node }))
const showChips = createChips((states) => change({ states }))
const showTable = createTable()
const panel = createPanel({
  onClose: () => change({ target: '', find: '' }, 'push'),
  onFind: (find) => change({ find }),
})

/** Now by the agent's clock, as far as can be told: the two clocks are never compared. */
function now() {
  return (known?.time ?? 0) + (performance.now() - answered) / 1000
}

function show() {
  if (!known) return
  const time = now()
  showAttention(known)
  showNodes(known, time, query.node)
  showChips(known, query)
  showStacks(known)
  showTable({ known, query, now: time })
  panel.show(query, known, time)
  showHead(known)
  setHidden(get('clear'), !isFiltered(query))
}

/** @param {Known} known */
function showHead({ cluster, version, nodes, nodeId, targets }) {
  const node = nodes.find(({ id }) => id === nodeId)?.name ?? nodeId
  const down = countStates(targets.values()).get('down') ?? 0
  setText(get('cluster'), cluster)
  document.title = `${down > 0 ? `${down} down · ` : ''}${cluster}`
  setText(get('about'), `app-metrics-proxy ${version}, answered by ${node}`)
  setText(get('glance'), sayHealth(targets.values()))
  const silence = (performance.now() - answered) / 1000
  const live = loss === ''
  setAttribute(get('live'), 'data-live', `${live}`)
  setText(get('live-text'), live ? `live from ${node}` : loss)
  // apart, so that a screen reader tells the loss once and not each second
  setText(get('live-age'), live ? '' : `as of ${age(silence)} ago`)
  setAttribute(get('main'), 'data-live', `${live}`)
}

/** @param {Known} known */
function showStacks({ targets }) {
  const stacks = [...new Set([...targets.values()].flatMap((target) => target.stack ?? []))].sort()
  setHidden(get('stack-pick'), stacks.length < 2 && query.stack === '')
  const wanted = ['', ...new Set([...stacks, query.stack].filter(Boolean))]
  if (wanted.join('\n') !== [...stack.options].map(({ value }) => value).join('\n'))
    stack.replaceChildren(
      ...wanted.map((name) => make('option', { value: name }, name === '' ? 'all' : name)),
    )
  if (stack.value !== query.stack) stack.value = query.stack
}

/**
 * @param {Partial<Query>} part
 * @param {'push' | 'replace'} [how]
 */
function change(part, how = 'replace') {
  query = { ...query, ...part }
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', printQuery(query))
  show()
}

search.value = query.q
search.addEventListener('input', () => change({ q: search.value }))
get('search-form').addEventListener('submit', (event) => event.preventDefault())
stack.addEventListener('change', () => change({ stack: stack.value }))
get('clear').addEventListener('click', () => {
  search.value = ''
  change({ q: '', states: [], node: '', stack: '' })
  search.focus()
})
addEventListener('popstate', () => {
  query = readQuery(location.search)
  search.value = query.q
  show()
})
// a plain click on a target's link opens its details here; any other click is the browser's
document.addEventListener('click', (event) => {
  const link = /** @type {Element} */ (event.target).closest('[data-open]')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  change({ target: link.getAttribute('data-open') ?? '', find: '' }, 'push')
})
handleKeys({ search, isOpen: () => query.target !== '', onClose: () => panel.close() })
handleTheme(get('theme'))

setInterval(show, 1000)
await poll({
  onAnswer(answer) {
    known = take(known, answer)
    answered = performance.now()
    loss = ''
    show()
  },
  onLoss(reason) {
    loss =
      reason === 'Failed to fetch' || reason.includes('NetworkError') ? 'the agent cannot be reached' : reason
    if (known) show()
    else setText(get('live-text'), loss)
  },
})
