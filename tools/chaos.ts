// `npm run chaos -- --minutes 20 --seed 7`: random trouble for a real Swarm; ends with 1 if any answer was wrong.

import { parseArgs } from 'node:util'
import { runChaos } from '../test/lab/chaos/chaos.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: '1' } },
})
const began = performance.now()
const log = (line: string) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`)

const { events, asked, statuses, wrong } = await runChaos({
  minutes: Number(values.minutes),
  seed: Number(values.seed),
  log,
})
const told = Object.entries(statuses).map(([status, count]) => `${count} of ${status}`)
console.log(`${events} events, ${asked} answers (${told.join(', ')}), ${wrong.length} wrong`)
process.exitCode = wrong.length > 0 ? 1 : 0
