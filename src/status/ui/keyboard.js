// Keyboard shortcuts: `/` searches, `?` opens the help, Escape closes, the arrows, j and k move from target to target.

/**
 * @param {object} page
 * @param {HTMLInputElement} page.search
 * @param {{ isOpen(): boolean, toggle(): void }} page.help
 * @param {() => boolean} page.isOpen
 * @param {() => void} page.onClose
 */
export function handleKeyboard({ search, help, isOpen, onClose }) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    // the browser closes an open dialog
    if (help.isOpen() && event.key !== '?') return
    if (event.key === 'Escape') {
      if (isOpen()) onClose()
      else if (event.target === search) search.blur()
    } else if (typing) {
      if (event.target === search && event.key === 'ArrowDown') step(1)
      else return
    } else if (event.key === '/') search.focus()
    else if (event.key === '?') help.toggle()
    else if (event.key === 'ArrowDown' || event.key === 'j') {
      if (!step(1)) return
    } else if (event.key === 'ArrowUp' || event.key === 'k') {
      if (!step(-1)) return
    } else return
    event.preventDefault()
  })
}

/**
 * Moves the focus to the next target or service. Returns false if none has it: then the page scrolls.
 * @param {1 | -1} by
 */
function step(by) {
  const all = [...document.querySelectorAll('#targets .name, #targets .toggle')]
  const stops = all.filter((stop) => !stop.closest('[hidden]'))
  const current = stops.indexOf(/** @type {Element} */ (document.activeElement))
  const inSearch = document.activeElement?.id === 'search'
  const next = stops[current < 0 ? (inSearch ? 0 : -1) : current + by]
  if (!(next instanceof HTMLElement)) return false
  next.focus()
  return true
}
