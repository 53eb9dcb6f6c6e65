// What faults cost and how soon all is whole again, measured: `npm run faults`, as root. Writes docs/FAULTS.md. With
// names of sections it runs these alone and writes nothing.

import { writeFileSync } from 'node:fs'
import { interval, memory } from './faults/agents.ts'
import { clock } from './faults/clock.ts'
import { disk } from './faults/disk.ts'
import { network } from './faults/network.ts'
import { enterOwnNetwork } from './faults/own-network.ts'
import { restarts } from './faults/restarts.ts'
import type { Row } from './faults/row.ts'

const sections: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  restarts,
  network,
  clock,
  disk,
}

function document(rows: readonly Row[]): string {
  return `# Faults

The last run of \`npm run faults\`: three agents on loopback with an interval of ${interval} s, each allowed ${memory} MiB of JavaScript
objects. Asked is another node's agent, for the application of node 2; the nodes that nothing happens to are asked
for each other's all the while.

| fault | found |
| --- | --- |
${rows.map(({ fault, found }) => `| ${fault} | ${found} |`).join('\n')}
`
}

enterOwnNetwork()
const chosen = process.argv.slice(2)
const rows: Row[] = []
for (const [name, run] of Object.entries(sections)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const found = await run()
  for (const row of found) console.log(`${row.fault}: ${row.found}`)
  rows.push(...found)
}
if (chosen.length === 0) writeFileSync('docs/FAULTS.md', document(rows))
process.exit()
