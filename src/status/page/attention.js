// The list of everything that needs attention, at the top of the page.

/** @import { AttentionItem, ClusterStatus } from './model.js' */
import { get, keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { plural } from './format.js'
import { attentionItems } from './model.js'
import { noFilters, printQuery } from './query.js'

const maxCollapsed = 5

export function createAttention() {
  const more = get('attention-more')
  let isExpanded = false
  /** @type {readonly AttentionItem[]} */
  let items = []
  /** @type {(items: readonly AttentionItem[]) => void} */
  const showItems = keyedList(get('attention-list'), { keyOf: ({ key }) => key, create: createItem })

  function show() {
    showItems(isExpanded ? items : items.slice(0, maxCollapsed))
    setHidden(get('attention'), items.length === 0)
    setHidden(more, items.length <= maxCollapsed)
    setText(more, isExpanded ? 'Show fewer' : `Show all ${plural(items.length, 'problem')}`)
    setAttribute(more, 'aria-expanded', `${isExpanded}`)
  }
  more.addEventListener('click', () => {
    isExpanded = !isExpanded
    show()
  })
  return (/** @type {ClusterStatus} */ status) => {
    items = attentionItems(status)
    show()
  }
}

/** @param {AttentionItem} item */
function createItem({ target }) {
  const title = target
    ? make('a', {
        class: 'title',
        href: printQuery({ ...noFilters, target: target.key }),
        'data-open': target.key,
      })
    : make('span', { class: 'title' })
  const text = make('span', { class: 'text' })
  const hint = make('span', { class: 'hint' })
  const severity = make('span', { class: 'visually-hidden' })
  const element = make('li', {}, severity, title, make('span', { class: 'message' }, text, ' ', hint))
  return {
    element,
    /** @param {AttentionItem} item */
    update(item) {
      setAttribute(element, 'data-severity', item.severity)
      setText(severity, `${item.severity}: `)
      setText(title, item.title)
      setText(text, item.text)
      setText(hint, item.hint ?? '')
      setHidden(hint, item.hint === undefined)
    },
  }
}
