// Dark or light: the system setting, unless the user chooses.

import { setText } from './dom.js'

const themes = ['system', 'light', 'dark']
const storageKey = 'app-metrics-proxy theme'

/** @param {HTMLElement} button */
export function handleTheme(button) {
  let theme = storedTheme()
  function apply() {
    document.documentElement.dataset.theme = theme
    setText(button, `Theme: ${theme}`)
  }
  button.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system'
    apply()
    store(theme)
  })
  apply()
}

/** A browser may refuse to store anything: then the choice lasts until the page is closed. */
function storedTheme() {
  try {
    const theme = localStorage.getItem(storageKey) ?? ''
    return themes.includes(theme) ? theme : 'system'
  } catch {
    return 'system'
  }
}

/** @param {string} theme */
function store(theme) {
  try {
    localStorage.setItem(storageKey, theme)
  } catch {}
}
