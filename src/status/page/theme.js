// Dark or light: as the system says, unless one chooses.

import { setText } from './dom.js'

const themes = ['system', 'light', 'dark']
const place = 'app-metrics-proxy theme'

/** @param {HTMLElement} button */
export function handleTheme(button) {
  let chosen = remembered()
  function apply() {
    document.documentElement.dataset.theme = chosen
    setText(button, `Theme: ${chosen}`)
  }
  button.addEventListener('click', () => {
    chosen = themes[(themes.indexOf(chosen) + 1) % themes.length] ?? 'system'
    apply()
    remember(chosen)
  })
  apply()
}

/** A browser may refuse to store anything: then the choice lasts as long as the page. */
function remembered() {
  try {
    const theme = localStorage.getItem(place) ?? ''
    return themes.includes(theme) ? theme : 'system'
  } catch {
    return 'system'
  }
}

/** @param {string} theme */
function remember(theme) {
  try {
    localStorage.setItem(place, theme)
  } catch {}
}
