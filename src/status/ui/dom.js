// Helpers to create and change elements. Text is inserted as text, never as markup.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children.map((child) => (typeof child === 'string' ? escapeDirection(child) : child)))
  return element
}

/**
 * @param {string} tag
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {...Node} children
 */
export function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/**
 * An element of index.html.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function get(id) {
  return /** @type {E} */ (document.getElementById(id))
}

/**
 * Escapes characters that change the direction of the following text, including our own: in quotes, YAML, JSON and
 * PromQL read the escape as the same character.
 * @param {string} text
 */
function escapeDirection(text) {
  return text.replaceAll(
    /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

// Unchanged elements are not touched: that saves work in the browser, and selected text stays selected.

/**
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  const wanted = escapeDirection(text)
  if (element.textContent !== wanted) element.textContent = wanted
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

/**
 * @param {Element} element
 * @param {boolean} hidden
 */
export function setHidden(element, hidden) {
  if (element.hasAttribute('hidden') !== hidden) element.toggleAttribute('hidden', hidden)
}

/**
 * A list of elements, one per item, identified by key: created once, moved only if the order changed. Of items with the
 * same key, such as a series that occurs twice, each has its own element. With `frameBudgetMs`, those that take longer are shown in the next frames, so that a long list doesn't delay the first
 * paint.
 * @template I
 * @param {Element} parent
 * @param {object} options
 * @param {(item: I) => string} options.keyOf
 * @param {(item: I) => Shown<I>} options.create
 * @param {() => number} [options.skip] how many elements of the parent precede the list
 * @param {number} [options.frameBudgetMs]
 */
export function keyedList(parent, { keyOf, create, skip = () => 0, frameBudgetMs = Infinity }) {
  /** @type {Map<string, Shown<I>>} */
  const shown = new Map()
  let frame = 0

  /**
   * @param {readonly { readonly key: string, readonly item: I }[]} keyed
   * @param {Element | null | undefined} place the element before which the first of them belongs
   */
  function show(keyed, place) {
    const deadline = performance.now() + frameBudgetMs
    let next = place ?? null
    for (const [at, { key, item }] of keyed.entries()) {
      const one = shown.get(key) ?? create(item)
      shown.set(key, one)
      if (one.element === next) next = next.nextElementSibling
      else parent.insertBefore(one.element, next)
      one.update(item)
      if (performance.now() > deadline) {
        frame = requestAnimationFrame(() => show(keyed.slice(at + 1), next))
        return
      }
    }
  }

  return (/** @type {readonly I[]} */ items) => {
    /** @type {Map<string, number>} */
    const times = new Map()
    const keyed = items.map((item) => {
      const key = keyOf(item)
      const before = times.get(key) ?? 0
      times.set(key, before + 1)
      return { key: before === 0 ? key : JSON.stringify([key, before]), item }
    })
    const wanted = new Set(keyed.map(({ key }) => key))
    for (const [key, { element }] of shown)
      if (!wanted.has(key)) {
        element.remove()
        shown.delete(key)
      }
    cancelAnimationFrame(frame)
    show(keyed, parent.children[skip()])
  }
}

/**
 * @template I
 * @typedef {{ readonly element: Element, update(item: I): void }} Shown
 */
