// From the start of the program to the first page of each of many targets, as a whole process.

import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { median, start, startAgent } from './processes.ts'
import { type Section, spread } from './section.ts'

const targets = 50

export const startup: Section = {
  name: 'startup',
  title: 'Start',
  method: `From the start of the process until each of ${targets} targets was served once.`,
  async run(isQuick) {
    await using served = start(process.execPath, ['tools/bench/targets.ts'])
    const target = `http://127.0.0.1:${await served.firstLine()}/metrics`
    const names = Array.from({ length: targets }, (_, n) => `t${n}`)
    // the first one reads the program from the disk
    await timeToStart(names, target)
    const times: number[] = []
    for (let round = 0; round < (isQuick ? 2 : 7); round += 1) times.push(await timeToStart(names, target))
    return {
      rows: [
        {
          what: `start of the process to the metrics of ${targets} targets`,
          budget: '2 s',
          isMissed: median(times) > 2000,
          figure: `${spread(times, 0)} ms`,
          peer: 'the original: 30 s and more',
        },
      ],
    }
  },
}

async function timeToStart(names: readonly string[], target: string): Promise<number> {
  const port = await freePort()
  const startedAt = performance.now()
  await using _agent = startAgent({
    LISTEN_PORT: String(port),
    TARGETS: names.map((name) => `${name}=${target}`).join(' '),
    LOG_LEVEL: 'error',
  })
  for (const name of names)
    while (!(await isServed(`http://127.0.0.1:${port}/${name}/metrics`))) await pause(5)
  return performance.now() - startedAt
}

function isServed(url: string): Promise<boolean> {
  return fetch(url).then(
    async (response) => (await response.bytes()).length > 0 && response.ok,
    () => false,
  )
}
