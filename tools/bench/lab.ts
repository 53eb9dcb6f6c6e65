// What only a real Swarm can show: runs the tests of the lab, which print what they measure. It needs what they
// need: a machine on which Docker Engines may be started.

import { start } from './processes.ts'
import type { Row, Section } from './section.ts'

const files = ['freshness', 'peers', 'standalone'].map((name) => `test/lab/${name}.test.ts`)

interface Figure extends Omit<Row, 'figure' | 'isMissed'> {
  /** The test that prints it. */
  readonly test: string
  readonly line: RegExp
  /** What of the line the budget is for, and the most that it may be. */
  readonly limit?: readonly [value: RegExp, max: number]
}

const figures: readonly Figure[] = [
  {
    what: 'age of what is served: 44 containers on one node, through each of three nodes',
    budget: 'p99 0.25 s',
    peer: 'the original: p50 11 to 15 s, worst 26 s',
    test: 'is of now',
    line: /^(\S+: age p50 .*)$/gm,
    limit: [/p99 ([\d.]+) s/g, 0.25],
  },
  {
    what: 'container listens to served by its own node; dies to gone',
    peer: 'the original: 11 to 40 s',
    test: 'a port is served soon after it opens',
    line: /^(listening to served: .*)$/gm,
  },
  {
    what: 'container starts to served by every node; removed to gone',
    budget: 'p95 1 s',
    peer: 'the original: 11 to 40 s',
    test: 'is served and gone everywhere at once',
    line: /^((?:served|gone) everywhere .*) \(goal/gm,
    limit: [/(\d+) ms/g, 1000],
  },
  {
    what: 'end of a scrape to visible at another node',
    test: 'a page is visible through the other nodes',
    line: /^scrape to visible on another node: (.*) \(goal/gm,
  },
]

export const lab: Section = {
  name: 'lab',
  title: 'A Swarm of three nodes',
  method:
    'Each node is a Docker Engine in namespaces of its own, all on one machine: what tests of the lab print. Needs root.',
  async run() {
    const printed = await runTests()
    const rows = figures.map(({ test, line, limit, ...row }) => {
      const found = [...printed.matchAll(line)].map(([, words]) => words)
      if (found.length === 0) throw new Error(`the test printed no figure: ${test}\n${printed}`)
      const figure = found.join('; ')
      return { ...row, figure, ...(limit && { isMissed: exceeds(figure, limit) }) }
    })
    return { rows }
  },
}

function exceeds(figure: string, [value, max]: NonNullable<Figure['limit']>): boolean {
  return [...figure.matchAll(value)].some(([, found]) => Number(found) > max)
}

/** One lab at a time: two would share the cores. */
async function runTests(): Promise<string> {
  const names = figures.map(({ test }) => test).join('|')
  const args = ['run', '--project', 'lab', '--maxWorkers', '1', ...files, '--testNamePattern', names]
  await using tests = start(process.execPath, ['node_modules/vitest/vitest.mjs', ...args], {
    ...process.env,
    NO_COLOR: '1',
  })
  const [code] = (await tests.ended) as [number | null]
  if (code !== 0) throw new Error(`tests of the lab failed:\n${tests.printed()}`)
  return tests.printed()
}
