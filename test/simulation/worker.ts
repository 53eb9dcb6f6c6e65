// Plays scenarios in a thread of its own. What is replaced is replaced before the product is loaded.

import { parentPort, workerData } from 'node:worker_threads'
import { bugs, putBack } from './bugs.ts'
import type { Kind } from './generate.ts'
import type { Outcome } from './play.ts'
import type { Scenario } from './scenario.ts'
import { useStandIns } from './stand-ins/use.ts'

export interface Task {
  /** Seeds are `first`, `first + step`, … */
  readonly first: number
  readonly step: number
  readonly scenarios: number
  /** Of each scenario. */
  readonly events: number
  readonly without: readonly Kind[]
  /** Judges by what is intended, not by what is true by now. */
  readonly isStrict: boolean
  /** With Ed25519 and zstd themselves. */
  readonly isReal: boolean
  /** The name of one that is put back. */
  readonly bug?: string
  /** Cuts down what it finds. */
  readonly isShrunk: boolean
}

/** Of one scenario. */
export interface Played {
  readonly seed: number
  readonly responses: number
  readonly pages: number
  /** What it found, for people. */
  readonly finding?: string
}

const task = workerData as Task
const bug = bugs.find(({ name }) => name === task.bug)
if (!task.isReal) useStandIns()
if (bug) putBack(bug)

const { createScenario, kinds } = await import('./generate.ts')
const { intended, play, promised } = await import('./play.ts')
const { describeScenario } = await import('./scenario.ts')
const { shrink } = await import('./shrink.ts')

const without = bug?.only ? kinds.filter((kind) => !bug.only!.includes(kind)) : task.without

/** The longest that a line is worth reading. */
const longest = 600

const run = (scenario: Scenario) => play(scenario, task.isStrict ? intended : promised)

async function explain(scenario: Scenario, { violations: [first] }: Outcome): Promise<string> {
  const small = task.isShrunk ? await shrink(scenario, first!.signature, { run }) : scenario
  // with a stack in what is shown
  Error.stackTraceLimit = 10
  const { violations } = await run(small)
  Error.stackTraceLimit = 0
  const lines = violations.slice(0, 3).map(({ rule, at, text }) => {
    const time = (at / 1000).toFixed(3).padStart(9)
    return `  ${time} s  WRONG (${rule}) ${text.slice(0, longest)}`
  })
  return [describeScenario(small), ...lines].join('\n')
}

// most errors are expected, and most of their cost is the stack
Error.stackTraceLimit = 0
for (let at = 0; at < task.scenarios; at += 1) {
  const seed = task.first + at * task.step
  const scenario = createScenario(seed, task.events, without)
  const outcome = await run(scenario)
  const { responses, pages, violations } = outcome
  const finding = violations.length > 0 && { finding: await explain(scenario, outcome) }
  parentPort!.postMessage({ seed, responses, pages, ...finding } satisfies Played)
}
