// The panel beside the list, with one target's details.

/** @import { TargetDetails } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
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
  /** What the shown details depend on: after a new scrape or another search they are requested again. */
  let requestKey = ''
  let pending = new AbortController()
  /** @type {Element | null} */
  let opener = null

  /** @param {string} target */
  function open(target) {
    if (shown === '') opener = document.activeElement
    shown = target
    requestKey = ''
    details = createDetails({ onClose, onFind })
    panel.replaceChildren(details.element)
    setHidden(panel, false)
    document.body.dataset.panel = 'open'
    panel.scrollTop = 0
    panel.focus()
  }

  function hide() {
    pending.abort()
    shown = ''
    details = undefined
    panel.replaceChildren()
    setHidden(panel, true)
    delete document.body.dataset.panel
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
  }

  /**
   * @param {Query} query
   * @param {string} key
   * @param {ClusterStatus} status
   */
  async function refresh({ target, find }, key, status) {
    pending.abort()
    pending = new AbortController()
    const { signal } = pending
    requestKey = key
    try {
      const response = await requestDetails(target, find, signal)
      if (!signal.aborted) details?.update(response, find, status)
    } catch (error) {
      if (signal.aborted) return
      details?.fail(error instanceof Error ? error.message : String(error))
      requestKey = ''
    }
  }

  return {
    close: onClose,
    /**
     * @param {Query} query
     * @param {ClusterStatus} status
     * @param {number} now
     */
    show(query, status, now) {
      const { target, find } = query
      if (target === '') {
        if (shown !== '') hide()
        return
      }
      if (target !== shown) open(target)
      const listed = status.targets.get(target)
      details?.tick(listed, now)
      const key = JSON.stringify([listed?.scraped, listed?.state, listed?.failure, find])
      if (key !== requestKey) void refresh(query, key, status)
    },
  }
}

/**
 * @param {string} target
 * @param {string} find
 * @param {AbortSignal} signal
 * @returns {Promise<TargetDetails>}
 */
async function requestDetails(target, find, signal) {
  const response = await fetch(`.?${new URLSearchParams({ target, find })}`, {
    headers: { accept: 'application/json' },
    cache: 'no-store',
    signal,
  })
  if (response.status === 404) throw new Error('This target is gone: its container or its node was removed.')
  if (!response.ok) throw new Error(`The agent responded with status ${response.status}.`)
  return response.json()
}
