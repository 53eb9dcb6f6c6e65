// From a name to what it denotes. Never one of several at random, never a mix of two things: what can't be
// told apart is told as such, with the paths that would.

import type { Trouble } from '../errors.ts'
import type { Change, NodeId, NodeView } from '../model.ts'
import type { Answer, Question } from './answer.ts'
import type { DirectorySource, Listed } from './directory.ts'
import { createDirectory } from './directory.ts'
import { isCurrent, partOn, whole } from './members.ts'
import type { Nodes } from './nodes.ts'
import { readNodes } from './nodes.ts'
import { pickReplica, unknownReplica } from './picking.ts'
import { ambiguous, pathsApart, unknownName } from './refusals.ts'
import { createSame } from './same.ts'
import type { OwnName } from './things.ts'
import { type Level, levels } from './things.ts'

/** What names are looked up in. The store is one. */
export interface NamesSource extends DirectorySource {
  nodes(): readonly NodeView[]
}

export interface Names {
  /** To be told of every change of the source. */
  changed(change: Change): void
  lookUp(question: Question): Answer
  /**
   * The names, full or short, that mean more than one thing when `asked` is asked, each as what would be
   * answered. What has one name on each node is meant to be so, and not among them.
   */
  ambiguities(asked: NodeId): readonly Trouble[]
}

/** `ownName` reads from labels, of a container or a service, what they add as a name of the first level. */
export function createNames(source: NamesSource, ownName: OwnName): Names {
  const directory = createDirectory(source, ownName)
  const unknown = createUnknown()
  const same = createSame(source.entry)

  function lookUp(question: Question): Answer {
    const { name, replica, asked } = question
    const found = firstFound((level) => directory.find(level, name))
    if (found.length === 0) return unknown(name, directory.names())
    const nodes = readNodes(() => source.nodes(), source.swarmState()?.value)
    if (replica === undefined) return withoutReplica(question, found, nodes)
    const picked = pickReplica({ name, replica, asked }, found, nodes)
    if (picked) return picked
    const namesakes = directory.find('agent', name).length > 0 ? directory.find('full', name) : []
    return (
      pickReplica({ name, replica, asked }, namesakes, nodes) ??
      unknownReplica(name, replica, [...found, ...namesakes], nodes)
    )
  }

  return {
    changed(change) {
      directory.changed(change)
      same.changed(change)
    },
    lookUp: (question) => same.answer(question) ?? same.learn(question, lookUp(question)),
    ambiguities(asked) {
      const nodes = readNodes(() => source.nodes(), source.swarmState()?.value)
      const shared = new Set([...directory.shared('full'), ...directory.shared('short')])
      return [...shared].flatMap((name) => {
        const found = contenders(
          firstFound((level) => directory.find(level, name)),
          asked,
        )
        if (new Set(found.map(({ thing }) => thing.full)).size < 2) return []
        const answer = ambiguous(name, pathsApart(found, nodes))
        return answer.kind === 'refused' ? [answer.trouble] : []
      })
    },
  }
}

const mostRemembered = 1000

/** Whoever asks for what isn't there asks again and again: the search for what is like it is done once. */
function createUnknown(): (name: string, known: ReadonlySet<string>) => Answer {
  const answers = new Map<string, Answer>()
  let among: ReadonlySet<string> | undefined
  return (name, known) => {
    if (known !== among || answers.size >= mostRemembered) answers.clear()
    among = known
    const answer = answers.get(name) ?? unknownName(name, known)
    answers.set(name, answer)
    return answer
  }
}

function firstFound(find: (level: Level) => readonly Listed[]): readonly Listed[] {
  for (const level of levels) {
    const found = find(level)
    if (found.length > 0) return found
  }
  return []
}

function withoutReplica({ name, asked, scope }: Question, found: readonly Listed[], nodes: Nodes): Answer {
  const candidates = contenders(found, asked)
  const inScope =
    scope === 'node' ? candidates.filter(({ thing }) => (thing.owner ?? asked) === asked) : candidates
  const [only, ...others] = inScope
  if (!only) return { kind: 'elsewhere', full: name }
  if (others.length > 0) return ambiguous(name, pathsApart(inScope, nodes))
  return scope === 'node' ? partOn(asked, only, nodes) : whole(only, only.thing.owner ?? asked, nodes)
}

/**
 * The things that a name can still mean. What no longer runs gives way to what does; what belongs to nodes is
 * the asked node's own first, even if ended: another node's of the same name is a different container.
 */
function contenders(found: readonly Listed[], asked: NodeId): readonly Listed[] {
  const services = found.filter(({ thing }) => thing.owner === undefined)
  const perNode = found.filter(({ thing }) => thing.owner !== undefined)
  const running = services.filter(isCurrent)
  if (running.length > 0) return [...running, ...perNode.filter(isCurrent)]
  const own = perNode.filter(({ thing }) => thing.owner === asked)
  if (own.length > 0) return currentFirst(own)
  return perNode.length > 0 ? currentFirst(perNode) : services
}

function currentFirst(listed: readonly Listed[]): readonly Listed[] {
  const current = listed.filter(isCurrent)
  return current.length > 0 ? current : listed
}
