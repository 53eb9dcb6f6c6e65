// What every scrape changes in a target's status, as JSON. The scrapes of the history that were told before keep
// their text: with ten thousand targets, numbers made into text are most of what a look costs.

import type { Entry, Past } from '../../model.ts'
import { pastOf, scrapeOf, type Unix } from './target.ts'

/** A history and its text, a comma between two scrapes. */
export interface Told {
  readonly history: readonly Past[]
  readonly text: string
}

/** The members that `passingOf` gives, without braces. */
export function passingJson({ snapshot }: Entry, { text }: Told, unix: Unix): string {
  const scrape = snapshot ? `${JSON.stringify(scrapeOf(snapshot, unix)).slice(1, -1)},` : ''
  return `${scrape}"history":[${text}]`
}

export function tellHistory(history: readonly Past[], before?: Told): Told {
  const known = before ? history.lastIndexOf(before.history.at(-1)!) + 1 : 0
  const kept = before && known > 0 ? [withoutFirst(before.text, before.history.length - known)] : []
  const fresh = history.slice(known).map((past) => String(pastOf(past)))
  return { history, text: [...kept, ...fresh].join(',') }
}

function withoutFirst(text: string, count: number): string {
  let from = 0
  for (let n = 0; n < count; n += 1) from = text.indexOf(',', from) + 1
  return text.slice(from)
}
