// From the start of the program to the first page of each of many targets served, as a whole process.

import { setTimeout as pause } from 'node:timers/promises'
import { cpuOver, freePort, start, startAgent } from './processes.ts'

export interface StartupBench {
  readonly targets: number
  readonly rounds: number
}

/** Milliseconds, for each round. */
export async function benchStartup({ targets, rounds }: StartupBench): Promise<readonly number[]> {
  await using served = start(process.execPath, ['tools/bench/targets.ts'])
  const port = Number(await served.firstLine())
  await warm()
  const list = Array.from({ length: targets }, (_, n) => `t${n}=http://127.0.0.1:${port}/metrics`)
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) times.push(await oneStart(list))
  return times
}

/** What comes first would pay for the building, and for reading the file from the disk. */
async function warm(): Promise<void> {
  await using agent = startAgent({ LISTEN_PORT: String(await freePort()), LOG_LEVEL: 'error' })
  await cpuOver(agent.pid, 500)
}

async function oneStart(targets: readonly string[]): Promise<number> {
  const port = await freePort()
  const began = performance.now()
  await using _agent = startAgent({
    LISTEN_PORT: String(port),
    TARGETS: targets.join(' '),
    LOG_LEVEL: 'error',
  })
  for (const name of targets.map((target) => target.split('=')[0]))
    while (!(await answers(`http://127.0.0.1:${port}/${name}/metrics`))) await pause(5)
  return performance.now() - began
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    async (response) => (await response.bytes()).length > 0 && response.ok,
    () => false,
  )
}
