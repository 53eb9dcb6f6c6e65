// The requests to the two agents that stay, and their responses.

import type { Agents } from './agents.ts'
import type { Node } from './node.ts'

const kinds = {
  running: 'metrics of containers that kept running, on nodes whose agent did, too',
  passing: 'metrics of containers that were just started or removed, or whose agent was killed',
  list: 'the status page and `/sd`',
  nobody: 'unknown names',
} as const
type Kind = keyof typeof kinds

export interface Asking {
  /** Another page, of another agent, in another way each round. */
  ask(round: number): Promise<void>
  /** What was requested and how often each status came back, as rows of a table. */
  rows(): readonly string[]
  count(): number
  /** What must never happen: no response, a list that is refused, metrics of an unknown name. */
  wrong(): readonly string[]
}

/** Milliseconds. A container that has run for this long is known everywhere. */
export const known = 5000

export function createAsking(agents: Agents, nodes: readonly Node[]): Asking {
  const tally: Record<Kind, Map<number, number>> = {
    running: new Map(),
    passing: new Map(),
    list: new Map(),
    nobody: new Map(),
  }
  const all = () => Object.entries(tally) as [Kind, Map<number, number>][]

  async function put(kind: Kind | (() => Kind), round: number, path: string): Promise<void> {
    const { status } = await agents.ask(round % 2, path, round % 4 === 0 ? 'identity' : 'gzip')
    const counts = tally[typeof kind === 'string' ? kind : kind()]
    counts.set(status, (counts.get(status) ?? 0) + 1)
  }

  async function askPage(round: number): Promise<void> {
    const node = nodes[round % nodes.length]!
    const names = node.names()
    const name = names[round % names.length]!
    const isKnown = () => node !== nodes.at(-1) && node.ranFor(name) > known
    const before = isKnown()
    await put(() => (before && isKnown() ? 'running' : 'passing'), round, `/${name}/metrics`)
  }

  return {
    ask(round) {
      if (round % 10 === 6) return put('list', round, '/')
      if (round % 10 === 7) return put('list', round, '/sd')
      if (round % 10 === 8) return put('nobody', round, '/nobody/metrics')
      if (round % 10 === 9) return put('nobody', round, `/x${round}/metrics`)
      return askPage(round)
    },
    rows: () =>
      all().map(([kind, counts]) => {
        const statuses = [...counts]
          .sort(([a], [b]) => a - b)
          .map(([status, count]) => `${count} × ${status}`)
        return `| ${kinds[kind]} | ${statuses.join(', ')} |`
      }),
    count: () => all().reduce((sum, [, counts]) => sum + sumOf(counts.values()), 0),
    wrong: () =>
      all().flatMap(([kind, counts]) => [
        ...(counts.has(0) ? [`${counts.get(0)} requests for ${kinds[kind]} got no response`] : []),
        ...unlike(counts, kind === 'list' ? 200 : kind === 'nobody' ? 404 : undefined, kinds[kind]),
      ]),
  }
}

function unlike(counts: ReadonlyMap<number, number>, only: number | undefined, called: string): string[] {
  if (only === undefined) return []
  const others = [...counts].filter(([status]) => status !== only && status !== 0)
  return others.map(([status, count]) => `${count} requests for ${called} returned ${status}`)
}

function sumOf(numbers: Iterable<number>): number {
  return [...numbers].reduce((sum, number) => sum + number, 0)
}
