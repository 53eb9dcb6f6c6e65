// Plays random scenarios of a whole cluster on virtual time and looks for wrong answers (test/simulation). Prints
// what it found, cut down to the few events that it takes; the same seed gives the same again.
//
//   npm run simulate -- --seed 7 --steps 200         one scenario
//   npm run simulate -- --seed 1 --scenarios 2000    that many, with the seeds 1, 2, 3, …
//   … --findings 5                                   ends after so many findings, instead of the first
//   … --without clone,leave                          leaves such events out, as where a mistake is known
//   … --strict                                       judges by what is intended, not by what is true by now

import { parseArgs } from 'node:util'
import { createScenario, type Kind } from '../test/simulation/generate.ts'
import { intended, type Outcome, play, promised } from '../test/simulation/play.ts'
import { describeScenario, type Scenario } from '../test/simulation/scenario.ts'
import { shrink } from '../test/simulation/shrink.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '200' },
    scenarios: { type: 'string', default: '1' },
    findings: { type: 'string', default: '1' },
    without: { type: 'string', default: '' },
    strict: { type: 'boolean', default: false },
  },
})
const run = (scenario: Scenario) => play(scenario, values.strict ? intended : promised)

// most errors are expected, and most of their cost is the stack
Error.stackTraceLimit = 4

/** The longest that a line is worth reading. */
const longest = 600

async function explain(scenario: Scenario, { violations: [first] }: Outcome): Promise<void> {
  const small = await shrink(scenario, first!.signature, { run })
  const { violations } = await run(small)
  console.log(describeScenario(small))
  for (const { rule, at, text } of violations.slice(0, 3)) {
    const time = (at / 1000).toFixed(3).padStart(9)
    console.log(`  ${time} s  WRONG (${rule}) ${text.slice(0, longest)}`)
  }
}

let [played, findings, responses, pages] = [0, 0, 0, 0]
const began = performance.now()
for (; played < Number(values.scenarios) && findings < Number(values.findings); played += 1) {
  const without = values.without.split(',') as Kind[]
  const scenario = createScenario(Number(values.seed) + played, Number(values.steps), without)
  const outcome = await run(scenario)
  responses += outcome.responses
  pages += outcome.pages
  if (outcome.violations.length === 0) continue
  findings += 1
  await explain(scenario, outcome)
}
const seconds = ((performance.now() - began) / 1000).toFixed(1)
console.log(
  `${played} scenarios of ${values.steps} events in ${seconds} s: ${responses} responses, ${pages} of them metrics; ${findings} findings`,
)
process.exitCode = findings > 0 ? 1 : 0
