// What answering costs: cached pages a second and core, beside nginx with ready gzip files and Debian's
// exporter_exporter on the same page; and what a live read adds to asking the container itself.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { freePort } from '../../test/helpers/ports.ts'
import { nodePage } from './page.ts'
import { cpuOf, median, type Running, start, startAgent } from './processes.ts'

export interface ServeBench {
  /** Seconds of each run. */
  readonly seconds: number
  readonly rounds: number
}

export interface ServeResult {
  /** Cached pages of 62 KB, gzip accepted, for each second of CPU. Undefined: not installed. */
  readonly cached: {
    readonly agent: readonly number[]
    readonly nginx: readonly number[] | undefined
    readonly exporterExporter: readonly number[] | undefined
  }
  /** Median milliseconds from asking to the whole answer, one after another. */
  readonly live: {
    readonly direct: readonly number[]
    readonly own: readonly number[]
    readonly other: readonly number[]
  }
}

interface Subject {
  readonly url: string
  /** The processes whose CPU is counted. */
  readonly pids: readonly number[]
}

export async function benchServe(options: ServeBench): Promise<ServeResult> {
  await using stack = new AsyncDisposableStack()
  const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts']))
  const target = `http://127.0.0.1:${await targets.firstLine()}/metrics`
  const [cached, live] = [await startAgents(stack, target, 'off'), await startAgents(stack, target, '0')]
  const nginx = has('nginx') ? await startNginx(stack) : undefined
  const exporter = has(exporterExporter) ? await startExporterExporter(stack, target) : undefined
  const result = {
    cached: {
      agent: [] as number[],
      nginx: nginx && ([] as number[]),
      exporterExporter: exporter && ([] as number[]),
    },
    live: { direct: [] as number[], own: [] as number[], other: [] as number[] },
  }
  for (let round = 0; round < options.rounds; round += 1) {
    result.cached.agent.push(await perCore(cached.own, options))
    if (nginx) result.cached.nginx?.push(await perCore(nginx, options))
    if (exporter) result.cached.exporterExporter?.push(await perCore(exporter, options))
    result.live.direct.push(await latency(target, options))
    result.live.own.push(await latency(live.own.url, options))
    result.live.other.push(await latency(live.other.url, options))
  }
  return result
}

