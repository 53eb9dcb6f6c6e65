// Names of peers that can't be looked up, or lead nowhere, while an agent ends and starts again.

import { setTimeout as pause } from 'node:timers/promises'
import { type Agents, startAgents } from './agents.ts'
import { type DnsServer, startDnsServer } from './dns-server.ts'
import { type Row, seconds } from './row.ts'

const lasts = 8000
/** Nobody is there. */
const wrong = '192.0.2.1'

export async function dns(): Promise<readonly Row[]> {
  await using server = await startDnsServer()
  await using agents = await startAgents({
    peersOf: (at, sshPorts) =>
      [0, 1, 2].filter((other) => other !== at).map((other) => `node${other + 1}.test:${sshPorts[other]}`),
  })
  await agents.untilWhole()
  return [
    await endure(agents, server, 'DNS does not respond', 'nothing'),
    await endure(agents, server, 'DNS knows none of the names', 'no such name'),
    await endure(agents, server, 'DNS returns wrong addresses', wrong),
  ]
}

async function endure(agents: Agents, server: DnsServer, fault: string, answer: string): Promise<Row> {
  const right = server.answer
  const row = await agents.besideOthers(
    `${fault}; after ${lasts / 1000} s an agent is restarted`,
    async () => {
      server.answer = answer
      const links = await answersFor(agents, lasts)
      const ended = await agents.end(1)
      agents.startAgent(1)
      const found = await agents.until('live', 0, 1, 10_000).then(
        (took) => `live ${seconds(took)} after its start`,
        async () => {
          server.answer = right
          return `not found until DNS works again, then live after ${seconds(await agents.until('live', 0, 1))}`
        },
      )
      return `${links}; it stops within ${seconds(ended)}; ${found}`
    },
  )
  server.answer = right
  await agents.untilWhole()
  return row
}

async function answersFor(agents: Agents, ms: number): Promise<string> {
  let [requests, live] = [0, 0]
  for (const end = performance.now() + ms; performance.now() < end; await pause(100)) {
    requests += 1
    if ((await agents.ask(0, 1)) === 'live') live += 1
  }
  return `links stay: ${live} of ${requests} responses live`
}
