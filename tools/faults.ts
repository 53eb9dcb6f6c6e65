// What faults cost and how soon all is whole again, measured on three agents on loopback: writes docs/FAULTS.md.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort, type Running, start } from './bench/processes.ts'

/** Seconds, as in the demo. What a lost owner had may stand in for three of them. */
const interval = 5
/** MiB of JavaScript objects that an agent may hold: all that follows happens within this limit. */
const memory = 64
const names = ['node1', 'node2', 'node3'] as const

interface Row {
  readonly fault: string
  readonly found: string
}

async function application(port: number): Promise<Server> {
  const server = createServer((_request, response) => response.end('up_since_the_start 1\n'))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function close(server: Server): void {
  server.close()
  server.closeAllConnections()
}

const [ports, sshPorts, applicationPorts] = await Promise.all(
  [0, 1, 2].map(() => Promise.all(names.map(freePort))),
)
const secret = randomBytes(18).toString('base64')

function startAgent(at: number): Running {
  return start(process.execPath, [`--max-old-space-size=${memory}`, 'src/main.ts'], {
    NODE_NAME: names[at],
    CLUSTER: 'faults',
    LISTEN_PORT: `${ports![at]}`,
    SSH_PORT: `${sshPorts![at]}`,
    SSHPASS: secret,
    PEERS: sshPorts!
      .filter((_, other) => other !== at)
      .map((port) => `127.0.0.1:${port}`)
      .join(' '),
    TARGETS: `app${at + 1}=http://127.0.0.1:${applicationPorts![at]}/metrics`,
    SCRAPE_INTERVAL: `${interval}`,
    LOG_LEVEL: 'silent',
  })
}

type Answer = 'fresh' | 'kept' | 'told'

/** What the agent of one node answers for the application of another: its present page, a kept one, or why not. */
async function ask(node: number, app: number): Promise<Answer | 'nothing'> {
  try {
    const response = await fetch(`http://127.0.0.1:${ports![node]}/app${app + 1}/metrics`)
    await response.text()
    if (response.status !== 200) return 'told'
    return response.headers.has('age') ? 'kept' : 'fresh'
  } catch {
    return 'nothing'
  }
}

/** Seconds until one agent answers so for the application of another. */
async function until(answer: Answer, node: number, app: number): Promise<string> {
  const began = performance.now()
  while ((await ask(node, app)) !== answer) {
    if (performance.now() - began > 60_000) throw new Error(`no ${answer} answer within 60 s`)
    await pause(20)
  }
  return `${((performance.now() - began) / 1000).toFixed(1)} s`
}

/** What the other nodes answer for each other while something happens to node 2. */
async function watchOthers(signal: AbortSignal): Promise<string> {
  let [asked, failed] = [0, 0]
  while (!signal.aborted) {
    for (const [node, app] of [
      [0, 0],
      [0, 2],
      [2, 0],
    ] as const) {
      asked += 1
      if ((await ask(node, app)) !== 'fresh') failed += 1
    }
    await pause(200)
  }
  return `${failed} of ${asked} answers for other nodes were not fresh`
}

async function besideOthers(fault: string, happen: () => Promise<string>): Promise<Row> {
  const done = new AbortController()
  const others = watchOthers(done.signal)
  const found = await happen().finally(() => done.abort())
  const row = { fault, found: `${found}; ${await others}` }
  console.log(`${row.fault}: ${row.found}`)
  return row
}

function document(rows: readonly Row[]): string {
  return `# Faults

The last run of \`npm run faults\`: three agents on loopback with an interval of ${interval} s, each allowed ${memory} MiB of JavaScript
objects. Asked is another node's agent, for the application of node 2; the nodes that nothing happens to are asked
for each other's all the while.

| fault | found |
| --- | --- |
${rows.map(({ fault, found }) => `| ${fault} | ${found} |`).join('\n')}

Not made here: a full disk, and a jump of the clock, which would be the whole machine's.
`
}

const applications = await Promise.all(applicationPorts!.map(application))
const agents = names.map((_, at) => startAgent(at))
const rows: Row[] = []
try {
  for (const node of [0, 1, 2]) for (const app of [0, 1, 2]) await until('fresh', node, app)

  rows.push(
    await besideOthers('a container’s process ends and starts again', async () => {
      close(applications[1]!)
      const told = await until('told', 0, 1)
      applications[1] = await application(applicationPorts![1]!)
      return `told after ${told}; fresh ${await until('fresh', 0, 1)} after its start`
    }),
    await besideOthers('SIGKILL of an agent, started again at once', async () => {
      process.kill(agents[1]!.pid, 'SIGKILL')
      await agents[1]![Symbol.asyncDispose]()
      agents[1] = startAgent(1)
      return `fresh ${await until('fresh', 0, 1)} after its start`
    }),
    await besideOthers('an agent is lost, and comes back', async () => {
      process.kill(agents[1]!.pid, 'SIGKILL')
      const kept = await until('kept', 0, 1)
      const told = await until('told', 0, 1)
      agents[1] = startAgent(1)
      return `its page is kept, with its age, after ${kept}; told after another ${told}; fresh ${await until('fresh', 0, 1)} after its start`
    }),
  )
  const written = Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${agents[0]!.pid}/io`, 'utf8'))?.[1])
  rows.push({
    fault: 'full disk',
    found: `an agent keeps nothing on disk: ${written} bytes written in this run`,
  })
} finally {
  await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()))
  applications.forEach(close)
}
writeFileSync('docs/FAULTS.md', document(rows))
process.exit()
