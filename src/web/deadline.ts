// How long an answer may take.

/** The longest that anybody is waited for, whatever a client allows. */
const longest = 300_000

/**
 * What the client allows (`X-Prometheus-Scrape-Timeout-Seconds`), or `usual` milliseconds, less a margin for
 * the way back: so that a slow container is answered live and a hung one is told in time.
 */
export function budgetOf(allowed: string | string[] | undefined, usual: number): number {
  const seconds = Number(allowed)
  const given = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, longest) : usual
  return given - marginOf(given)
}

/** A twentieth, at least 50 ms and at most half a second; of very little time, half. */
function marginOf(given: number): number {
  return Math.min(Math.max(given / 20, 50), 500, given / 2)
}
