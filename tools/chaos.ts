// `npm run chaos -- --minutes 20 --seed 7`: random faults for a real Swarm; ends with 1 if any answer was wrong.

import { parseArgs } from 'node:util'
import { runChaos } from '../test/lab/chaos/chaos.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: '1' } },
})
const began = performance.now()
const log = (line: string) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`)

const { events, requests, statuses, ages, wrong } = await runChaos({
  minutes: Number(values.minutes),
  seed: Number(values.seed),
  log,
})
const counts = Object.entries(statuses).map(([status, count]) => `${count} of ${status}`)
console.log(`${events} events, ${requests} responses (${counts.join(', ')}), ${wrong.length} wrong`)
for (const [kind, all] of Object.entries(ages)) {
  const [median, most] = [0.5, 0.99].map((share) => all[Math.floor(all.length * share)]?.toFixed(1))
  if (all.length > 0)
    console.log(
      `${kind}: ${all.length} replicas’ numbers, ${median} s old in the median, p99 ${most} s, oldest ${all.at(-1)!.toFixed(1)} s`,
    )
}
process.exitCode = wrong.length > 0 ? 1 : 0
