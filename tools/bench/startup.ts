// From the start of the program to the first page of each of many targets served, as a whole process.

import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { start, startAgent } from './processes.ts'

export interface StartupBench {
  readonly targets: number
  readonly rounds: number
}

/** Milliseconds, for each round. */
export async function benchStartup({ targets, rounds }: StartupBench): Promise<readonly number[]> {
  await using served = start(process.execPath, ['tools/bench/targets.ts'])
  const port = Number(await served.firstLine())
  const list = Array.from({ length: targets }, (_, n) => `t${n}=http://127.0.0.1:${port}/metrics`)
  // what comes first pays for the building, and for reading the file from the disk
  await oneStart(list)
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) times.push(await oneStart(list))
  return times
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
