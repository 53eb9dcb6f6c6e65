// Asks the agent again and again for what changed, and tells when it can't be asked.

/** @import { Status } from '../shape.ts' */

const pause = 1000
const longestPause = 8000
const patience = 15_000

/**
 * @param {object} listener
 * @param {(answer: Status) => void} listener.onAnswer
 * @param {(reason: string) => void} listener.onLoss
 */
export async function poll({ onAnswer, onLoss }) {
  let sequence = ''
  let failures = 0
  for (;;) {
    const asked = performance.now()
    try {
      const answer = await ask(sequence)
      sequence = answer.sequence
      failures = 0
      onAnswer(answer)
    } catch (error) {
      failures += 1
      onLoss(error instanceof Error ? error.message : String(error))
    }
    // a large cluster on a slow machine is asked less often
    const breather = Math.max(pause * 2 ** Math.min(failures, 4), 4 * (performance.now() - asked))
    await sleep(Math.min(breather, longestPause))
    await untilVisible()
  }
}

/**
 * @param {string} sequence
 * @returns {Promise<Status>}
 */
async function ask(sequence) {
  const response = await fetch(`.${sequence === '' ? '' : `?since=${encodeURIComponent(sequence)}`}`, {
    headers: { accept: 'application/json' },
    cache: 'no-store',
    signal: AbortSignal.timeout(patience),
  })
  if (!response.ok) throw new Error(`the agent answers ${response.status}`)
  return response.json()
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Nobody sees a hidden page: it asks for nothing. */
function untilVisible() {
  if (!document.hidden) return undefined
  return new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }))
}
