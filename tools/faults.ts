// What faults cost and how soon all is whole again, measured: `npm run faults`, as root. Writes docs/FAULTS.md. With
// names of sections it runs these alone and writes nothing.

import { writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { interval, memory } from './faults/agents.ts'
import { clock } from './faults/clock.ts'
import { disk } from './faults/disk.ts'
import { dns } from './faults/dns.ts'
import { docker } from './faults/docker.ts'
import { flood } from './faults/flood.ts'
import { network } from './faults/network.ts'
import { inOwnNetwork, isInOwnNetwork, tell } from './faults/own-network.ts'
import { restarts } from './faults/restarts.ts'
import type { Row } from './faults/row.ts'

type Sections = Readonly<Record<string, () => Promise<readonly Row[]>>>

/** In a network of their own, without anybody else noticing. */
const apart: Sections = { restarts, network, dns, flood, clock, disk }
/** A lab makes its own networks. */
const labs: Sections = { docker }

function document(rows: readonly Row[]): string {
  return `# Faults

The last run of \`npm run faults\`: three agents on loopback with an interval of ${interval} s, each allowed ${memory} MiB of JavaScript
objects. Asked is another node's agent, for the application of node 2; the nodes that nothing happens to are asked
for each other's all the while. The machine has ${availableParallelism()} processors, and had a load of ${loadavg()[0]!.toFixed(1)} in the end: times are longer
where that is much more.

Of Docker's faults: an agent in a container of a real engine, which it reaches through a proxy that does what the row
says, is asked for a container to which nothing happens, while others are added, removed and started again.

| fault | found |
| --- | --- |
${rows.map(({ fault, found }) => `| ${fault} | ${found} |`).join('\n')}
`
}

async function run(sections: Sections, chosen: readonly string[]): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const name of chosen) {
    const found = (await sections[name]?.()) ?? []
    for (const row of found) console.log(`${row.fault}: ${row.found}`)
    rows.push(...found)
  }
  return rows
}

const named = process.argv.slice(2)
const chosen = named.length > 0 ? named : [...Object.keys(apart), ...Object.keys(labs)]
if (isInOwnNetwork()) tell(await run(apart, chosen))
else {
  const rows = [...inOwnNetwork(), ...(await run(labs, chosen))]
  if (named.length === 0) writeFileSync('docs/FAULTS.md', document(rows))
}
process.exit()
