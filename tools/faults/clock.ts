// The wall clock of an agent jumps by an hour while it runs, by Debian's faketime.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startAgents } from './agents.ts'
import type { Row } from './row.ts'

const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const watchMs = 8000

export async function clock(): Promise<readonly Row[]> {
  if (!existsSync(library))
    return [{ fault: 'a jump of the clock', found: 'needs Debian’s faketime, which is missing' }]
  const folder = mkdtempSync(join(tmpdir(), 'faults-clock-'))
  const file = join(folder, 'offset')
  writeFileSync(file, '+0\n')
  try {
    await using agents = await startAgents({
      environmentOf: (at) =>
        at === 1
          ? {
              LD_PRELOAD: library,
              FAKETIME_TIMESTAMP_FILE: file,
              FAKETIME_NO_CACHE: '1',
              // as on a real machine, whose monotonic clock no setting of the time touches
              FAKETIME_DONT_FAKE_MONOTONIC: '1',
            }
          : {},
    })
    await agents.untilWhole()
    const rows: Row[] = []
    for (const [name, offset] of [
      ['an hour forward', '+3600'],
      ['two hours back', '-3600'],
    ] as const)
      rows.push(
        await agents.besideOthers(`the wall clock of an agent jumps ${name}`, async () => {
          const before = await dateOf(agents.url(1))
          writeFileSync(file, `${offset}\n`)
          // the header is made anew once a second
          await pause(1500)
          const jumped = (await dateOf(agents.url(1))) - before
          let [requests, live] = [0, 0]
          for (const end = performance.now() + watchMs; performance.now() < end; await pause(100)) {
            requests += 1
            if ((await agents.ask(0, 1)) === 'live' && (await agents.ask(1, 1)) === 'live') live += 1
          }
          return `the agent’s date moved by ${Math.round(jumped / 60_000)} min; ${live} of ${requests} responses of this agent, direct and through another one, were live`
        }),
      )
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What time the agent thinks it is. */
async function dateOf(url: string): Promise<number> {
  const response = await fetch(`${url}/-/healthy`)
  await response.text()
  return Date.parse(response.headers.get('date')!)
}
