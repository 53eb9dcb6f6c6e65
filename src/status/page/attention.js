// What needs a person, at the top and without being looked for.

/** @import { Known, Need } from './model.js' */
import { get, keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { count } from './format.js'
import { needsOf } from './model.js'
import { everything, printQuery } from './query.js'

const shownAtFirst = 5

export function createAttention() {
  const more = get('attention-more')
  let all = false
  /** @type {readonly Need[]} */
  let needs = []
  /** @type {(items: readonly Need[]) => void} */
  const list = keyedList(get('attention-list'), { keyOf: ({ key }) => key, create: createNeed })

  function show() {
    list(all ? needs : needs.slice(0, shownAtFirst))
    setHidden(get('attention'), needs.length === 0)
    setHidden(more, needs.length <= shownAtFirst)
    setText(more, all ? 'Show fewer' : `Show all ${count(needs.length)}`)
    setAttribute(more, 'aria-expanded', `${all}`)
  }
  more.addEventListener('click', () => {
    all = !all
    show()
  })
  return (/** @type {Known} */ known) => {
    needs = needsOf(known)
    show()
  }
}

/** @param {Need} need */
function createNeed({ target }) {
  const title = target
    ? make('a', {
        class: 'title',
        href: printQuery({ ...everything, target: target.key }),
        'data-open': target.key,
      })
    : make('span', { class: 'title' })
  const text = make('span', { class: 'text' })
  const hint = make('span', { class: 'hint' })
  const severity = make('span', { class: 'unseen' })
  const element = make('li', {}, severity, title, make('span', { class: 'words' }, text, ' ', hint))
  return {
    element,
    /** @param {Need} need */
    update(need) {
      setAttribute(element, 'data-severity', need.severity)
      setText(severity, `${need.severity}: `)
      setText(title, need.title)
      setText(text, need.text)
      setText(hint, need.hint ?? '')
      setHidden(hint, need.hint === undefined)
    },
  }
}
