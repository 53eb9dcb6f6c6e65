// A block of text with a button that copies it.

import { make, setText } from './dom.js'

const confirmationMs = 2000

/** @param {string} label what it is, for screen readers */
export function createBlock(label) {
  const code = make('code')
  const button = make('button', { type: 'button', class: 'quiet', 'aria-label': `Copy: ${label}` }, 'Copy')
  button.addEventListener('click', async () => {
    setText(button, (await copyText(code)) ? 'Copied' : 'Selected: press Ctrl+C')
    setTimeout(() => setText(button, 'Copy'), confirmationMs)
  })
  const pre = make('pre', { tabindex: '0', role: 'region', 'aria-label': label }, code)
  return {
    element: make('div', { class: 'block' }, pre, button),
    /** @param {string} text */
    update(text) {
      setText(code, text)
    },
  }
}

/**
 * The clipboard API needs HTTPS or localhost; elsewhere the text is selected and copied with the old command. False:
 * it is only selected.
 * @param {Element} element
 */
async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent)
    return true
  } catch {
    getSelection()?.selectAllChildren(element)
    return document.execCommand('copy')
  }
}
