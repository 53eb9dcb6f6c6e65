// One target's details, beside the list.

/** @import { TargetDetails } from '../shape.ts' */
/** @import { Known } from './model.js' */
/** @import { Query } from './query.js' */
import { createDetails } from './details.js'
import { get, setHidden } from './dom.js'

/**
 * @param {object} listener
 * @param {() => void} listener.onClose
 * @param {(find: string) => void} listener.onFind
 */
export function createPanel({ onClose, onFind }) {
  const panel = get('panel')
  /** @type {ReturnType<typeof createDetails> | undefined} */
  let details
  let shown = ''
  /** What the details on the screen were asked with: a new scrape or another search is a new ask. */
  let asked = ''
  let asking = new AbortController()
  /** @type {Element | null} */
  let opener = null

  /** @param {string} target */
  function open(target) {
    if (shown === '') opener = document.activeElement
    shown = target
    asked = ''
    details = createDetails({ onClose, onFind })
    panel.replaceChildren(details.element)
    setHidden(panel, false)
    document.body.dataset.panel = 'open'
    panel.scrollTop = 0
    panel.focus()
  }

  function hide() {
    asking.abort()
    shown = ''
    details = undefined
    panel.replaceChildren()
    setHidden(panel, true)
    delete document.body.dataset.panel
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
  }

  /**
   * @param {Query} query
   * @param {string} wanted
   */
  async function refresh({ target, find }, wanted) {
    asking.abort()
    asking = new AbortController()
    const { signal } = asking
    asked = wanted
    try {
      const answer = await ask(target, find, signal)
      if (!signal.aborted) details?.update(answer, find)
    } catch (error) {
      if (signal.aborted) return
      details?.fail(error instanceof Error ? error.message : String(error))
      asked = ''
    }
  }

  return {
    close: onClose,
    /**
     * @param {Query} query
     * @param {Known} known
     * @param {number} now
     */
    show(query, known, now) {
      const { target, find } = query
      if (target === '') {
        if (shown !== '') hide()
        return
      }
      if (target !== shown) open(target)
      const listed = known.targets.get(target)
      details?.tick(listed, now)
      const wanted = JSON.stringify([listed?.scraped, listed?.state, listed?.trouble, find])
      if (wanted !== asked) void refresh(query, wanted)
    },
  }
}

/**
 * @param {string} target
 * @param {string} find
 * @param {AbortSignal} signal
 * @returns {Promise<TargetDetails>}
 */
async function ask(target, find, signal) {
  const response = await fetch(`.?${new URLSearchParams({ target, find })}`, {
    headers: { accept: 'application/json' },
    cache: 'no-store',
    signal,
  })
  if (response.status === 404)
    throw new Error('This target is gone: its container was removed or its node forgotten.')
  if (!response.ok) throw new Error(`The agent answers ${response.status}.`)
  return response.json()
}
