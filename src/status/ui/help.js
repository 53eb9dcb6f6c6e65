// The help: keys, states, and where the documentation is. `?` opens it.

import { get } from './dom.js'

export function createHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (get('help'))
  get('help-open').addEventListener('click', () => dialog.showModal())
  get('help-close').addEventListener('click', () => dialog.close())
  // a click beside the text
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })
  return {
    isOpen: () => dialog.open,
    toggle: () => (dialog.open ? dialog.close() : dialog.showModal()),
  }
}
