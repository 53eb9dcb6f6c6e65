// Round every run of the lab's tests: whatever a test started must have ended when the last one has.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export default function setup(): () => void {
  process.env.AMP_RUN = `run-${process.pid}`
  return () => {
    const left = processesOf(process.env.AMP_RUN!)
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    if (left.length === 0) return
    const list = left.map(({ pid, command }) => `${pid} ${command}`).join('\n')
    throw new Error(`a test left these processes alive (ended now):\n${list}`)
  }
}

interface Left {
  readonly pid: number
  readonly command: string
}

function processesOf(run: string): Left[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(name, 'environ').split('\0').includes(`AMP_LAB=${run}`))
    .map((name) => ({ pid: Number(name), command: read(name, 'cmdline').replaceAll('\0', ' ') }))
}

/** A process may end while one reads about it. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(join('/proc', pid, file), 'utf8')
  } catch {
    return ''
  }
}
