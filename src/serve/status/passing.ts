// What every scrape changes in a target's status, as JSON. The scrapes of the history that were told before keep
// their text: with ten thousand targets, numbers made into text are most of what a look costs.

import type { Past, Snapshot } from '../../model.ts'
import { pastOf, secondsOf, type Unix } from './target.ts'

/** The members that `passingOf` gives, a comma before each, up to the bracket that opens the history. */
export function scrapeJson(snapshot: Snapshot | undefined, unix: Unix): string {
  if (!snapshot) return ',"history":['
  const when = `,"scraped":${unix(snapshot.at)},"took":${secondsOf(snapshot.took)}`
  if (!snapshot.ok) return `${when},"history":[`
  const { series, size, format } = snapshot.page
  return `${when},"series":${series},"bytes":${size},"format":${JSON.stringify(format)},"history":[`
}

/** The items of the history, given what was told of it before. */
export function historyJson(history: readonly Past[], before: readonly Past[], text: string): string {
  const known = before.length > 0 ? history.lastIndexOf(before.at(-1)!) + 1 : 0
  let told = known > 0 ? withoutFirst(text, before.length - known) : ''
  for (let at = known; at < history.length; at += 1) {
    const past = pastOf(history[at]!)
    told += told === '' ? past : `,${past}`
  }
  return told
}

function withoutFirst(text: string, count: number): string {
  let from = 0
  for (let n = 0; n < count; n += 1) from = text.indexOf(',', from) + 1
  return text.slice(from)
}
