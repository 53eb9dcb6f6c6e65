// Measures what faults cost and how soon the cluster recovers: `npm run faults`, as root. Writes docs/FAULTS.md. With
// names of sections it runs only these and writes nothing.

import { writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { interval, memory } from './faults/agents.ts'
import { clock } from './faults/clock.ts'
import { disk } from './faults/disk.ts'
import { dns } from './faults/dns.ts'
import { docker } from './faults/docker.ts'
import { flood } from './faults/flood.ts'
import { network } from './faults/network.ts'
import { inOwnNetwork, isInOwnNetwork, printRows } from './faults/own-network.ts'
import { restarts } from './faults/restarts.ts'
import type { Row } from './faults/row.ts'
import { installMissing } from './verify/packages.ts'

type Sections = Readonly<Record<string, () => Promise<readonly Row[]>>>

/** In a network namespace of their own. */
const apart: Sections = { restarts, network, dns, flood, clock, disk }
/** A lab makes its own networks. */
const labs: Sections = { docker }

function document(rows: readonly Row[]): string {
  return `# Faults

Last run of \`npm run faults\`: three agents on loopback with an interval of ${interval} s, each limited to ${memory} MiB of JavaScript
objects. The application of node 2 is requested from another node's agent; meanwhile the unaffected nodes are requested from each other.
*Live* is a response without \`Age\`. Agents run as released: one bundled file, with the flags and the environment of the image. No agent had an
internal error: all count theirs (\`app_metrics_proxy_internal_errors_total\`), and one would fail the run. The machine has ${availableParallelism()} processors and had a load of ${loadavg()[0]!.toFixed(1)} at the end; under more load, times are longer.

Docker's faults: an agent in a container of a real engine, which it reaches through a proxy that causes the fault. A container that is not
affected is requested throughout, while others are added, removed and restarted.

| fault | result |
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
if (isInOwnNetwork()) printRows(await run(apart, chosen))
else {
  await installMissing(['iptables', 'libfaketime'])
  const rows = [...inOwnNetwork(), ...(await run(labs, chosen))]
  if (named.length === 0) writeFileSync('docs/FAULTS.md', document(rows))
}
process.exit()
