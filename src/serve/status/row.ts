// One target's status as JSON, kept in pieces: what lasts, the last scrape, and the history. Each is made anew only
// where something that it tells has changed. With ten thousand targets most of the time would go into objects that
// are made and collected: so a row is one object, and changes in place.

import type { Entry } from '../../model.ts'
import { historyJson, scrapeJson } from './passing.ts'
import { groundsOf, keyOf, lastingOf, type Surroundings, scrapedGround, type Unix } from './target.ts'

export interface Row {
  readonly key: string
  /** All that no scrape changes, without the closing brace. */
  lasting: Buffer
  /** What the last scrape brought, up to the bracket that opens the history. Nothing but ASCII. */
  scrape: string
  /** The items of the history. Nothing but ASCII. */
  past: string
  /** What it was made of, as far as it can be held on to: never a page, which is large. */
  target: Entry['target']
  finding: Entry['finding']
  endpoint: Entry['endpoint'] | undefined
  ended: Entry['ended'] | undefined
  history: Entry['history']
  scraped: number | undefined
  around: Surroundings
  grounds: readonly unknown[]
  /** The count at which it last changed, and the look that last found it. */
  changed: number
  seen: number
}

export function rowOf(entry: Entry, around: Surroundings, unix: Unix): Row {
  const { target, finding, endpoint, ended, history, snapshot } = entry
  return {
    key: keyOf(entry.owner, entry.target.id),
    lasting: lastingJson(entry, around, unix),
    scrape: scrapeJson(snapshot, unix),
    past: historyJson(history, [], ''),
    target,
    finding,
    endpoint,
    ended,
    history,
    scraped: snapshot?.at,
    around,
    grounds: groundsOf(entry, around),
    changed: 0,
    seen: 0,
  }
}

/** Whether it would be made anew just as it is. */
export function isOf(row: Row, entry: Entry, around: Surroundings): boolean {
  return (
    row.history === entry.history && row.scraped === entry.snapshot?.at && isLastingOf(row, entry, around)
  )
}

function isLastingOf(row: Row, { target, finding, endpoint, ended }: Entry, around: Surroundings): boolean {
  return (
    row.target === target &&
    row.finding === finding &&
    row.endpoint === endpoint &&
    row.ended === ended &&
    row.around === around
  )
}

/** Makes it tell what the entry is now. False: it told just that before. */
export function renew(row: Row, entry: Entry, around: Surroundings, unix: Unix): boolean {
  const { lasting, scrape, past } = row
  renewLasting(row, entry, around, unix)
  row.scrape = scrapeJson(entry.snapshot, unix)
  row.past = historyJson(entry.history, row.history, past)
  row.history = entry.history
  row.scraped = entry.snapshot?.at
  return row.scrape !== scrape || row.past !== past || !row.lasting.equals(lasting)
}

function renewLasting(row: Row, entry: Entry, around: Surroundings, unix: Unix): void {
  if (isLastingOf(row, entry, around) && row.grounds.at(-1) === scrapedGround(entry)) return
  const grounds = groundsOf(entry, around)
  if (!sameItems(row.grounds, grounds)) {
    row.grounds = grounds
    row.lasting = lastingJson(entry, around, unix)
  }
  row.target = entry.target
  row.finding = entry.finding
  row.endpoint = entry.endpoint
  row.ended = entry.ended
  row.around = around
}

function lastingJson(entry: Entry, around: Surroundings, unix: Unix): Buffer {
  return Buffer.from(JSON.stringify(lastingOf(entry, around, unix)).slice(0, -1))
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false
  return true
}

const comma = 0x2c
const closing = ']}'

/** All targets with commas between them, and what stands before and after them: written once, into one buffer. */
export function joinRows(first: string, rows: readonly Row[], last: string): Buffer {
  let size = Buffer.byteLength(first) + Buffer.byteLength(last)
  for (const row of rows)
    size += row.lasting.length + row.scrape.length + row.past.length + closing.length + 1
  const all = Buffer.allocUnsafe(size)
  let end = all.write(first)
  for (const row of rows) {
    all.set(row.lasting, end)
    end += row.lasting.length
    end += all.write(row.scrape, end, 'latin1')
    end += all.write(row.past, end, 'latin1')
    end += all.write(closing, end, 'latin1')
    all[end++] = comma
  }
  // none behind the last
  if (rows.length > 0) end -= 1
  end += all.write(last, end)
  return all.subarray(0, end)
}
