// Remembers which container a name means, until something changes that tells one from another: whoever asks for
// the same page again is spared the search.

import type { Change, Entry, NodeId } from '../model.ts'
import type { Answer, Question } from './answer.ts'
import { standsAlike } from './standing.ts'

export interface Same {
  /** To be told of every change of the source. */
  changed(change: Change): void
  /** With the container as it is now; undefined: it has to be searched for. */
  answer(question: Question): Answer | undefined
  /** Gives `answer` back. */
  learn(question: Question, answer: Answer): Answer
}

/** Never the entry, which has a page. */
interface Meant {
  readonly asked: NodeId
  readonly full: string
  readonly owner: NodeId
  readonly id: string
}

/** Only names that mean something are remembered: there are no more of them than are borne. */
export function createSame(entry: (owner: NodeId, id: string) => Entry | undefined): Same {
  const known = new Map<string, Meant>()
  return {
    changed(change) {
      if (change.kind === 'entry' && change.before && standsAlike(change.entry, change.before)) return
      known.clear()
    },
    answer(question) {
      const meant = isPlain(question) ? known.get(question.name) : undefined
      if (meant?.asked !== question.asked) return undefined
      const now = entry(meant.owner, meant.id)
      return now && { kind: 'one', full: meant.full, entry: now }
    },
    learn(question, answer) {
      if (answer.kind === 'one' && isPlain(question)) {
        const { full, entry } = answer
        known.set(question.name, { asked: question.asked, full, owner: entry.owner, id: entry.target.id })
      }
      return answer
    },
  }
}

function isPlain({ replica, scope }: Question): boolean {
  return replica === undefined && scope === undefined
}
