// An agent that has nothing to do but to be healthy, beside bare Node and the others: memory, and CPU with that of
// Docker's health check.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isServed, startPair } from './pair.ts'
import { fetchPeers, startPrometheusAgent, startVmagent } from './peers.ts'
import { cpuOf, type Running, rssOf, start, temporaryFolder } from './processes.ts'
import type { Section } from './section.ts'

export const idle: Section = {
  name: 'idle',
  title: 'Idle',
  method: `An agent with one target, read every 10 s, and one peer, checked by the image's own health check at its interval. The others have no target at all.`,
  async run(isQuick) {
    const [warmUpMs, seconds] = isQuick ? [2000, 10] : [30_000, 60]
    await fetchPeers()
    await using stack = new AsyncDisposableStack()
    const nothing = { addresses: [], interval: 10, remoteWrite: 'http://127.0.0.1:1/write' }
    const bare = start(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const others: readonly [string, Running][] = [
      ['bare Node', stack.use(bare)],
      ['vmagent', stack.use(await startVmagent(nothing))],
      ['Prometheus agent', stack.use(await startPrometheusAgent(nothing))],
    ]
    const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts', '1000', '1']))
    const target = `http://127.0.0.1:${await targets.firstLine()}/metrics`
    const { own } = await startPair(stack, target, { MAX_AGE: 'off' })
    await isServed(own.url)
    const health = buildHealthCheck()
    await pause(warmUpMs)
    const before = [own, ...others.map(([, running]) => running)].map(({ pid }) => cpuOf(pid))
    const checksMs = await checkHealth(health, new URL(own.url).port, seconds)
    const [ours, ...theirs] = [own, ...others.map(([, running]) => running)].map(
      ({ pid }, at) => (cpuOf(pid) - before[at]!) / seconds / 10,
    )
    const percent = (value: number) => `${value.toFixed(2)} %`
    const list = (text: (at: number) => string) =>
      others.map(([name], at) => `${name} ${text(at)}`).join('; ')
    const rss = rssOf(own.pid)
    const cpu = ours! + checksMs / seconds / 10
    return {
      rows: [
        {
          what: 'idle: resident memory',
          budget: '100 MB',
          isMissed: rss > 100e6 / 2 ** 20,
          figure: `${rss.toFixed(0)} MiB`,
          peer: list((at) => `${rssOf(others[at]![1].pid).toFixed(0)} MiB`),
          ratio: others.map(([, { pid }]) => (rss / rssOf(pid)).toFixed(2)).join('; '),
        },
        {
          what: 'idle: CPU, with the health check',
          budget: '0.5 % of a core',
          isMissed: cpu > 0.5,
          figure: `${percent(cpu)}, of which health check ${percent(checksMs / seconds / 10)}`,
          peer: list((at) => percent(theirs[at]!)),
        },
      ],
    }
  },
}

function buildHealthCheck(): string {
  const program = join(temporaryFolder(), 'health')
  execFileSync('gcc', ['-Os', '-s', '-o', program, 'src/cli/health.c'])
  return program
}

/** As Docker does: the next check some time after the end of the last one. Resolves with its CPU, in milliseconds. */
async function checkHealth(program: string, port: string, seconds: number): Promise<number> {
  const [, interval] = /--interval=(\d+)s/.exec(readFileSync('Dockerfile', 'utf8')) ?? []
  const [, waits] = /"\/bin\/health", "(\d+)"/.exec(readFileSync('Dockerfile', 'utf8')) ?? []
  const end = performance.now() + seconds * 1000
  const before = cpuOfEndedChildren()
  while (performance.now() < end) {
    const check = spawn(program, [waits!, '/bin/false'], { env: { LISTEN_PORT: port }, stdio: 'ignore' })
    const [code] = await once(check, 'exit')
    if (code !== 0) throw new Error('the agent is not healthy')
    await pause(Number(interval) * 1000)
  }
  return cpuOfEndedChildren() - before
}

function cpuOfEndedChildren(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10
}
