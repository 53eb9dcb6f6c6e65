// A disk without any room, under everything that the agent could write to: its log, its temporary files, its home.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { buildAgent, imageEnvironment, imageFlags } from '../bench/processes.ts'
import { refuseCountedErrors } from './internal-errors.ts'
import type { Row } from './row.ts'

const watchMs = 10_000

export async function disk(): Promise<readonly Row[]> {
  const folder = join(tmpdir(), `faults-disk-${process.pid}`)
  mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
  try {
    const log = join(folder, 'log')
    fill(join(folder, 'filler'), log)
    return [{ fault: 'a full disk under the log, temporary files and home', found: await run(folder, log) }]
  } finally {
    execFileSync('umount', [folder])
    rmdirSync(folder)
  }
}

function fill(filler: string, log: string): void {
  writeFileSync(log, '')
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(4096), { flag: 'a' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

async function run(folder: string, log: string): Promise<string> {
  const port = await freePort()
  const server = createServer((_request, response) => response.end('x 1\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const out = openSync(log, 'a')
  buildAgent()
  const agent = spawn(process.execPath, [...imageFlags(), join(process.cwd(), 'dist/main.js')], {
    cwd: folder,
    stdio: ['ignore', out, out],
    env: {
      ...imageEnvironment(),
      PATH: process.env.PATH,
      HOME: folder,
      TMPDIR: folder,
      NODE_NAME: 'full',
      LISTEN_PORT: `${port}`,
      SCRAPE_INTERVAL: '1',
      LOG_LEVEL: 'debug',
      TARGETS: `app=http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    },
  })
  const ended = once(agent, 'exit')
  try {
    let [requests, live] = [0, 0]
    const isReady = async () => (await statusOf(`http://127.0.0.1:${port}/app/metrics`)) === 200
    for (const end = performance.now() + 60_000; !(await isReady()); await pause(100))
      if (performance.now() > end || agent.exitCode !== null) return 'the agent does not start'
    for (const end = performance.now() + watchMs; performance.now() < end; await pause(100)) {
      requests += 1
      if ((await statusOf(`http://127.0.0.1:${port}/app/metrics`)) === 200) live += 1
    }
    await refuseCountedErrors('the agent', `http://127.0.0.1:${port}`)
    const written = Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${agent.pid}/io`, 'utf8'))?.[1])
    return `it starts and runs; ${live} of ${requests} responses were 200; ${written} bytes written to disk, ${statSync(log).size} bytes of log; log lines are lost`
  } finally {
    agent.kill()
    await ended
    closeSync(out)
    server.close()
    server.closeAllConnections()
  }
}

async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url)
    await response.text()
    return response.status
  } catch {
    return 0
  }
}
