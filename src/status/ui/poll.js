// Polls the agent for its status, and reports when it can't be reached.

/** @import { Status } from '../shape.ts' */

const intervalMs = 1000
const maxDelayMs = 8000
const requestTimeoutMs = 15_000

/**
 * @param {object} listener
 * @param {(response: Status) => void} listener.onResponse
 * @param {(reason: string) => void} listener.onError
 */
export async function poll({ onResponse, onError }) {
  let failures = 0
  for (;;) {
    const startedAt = performance.now()
    try {
      const response = await requestStatus()
      failures = 0
      onResponse(response)
    } catch (error) {
      failures += 1
      onError(error instanceof Error ? error.message : String(error))
    }
    // a large cluster on a slow machine is polled less often
    const delayMs = Math.max(intervalMs * 2 ** Math.min(failures, 4), 4 * (performance.now() - startedAt))
    await sleep(Math.min(delayMs, maxDelayMs))
    await untilVisible()
  }
}

/** @returns {Promise<Status>} */
async function requestStatus() {
  const response = await fetch('.', {
    headers: { accept: 'application/json' },
    cache: 'no-store',
    signal: AbortSignal.timeout(requestTimeoutMs),
  })
  if (!response.ok) throw new Error(`the agent responded with status ${response.status}`)
  return response.json()
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A hidden page does not poll. */
function untilVisible() {
  if (!document.hidden) return undefined
  return new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }))
}
