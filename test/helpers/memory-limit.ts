// A cgroup with a limit of memory, as a container has it, for processes of a test.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.ts'

export interface MemoryLimit extends AsyncDisposable {
  /** Processes that are written to this file are limited. */
  readonly processesFile: string
  /** How many processes were killed since they exceeded the limit. */
  killed(): number
}

/** The two versions of cgroups. */
const kinds = [
  { folder: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', events: 'memory.oom_control' },
  { folder: '/sys/fs/cgroup', limit: 'memory.max', events: 'memory.events' },
]

let made = 0

/** Undefined where this process may not make one. */
export function limitMemory(bytes: number): MemoryLimit | undefined {
  for (const { folder, limit, events } of kinds) {
    const own = join(folder, `app-metrics-proxy-test-${process.pid}-${++made}`)
    try {
      mkdirSync(own)
    } catch {
      continue
    }
    if (!existsSync(join(own, limit))) {
      rmdirSync(own)
      continue
    }
    writeFileSync(join(own, limit), String(bytes))
    return {
      processesFile: join(own, 'cgroup.procs'),
      killed: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(own, events), 'utf8'))?.[1] ?? 0),
      async [Symbol.asyncDispose]() {
        await until('the limited processes to end', () => {
          rmdirSync(own)
          return true
        })
      },
    }
  }
  return undefined
}
