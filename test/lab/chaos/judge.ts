// Whether an answer is wrong, by what the container itself said in it: its page carries the second at which it
// was written and who wrote it. One judge hears all answers of one agent to one path, in their order.

import type { Answer } from '../harness/ask.ts'

export interface Circumstances {
  /** Seconds since 1970. */
  readonly requestedAt: number
  readonly answered: number
  readonly staleAfterMs: number
  /** The slot of a container by its host name; undefined: no such container was ever seen. */
  slotOf(host: string): string | undefined
  /** Whether a container still runs, by its engine's word. */
  runs(host: string): boolean
}

interface Said {
  readonly slot: string
  readonly host: string
  readonly second: number
}

/** Seconds are whole, and MAX_AGE and a scrape that others had requested a moment ago come on top. */
const slack = 2.5

export type Judge = (answer: Answer, circumstances: Circumstances) => readonly string[]

export function createJudge(): Judge {
  /** Who has been seen in a slot, the last one last. */
  const past = new Map<string, string[]>()
  /** The last second that a container was heard to say. */
  const seconds = new Map<string, number>()

  return ({ status, text, headers }, circumstances) => {
    if (status !== 200) return wrongStatus(status, text)
    const said = read(text)
    const age = headers.has('age') ? Number(headers.get('age')) : undefined
    return [
      ...doubled(said),
      ...said.flatMap((one) => [
        ...misplaced(one, circumstances),
        ...outdated(one, age, circumstances),
        ...backwards(one, seconds),
        ...returned(one, past, circumstances),
      ]),
    ]
  }
}

/** How old each replica's numbers were when they arrived, in seconds; up to one too many, since theirs are whole. */
export function agesIn(page: string, answered: number): readonly number[] {
  return read(page).map(({ second }) => answered - second)
}

/** What may be said instead of a page; anything else is a failure of the agent. */
const allowed = [404, 502, 503, 504]

function wrongStatus(status: number, text: string): string[] {
  return allowed.includes(status) ? [] : [`status ${status}: ${text.trim()}`]
}

function read(text: string): readonly Said[] {
  const seconds = new Map(
    [...text.matchAll(/^app_seconds_total\{slot="(\d+)"\} (\d+)/gm)].map(([, slot, second]) => [
      slot,
      second,
    ]),
  )
  return [...text.matchAll(/^app_info\{slot="(\d+)",host="(\w+)"\}/gm)].map(([, slot = '', host = '']) => ({
    slot,
    host,
    second: Number(seconds.get(slot)),
  }))
}

function doubled(said: readonly Said[]): string[] {
  const slots = said.map(({ slot }) => slot)
  return new Set(slots).size === slots.length ? [] : [`a slot stands twice: ${slots.join(' ')}`]
}

function misplaced({ slot, host }: Said, { slotOf }: Circumstances): string[] {
  const own = slotOf(host)
  return own === slot ? [] : [`slot ${slot} shows ${host}, which is ${own ?? 'unknown'}`]
}

/**
 * Counted from the request, since Prometheus gives samples the time of its request: until all replicas have
 * answered or the client's deadline is over, what was read first grows older.
 */
function outdated({ slot, second }: Said, age: number | undefined, circumstances: Circumstances): string[] {
  const { requestedAt, answered, staleAfterMs } = circumstances
  if (second > answered + 1) return [`slot ${slot} is of the future`]
  if (age === undefined)
    return requestedAt - second > slack
      ? [`slot ${slot} is ${(requestedAt - second).toFixed(1)} s old and doesn’t say so`]
      : []
  return requestedAt - second > staleAfterMs + slack
    ? [`slot ${slot} is ${(requestedAt - second).toFixed(1)} s old`]
    : []
}

function backwards({ slot, host, second }: Said, seconds: Map<string, number>): string[] {
  const before = seconds.get(host) ?? 0
  seconds.set(host, Math.max(before, second))
  return second < before ? [`slot ${slot} went back by ${before - second} s`] : []
}

/** An older container may stand again only where the newer one has ended. */
function returned({ slot, host }: Said, past: Map<string, string[]>, { runs }: Circumstances): string[] {
  const hosts = past.get(slot) ?? []
  past.set(slot, hosts)
  const before = hosts.at(-1)
  if (before === host) return []
  const isWrong = before !== undefined && hosts.includes(host) && runs(before)
  hosts.push(host)
  return isWrong ? [`slot ${slot} went back to ${host} while ${before} runs`] : []
}
