// Checks the whole product, on a new machine too: fetches what is missing, runs every check, and ends with the
// true sums as its last line, below the tests that came nearest to their limits. `--only unit,lab` runs some checks;
// `--all` runs every test on the old engine, too.

import pLimit from 'p-limit'
import { fetchPackages } from '../test/helpers/debian.ts'
import { type Check, checks, type Stage } from './verify/checks.ts'
import { describeNearest, type NearLimit } from './verify/limits.ts'
import { installMissing } from './verify/packages.ts'
import { createProgress } from './verify/progress.ts'
import { endAll, type Outcome } from './verify/run.ts'

/** How many of the checks that mostly wait run at once. */
const lanes = 2

async function verify(chosen: readonly Check[], isFull: boolean): Promise<Outcome> {
  const sum = { passed: 0, failed: 0, skipped: 0, limits: [] as NearLimit[] }
  const lacking = await installMissing(chosen.flatMap(({ packages = [] }) => packages))
  const fetchFailure = await fetchPackages(chosen.flatMap(({ fetched = [] }) => fetched)).then(
    () => undefined,
    ({ message }: Error) => message,
  )
  const progress = createProgress()
  const runOne = async (check: Check) => {
    const missing = (check.packages ?? []).filter((name) => lacking.includes(name))
    const obstacle = describeMissing(missing) ?? (check.fetched && fetchFailure)
    progress.start(check.name)
    const outcome = obstacle === undefined ? await check.run(isFull) : notRun(obstacle)
    progress.end(check.name, describe(outcome))
    if (outcome.output) console.log(`\n${outcome.output.trimEnd()}\n`)
    sum.passed += outcome.passed
    sum.failed += outcome.failed
    sum.skipped += outcome.skipped
    sum.limits.push(...(outcome.limits ?? []))
  }
  const inStage = (stage: Stage) => chosen.filter((check) => check.stage === stage)
  const runInTurn = async (stage: Stage) => {
    for (const check of inStage(stage)) await runOne(check)
  }
  const runInLanes = async () => {
    const waiting = inStage('lanes')
    // The limits of what shares the machine allow for it: see test/helpers/limits.ts.
    process.env.TEST_LANES = String(Math.min(lanes, waiting.length))
    const inLane = pLimit(lanes)
    await Promise.all(waiting.map((check) => inLane(runOne, check)))
  }
  await runInTurn('first')
  await Promise.all([runInTurn('background'), runInTurn('lab').then(runInLanes)])
  return sum
}

function describeMissing(packages: readonly string[]): string | undefined {
  if (packages.length === 0) return undefined
  return `Needs Debian’s ${packages.join(', ')}. As root on Debian this is installed; else install it.`
}

const notRun = (output: string): Outcome => ({ passed: 0, failed: 1, skipped: 0, output })

function describe({ passed, failed, skipped }: Outcome): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function choose(args: readonly string[]): readonly Check[] {
  const only = args.indexOf('--only')
  const names = only < 0 ? checks.map(({ name }) => name) : (args[only + 1] ?? '').split(',')
  const unknown = names.find((name) => !checks.some((check) => check.name === name))
  if (unknown === undefined) return checks.filter(({ name }) => names.includes(name))
  console.error(`There is no check ${unknown}; there are ${checks.map(({ name }) => name).join(', ')}`)
  return process.exit(2)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    endAll()
    process.exit(1)
  })
const args = process.argv.slice(2)
const sum = await verify(choose(args), args.includes('--all'))
const nearest = describeNearest(sum.limits ?? [], 5)
if (nearest.length > 0) console.log(`\nNearest to their limits:\n${nearest.join('\n')}\n`)
console.log(describe(sum))
process.exitCode = sum.failed > 0 ? 1 : 0