/** Cached pages, and what one of them costs in microseconds of CPU while so many ask at once. */
export async function cachedPages() {
  const stack = new AsyncDisposableStack()
  const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts']))
  const { own } = await startAgents(stack, `http://127.0.0.1:${await targets.firstLine()}/metrics`, 'off')
  return {
    cost: async (connections: number) => 1e6 / (await perCore(own, { seconds: 2 }, connections)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Two agents; the target is the second one's, requested there and at the first. */
async function startAgents(stack: AsyncDisposableStack, target: string, maxAgeMs: string) {
  const [otherPort, otherSsh, owner, ownerSsh] = await Promise.all(Array.from({ length: 4 }, freePort))
  const agent = (name: string, port: number, sshPort: number, peer: number, targets: string): Running =>
    stack.use(
      startAgent({
        SSHPASS: 'only for this benchmark, on loopback',
        MAX_AGE: maxAgeMs,
        LOG_LEVEL: 'error',
        NODE_NAME: name,
        LISTEN_PORT: String(port),
        SSH_PORT: String(sshPort),
        PEERS: `127.0.0.1:${peer}`,
        TARGETS: targets,
      }),
    )
  const other = agent(
    'other',
    otherPort!,
    otherSsh!,
    ownerSsh!,
    `unused=http://127.0.0.1:${otherPort}/metrics`,
  )
  const own = agent('owner', owner!, ownerSsh!, otherSsh!, `page=${target}`)
  const subject = (port: number, { pid }: Running): Subject => ({
    url: `http://127.0.0.1:${port}/page/metrics`,
    pids: [pid],
  })
  const both = { own: subject(owner!, own), other: subject(otherPort!, other) }
  await answers(both.own.url)
  await answers(both.other.url)
  return both
}

async function startNginx(stack: AsyncDisposableStack): Promise<Subject> {
  const folder = await folderOf(stack)
  const port = await freePort()
  await mkdir(join(folder, 'page'))
  await writeFile(join(folder, 'page/metrics'), nodePage(0))
  await writeFile(join(folder, 'page/metrics.gz'), gzipSync(nodePage(0), { level: 6 }))
  await writeFile(join(folder, 'nginx.conf'), nginxConfig(folder, port))
  const { pid } = stack.use(start('nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr']))
  const url = `http://127.0.0.1:${port}/page/metrics`
  await answers(url)
  return { url, pids: childrenOf(pid) }
}

const nginxConfig = (folder: string, port: number) => `
daemon off; worker_processes 1; user root; pid ${folder}/pid; error_log stderr;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type text/plain;
  open_file_cache max=100;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  server { listen 127.0.0.1:${port}; root ${folder}; gzip_static on; }
}`

const exporterExporter = 'prometheus-exporter-exporter'

async function startExporterExporter(stack: AsyncDisposableStack, target: string): Promise<Subject> {
  const folder = await folderOf(stack)
  const port = await freePort()
  const config = `modules:\n  page:\n    method: http\n    http:\n      port: ${new URL(target).port}\n`
  await writeFile(join(folder, 'config.yml'), config)
  const { pid } = stack.use(
    start(exporterExporter, [
      `-config.file=${join(folder, 'config.yml')}`,
      `-web.listen-address=127.0.0.1:${port}`,
    ]),
  )
  const url = `http://127.0.0.1:${port}/proxy?module=page`
  await answers(url)
  return { url, pids: [pid] }
}

async function folderOf(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-serve-'))
  stack.defer(() => rm(folder, { recursive: true }))
  return folder
}

function has(program: string): boolean {
  return spawnSync('which', [program]).status === 0
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

const patience = 20_000

async function answers(url: string): Promise<void> {
  const end = performance.now() + patience
  while (!(await fetch(url).catch(() => undefined))?.ok) {
    if (performance.now() > end) throw new Error(`${url} doesn't answer`)
    await pause(100)
  }
}

/** What Prometheus sends. */
const headers = [
  'Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'Accept-Encoding: gzip',
  'User-Agent: Prometheus/3.5.0',
  'X-Prometheus-Scrape-Timeout-Seconds: 10',
].flatMap((header) => ['-H', header])

/** Answers for each second of CPU that the subject spends on them: who else keeps the machine busy matters less. */
async function perCore(
  { url, pids }: Subject,
  { seconds }: Pick<ServeBench, 'seconds'>,
  connections = 8,
): Promise<number> {
  const cpu = () => pids.reduce((sum, pid) => sum + cpuOf(pid), 0)
  const before = cpu()
  const { requests } = wrk(url, connections, seconds)
  return (requests * 1000) / (cpu() - before)
}

async function latency(url: string, { seconds }: ServeBench): Promise<number> {
  return wrk(url, 1, seconds).median
}

function wrk(url: string, connections: number, seconds: number): { requests: number; median: number } {
  const args = ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', ...headers, url]
  const { stdout, stderr } = spawnSync('wrk', args, { encoding: 'utf8' })
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  const [, value, unit] = /50%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(stdout))
    throw new Error(`wrk has failed:\n${stdout}${stderr}`)
  return { requests, median: Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'] }
}

if (import.meta.main) {
  const { cached, live } = await benchServe({ seconds: 2, rounds: 5 })
  const textOf = (values: readonly number[] | undefined, digits: number) =>
    values === undefined
      ? 'not installed'
      : `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`
  console.log(`cached pages a second and core: agent ${textOf(cached.agent, 0)}`)
  console.log(`  nginx ${textOf(cached.nginx, 0)}`)
  console.log(`  exporter_exporter ${textOf(cached.exporterExporter, 0)}`)
  if (cached.nginx) console.log(`  agent / nginx ${(median(cached.agent) / median(cached.nginx)).toFixed(2)}`)
  if (cached.exporterExporter)
    console.log(
      `  agent / exporter_exporter ${(median(cached.agent) / median(cached.exporterExporter)).toFixed(0)}`,
    )
  console.log(`a live page, median ms: directly ${textOf(live.direct, 2)}`)
  console.log(`  own node ${textOf(live.own, 2)}, other node ${textOf(live.other, 2)}`)
}
