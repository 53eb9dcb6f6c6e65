// The panel beside the list, with one target's details.

/** @import { TargetDetails } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
/** @import { Query } from './query.js' */
import { createDetails } from './details.js'
import { get, setHidden } from './dom.js'

const retryMs = 10_000

/** It is not requested again unless it is listed again. */
class GoneError extends Error {}

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
  /** What the requested details depend on: after a new scrape or another search they are requested again. */
  let requestKey = ''
  let requestedFind = ''
  /** @type {AbortController | undefined} */
  let pending
  let retryAt = 0
  /** @type {Element | null} */
  let opener = null

  /** @param {string} target */
  function open(target) {
    if (shown === '') opener = document.activeElement
    pending?.abort()
    pending = undefined
    shown = target
    requestKey = ''
    retryAt = 0
    details = createDetails({ onClose, onFind })
    panel.replaceChildren(details.element)
    setHidden(panel, false)
    document.body.dataset.panel = 'open'
    panel.scrollTop = 0
    panel.focus()
  }

  function hide() {
    pending?.abort()
    pending = undefined
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
  async function refresh({ target, metricsSearch }, key, status) {
    pending?.abort()
    const request = new AbortController()
    pending = request
    requestKey = key
    requestedFind = metricsSearch
    try {
      const response = await requestDetails(target, metricsSearch, request.signal)
      if (pending === request) details?.update(response, metricsSearch, status)
    } catch (error) {
      if (pending !== request) return
      details?.fail(error instanceof Error ? error.message : String(error))
      if (error instanceof GoneError) return
      requestKey = ''
      retryAt = performance.now() + retryMs
    } finally {
      if (pending === request) pending = undefined
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
      const { target, metricsSearch } = query
      if (target === '') {
        if (shown !== '') hide()
        return
      }
      if (target !== shown) open(target)
      const listed = status.targets.get(target)
      details?.tick(listed, now)
      const key = JSON.stringify([listed?.scraped, listed?.state, listed?.failure, metricsSearch])
      // a request that takes longer than the interval of the scrapes is not replaced by the next one
      const isDue = metricsSearch !== requestedFind || (!pending && performance.now() >= retryAt)
      if (key !== requestKey && isDue) void refresh(query, key, status)
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
  if (response.status === 404)
    throw new GoneError('This target is gone: its container or its node was removed.')
  if (!response.ok) {
    const isText = response.headers.get('content-type')?.startsWith('text/plain')
    const reason = isText ? (await response.text()).trim() : 'no details'
    throw new Error(`The agent responded with status ${response.status}: ${reason}`)
  }
  return response.json()
}
