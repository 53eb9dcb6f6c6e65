// What the looks at a target's ports come to, in words.

import type { Trouble } from '../errors.ts'
import type { Outcome } from './backoff.ts'
import type { Candidate } from './plan.ts'

/** One candidate and what the last look at it came to. */
export interface Look {
  readonly candidate: Candidate
  readonly outcome?: Outcome
  readonly trouble?: Trouble
  readonly underWay: boolean
}

export type Verdict =
  /** Valid metrics. Not `sure` while one that would come first is still being looked at. */
  | { readonly kind: 'found'; readonly candidate: Candidate; readonly sure: boolean }
  /** Each has been looked at, in vain. */
  | { readonly kind: 'none' }
  | { readonly kind: 'open' }

/** The first in order with valid metrics wins. */
export function verdictOf(looks: readonly Look[]): Verdict {
  const best = looks.findIndex(({ outcome }) => outcome === 'metrics')
  if (best !== -1) {
    const sure = !looks.slice(0, best).some(({ underWay }) => underWay)
    return { kind: 'found', candidate: looks[best]!.candidate, sure }
  }
  return { kind: looks.every(({ outcome }) => outcome !== undefined) ? 'none' : 'open' }
}

/** Why there are no metrics, port by port. */
export function explain(looks: readonly Look[], told: boolean, hint: string): Trouble {
  const [first] = looks
  if (told && first?.trouble) return { hint, ...first.trouble, reason: `${sayOne(first)}` }
  const closed = looks.filter(({ outcome }) => outcome === 'closed').map(({ candidate }) => candidate.port)
  const others = looks.filter(({ outcome }) => outcome !== 'closed').map(sayOne)
  return { code: 'no_metrics', reason: [...others, ...sayClosed(closed)].join('; '), hint }
}

function sayClosed(ports: readonly number[]): string[] {
  if (ports.length === 0) return []
  if (ports.length === 1) return [`port ${ports[0]} is closed`]
  return [`ports ${ports.slice(0, -1).join(', ')} and ${ports.at(-1)} are closed`]
}

function sayOne({ candidate: { port }, outcome, trouble }: Look): string {
  if (outcome === 'closed') return `port ${port} is closed`
  const reason = trouble?.reason ?? 'not looked at yet'
  return /^(answered|sent|redirect|does)/.test(reason) ? `port ${port} ${reason}` : `port ${port}: ${reason}`
}
