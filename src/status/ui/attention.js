// The list of everything that needs attention, at the top of the page.

/** @import { TargetStatus } from '../shape.ts' */
/** @import { AttentionItem, ClusterStatus } from './model.js' */
import { get, keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { count, plural } from './format.js'
import { attentionItems, sinceText } from './model.js'
import { noFilters, printQuery } from './query.js'

const maxCollapsed = 5
/** Of targets that fail for the same reason. */
const maxNamed = 6

export function createAttention() {
  const more = get('attention-more')
  let isExpanded = false
  /** @type {readonly AttentionItem[]} */
  let items = []
  let now = 0
  /** @type {(shown: readonly { item: AttentionItem, now: number }[]) => void} */
  const showItems = keyedList(get('attention-list'), {
    keyOf: ({ item }) => item.key,
    create: ({ item }) => createItem(item),
  })

  function show() {
    const shown = isExpanded ? items : firstOf(items)
    showItems(shown.map((item) => ({ item, now })))
    setHidden(get('attention'), items.length === 0)
    setHidden(more, items.length <= maxCollapsed)
    setText(more, isExpanded ? 'Show fewer' : `Show all ${plural(items.length, 'problem')}`)
    setAttribute(more, 'aria-expanded', `${isExpanded}`)
  }
  more.addEventListener('click', () => {
    isExpanded = !isExpanded
    show()
  })
  return (/** @type {ClusterStatus} */ status, /** @type {number} */ time) => {
    now = time
    items = attentionItems(status)
    show()
  }
}

/**
 * Among them the reason that most targets share, however many nodes are lost.
 * @param {readonly AttentionItem[]} items
 */
function firstOf(items) {
  const first = items.slice(0, maxCollapsed)
  const common = items.find(({ targets }) => targets.length > 0)
  return !common || first.includes(common) ? first : [...first.slice(0, -1), common]
}

/** @param {AttentionItem} first */
function createItem({ targets: [first, ...others] }) {
  const isGroup = others.length > 0
  const title = first ? make('a', { class: 'title', 'data-view': '' }) : make('span', { class: 'title' })
  const text = make('span', { class: 'text' })
  const names = make('span', { class: 'names' })
  const rest = make('span')
  const lasted = make('span', { class: 'lasted' })
  const hint = make('span', { class: 'hint' })
  const severity = make('span', { class: 'visually-hidden' })
  const message = make('span', { class: 'message' }, text, names, rest, ' ', lasted, ' ', hint)
  const element = make('li', {}, severity, title, message)
  /** @type {(targets: readonly TargetStatus[]) => void} */
  const showNames = keyedList(names, { keyOf: ({ key }) => key, create: createName })
  return {
    element,
    /** @param {{ readonly item: AttentionItem, readonly now: number }} shown */
    update({ item, now }) {
      setAttribute(element, 'data-severity', item.severity)
      setText(severity, `${item.severity}: `)
      setText(title, item.title)
      if (first) setAttribute(title, 'href', isGroup ? groupView(item) : viewOf(first))
      setText(text, item.text)
      setHidden(text, item.text === '')
      if (isGroup) showNames(item.targets.slice(0, maxNamed))
      const more = item.targets.length - maxNamed
      setText(rest, ` and ${count(more)} more`)
      setHidden(rest, !isGroup || more <= 0)
      setHidden(names, !isGroup)
      const lastedSoFar = sinceText(item.since, now, item.isOlder)
      setText(lasted, isGroup ? `(the first ${lastedSoFar})` : lastedSoFar)
      setHidden(lasted, item.since === undefined)
      setText(hint, item.hint ?? '')
      setHidden(hint, item.hint === undefined)
    },
  }
}

/** @param {TargetStatus} target */
function createName(target) {
  const link = make('a', { href: viewOf(target), 'data-view': '' }, target.instance)
  return { element: make('span', {}, link), update() {} }
}

/**
 * The targets of the group in the table.
 * @param {AttentionItem} item
 */
function groupView({ targets: [first] }) {
  return printQuery({
    ...noFilters,
    search: first?.failure?.reason ?? '',
    states: first ? [first.state] : [],
  })
}

/** @param {TargetStatus} target */
function viewOf({ key }) {
  return printQuery({ ...noFilters, target: key })
}
