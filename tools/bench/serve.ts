// What a response from the cache costs in CPU, beside nginx with ready gzip files and Debian's exporter_exporter.

import { gzipSync } from 'node:zlib'
import { runLoad } from './load.ts'
import { nodePage } from './page.ts'
import { isServed, startPair } from './pair.ts'
import { fetchPeers, hasNginx, startExporterExporter, startNginx } from './peers.ts'
import { cpuOf, start } from './processes.ts'
import { ratioOf, type Section, spread } from './section.ts'

interface Subject {
  readonly url: string
  readonly pid: number
}

export const serve: Section = {
  name: 'serve',
  title: 'Cached responses',
  method: `A page of 62 KB, gzip accepted, 8 clients, in turn. Responses per second of the server's own CPU: how busy the machine is otherwise
matters less. nginx: one process, with ready gzip files.`,
  async run(isQuick) {
    const [seconds, rounds] = isQuick ? [1, 1] : [2, 7]
    await fetchPeers()
    await using stack = new AsyncDisposableStack()
    const target = await startTarget(stack)
    const { own, other } = await startPair(stack, target, { MAX_AGE: 'off' })
    const subjects = new Map<string, Subject>([
      ['own', own],
      ['other', other],
      ['exporter_exporter', await subjectOf(stack, await startExporterExporter(target))],
    ])
    const page = Buffer.from(nodePage(0))
    if (hasNginx()) subjects.set('nginx', await subjectOf(stack, await startNginx(page, gzipSync(page))))
    const rates = new Map<string, readonly number[]>()
    // the first round is for code to be compiled
    for (let round = 0; round <= rounds; round += 1)
      for (const [name, subject] of subjects) {
        const rate = await responsesPerCore(subject, 8, seconds)
        if (round > 0) rates.set(name, [...(rates.get(name) ?? []), rate])
      }
    return { rows: rowsOf(rates) }
  },
}

function rowsOf(rates: ReadonlyMap<string, readonly number[]>) {
  const row = (which: string, node: string, name: string) => {
    const [ours, theirs] = [rates.get(which)!, rates.get(name)]
    return {
      what: `cached responses per second and core, through ${node}`,
      figure: spread(ours, 0),
      peer: theirs ? `${name} ${spread(theirs, 0)}` : `${name} is not installed here`,
      ...(theirs && { ratio: ratioOf(ours, theirs) }),
    }
  }
  return [
    row('own', 'the container’s own node', 'nginx'),
    row('own', 'the container’s own node', 'exporter_exporter'),
    row('other', 'another node', 'nginx'),
  ]
}

async function startTarget(stack: AsyncDisposableStack): Promise<string> {
  const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts']))
  return `http://127.0.0.1:${await targets.firstLine()}/metrics`
}

async function subjectOf(
  stack: AsyncDisposableStack,
  { url, process }: Awaited<ReturnType<typeof startNginx>>,
): Promise<Subject> {
  const { pid } = stack.use(process)
  await isServed(url)
  return { url, pid }
}

/** For each second of CPU that the server spends. */
async function responsesPerCore({ url, pid }: Subject, clients: number, seconds: number): Promise<number> {
  const before = cpuOf(pid)
  const { responses } = await runLoad({ url, clients, seconds })
  return (responses * 1000) / (cpuOf(pid) - before)
}

/** Microseconds of CPU of one cached response, with each number of clients. */
export async function costByClients(numbers: readonly number[], seconds: number) {
  await using stack = new AsyncDisposableStack()
  const { own } = await startPair(stack, await startTarget(stack), { MAX_AGE: 'off' })
  const costs: (readonly [number, number])[] = []
  await responsesPerCore(own, 8, seconds)
  for (const clients of numbers) costs.push([clients, 1e6 / (await responsesPerCore(own, clients, seconds))])
  return costs
}
