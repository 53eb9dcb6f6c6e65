// Asking an agent as a central Prometheus would, with what a test wants to know of the answer.

import { scaled } from '../../helpers/limits.ts'

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  /** Milliseconds from the question to the last byte. */
  readonly durationMs: number
}

export async function ask(
  url: string,
  headers: Record<string, string> = {},
  limitMs = scaled(10_000),
): Promise<Answer> {
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(limitMs)
  const answer = await fetch(url, { headers, signal, redirect: 'manual' })
  const text = await answer.text()
  return { status: answer.status, text, headers: answer.headers, durationMs: performance.now() - startedAt }
}

/** The value of one series of a page, named as it stands there. */
export function sampleOf(page: string, series: string): number | undefined {
  const line = page.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}
