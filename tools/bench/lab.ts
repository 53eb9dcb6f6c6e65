// What only a real Swarm can tell: the tests of the lab print what they measure, and are run for it. Needs what
// they need: a machine on which Docker Engines may be started.

import { spawnSync } from 'node:child_process'
import type { Row } from './document.ts'

const files = ['freshness', 'peers', 'standalone'].map((name) => `test/lab/${name}.test.ts`)

interface Figure extends Omit<Row, 'found'> {
  /** The test that prints it. */
  readonly test: string
  readonly line: RegExp
}

const figures: readonly Figure[] = [
  {
    what: 'age of what is served: 44 containers on one node, asked through each of three nodes',
    goal: 'p99 0.25 s',
    beside: 'the original: p50 11 to 15 s, worst 26 s',
    test: 'is of now',
    line: /^(\S+: age p50 .*)$/gm,
  },
  {
    what: 'a container starts to listen, until its own node serves it; it dies, until it is gone',
    goal: 'p95 1 s',
    beside: 'the original: 11 to 40 s',
    test: 'a port is served soon after it opens',
    line: /^(listening to served: .*)$/gm,
  },
  {
    what: 'a container starts, until every node serves it; it is removed, until none does',
    goal: 'p95 1 s',
    beside: 'the original: 11 to 40 s',
    test: 'is served and gone everywhere at once',
    line: /^((?:served|gone) everywhere .*) \(goal/gm,
  },
  {
    what: 'from a finished scrape to visible on another node',
    goal: 'p99 100 ms',
    beside: '',
    test: 'a page is visible through the other nodes',
    line: /^scrape to visible on another node: (.*) \(goal/gm,
  },
]

export function benchLab(): readonly Row[] {
  const printed = runTests()
  return figures.map(({ what, goal, beside, test, line }) => {
    const told = [...printed.matchAll(line)].map(([, words]) => words)
    if (told.length === 0) throw new Error(`the test has told nothing: ${test}\n${printed}`)
    return { what, goal, beside, found: told.join('; ') }
  })
}

function runTests(): string {
  const names = figures.map(({ test }) => test).join('|')
  const { stdout } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'lab', ...files, '--testNamePattern', names],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NO_COLOR: '1' } },
  )
  return stdout
}
