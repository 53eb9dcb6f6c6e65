// Plays random scenarios of a whole cluster on virtual time and looks for wrong answers (test/simulation). Prints
// what it found, cut down to the few events that it takes; the same seed gives the same again.
//
//   npm run simulate -- --seed 7 --steps 200         one scenario
//   npm run simulate -- --seed 1 --scenarios 2000    that many, with the seeds 1, 2, 3, …
//   … --workers 2                                    in so many threads
//   … --findings 5                                   ends after so many findings, instead of the first
//   … --without clone,leave                          leaves such events out, as where a mistake is known
//   … --strict                                       judges by what is intended, not by what is true by now
//   … --real                                         with Ed25519 and zstd instead of their stand-ins
//   … --bug early-timer                              with this known bug put back
//   npm run simulate -- --bugs                       puts back each known bug, which must be found

import { parseArgs } from 'node:util'
import { bugs } from '../test/simulation/bugs.ts'
import type { Kind } from '../test/simulation/generate.ts'
import type { Task } from '../test/simulation/worker.ts'
import { playInThreads } from '../test/simulation/workers.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '200' },
    scenarios: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    findings: { type: 'string', default: '1' },
    without: { type: 'string', default: '' },
    strict: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
  },
})

const progressMs = 30_000
const threads = Number(values.workers)
const task: Task = {
  first: Number(values.seed),
  step: 1,
  scenarios: Number(values.scenarios),
  events: Number(values.steps),
  without: values.without.split(',').filter(Boolean) as Kind[],
  isStrict: values.strict,
  isReal: values.real,
  isShrunk: true,
  ...(values.bug !== undefined && { bug: nameOfBug(values.bug) }),
}

process.exitCode = (values.bugs ? await findBugs() : await simulate()) ? 0 : 1

/** Returns whether nothing was found. */
async function simulate(): Promise<boolean> {
  let [played, findings, responses, pages] = [0, 0, 0, 0]
  const began = performance.now()
  let isInterrupted = false
  // Ctrl+C arrives twice: from the terminal, and handed on by npm
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      isInterrupted = true
    })
  const seconds = () => (performance.now() - began) / 1000
  const progress = setInterval(() => {
    const perSecond = (played / seconds()).toFixed(1)
    console.error(`${played} of ${task.scenarios} scenarios, ${perSecond} a second, ${findings} findings`)
  }, progressMs)
  await playInThreads(task, threads, (one) => {
    played += 1
    responses += one.responses
    pages += one.pages
    if (one.finding === undefined) return !isInterrupted
    findings += 1
    console.log(one.finding)
    return findings < Number(values.findings)
  })
  clearInterval(progress)
  console.log(
    `${played} scenarios of ${task.events} events in ${seconds().toFixed(1)} s: ${responses} responses, ${pages} of them metrics; ${findings} findings`,
  )
  return findings === 0
}

/** Returns whether each of them was found. */
async function findBugs(): Promise<boolean> {
  let missed = 0
  for (const { name, text, within } of bugs.filter(({ name }) => name === (values.bug ?? name))) {
    let [played, isFound] = [0, false]
    await playInThreads(
      { ...task, bug: name, scenarios: within, isShrunk: false },
      threads,
      ({ finding }) => {
        played += 1
        isFound ||= finding !== undefined
        return !isFound
      },
    )
    if (!isFound) missed += 1
    console.log(
      `${name}: ${text}: ${isFound ? `found by scenario ${played}` : `not found by ${played} scenarios`}`,
    )
  }
  return missed === 0
}

function nameOfBug(name: string): string {
  if (bugs.some((bug) => bug.name === name)) return name
  throw new Error(`no bug ${name}: there are ${bugs.map((bug) => bug.name).join(', ')}`)
}
