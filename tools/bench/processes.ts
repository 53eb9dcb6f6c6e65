// Processes to measure: started, watched for what they cost, and ended, at the latest when this process ends.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface Running extends AsyncDisposable {
  readonly pid: number
  /** Everything it printed so far, but no more than the last part. */
  readonly printed: () => string
  /** The first line that it prints. */
  readonly firstLine: () => Promise<string>
  readonly ended: Promise<unknown>
  readonly isRunning: () => boolean
  /** For what answers questions on the channel to its parent. */
  readonly ask: (question: string) => Promise<unknown>
}

/** More than any answer takes. */
const answerWithin = 30_000

/** In characters. */
const maxPrinted = 1_000_000

const running = new Set<ChildProcess>()
const folders = new Set<string>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** An empty folder, removed at the end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  folders.add(folder)
  return folder
}

export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH, ...env },
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let printed = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    printed = (printed + text).slice(-maxPrinted)
  })
  return {
    pid: child.pid!,
    printed: () => printed,
    ended: once(child, 'exit'),
    isRunning: () => running.has(child),
    async firstLine() {
      while (!printed.includes('\n')) await once(child.stdout!, 'data')
      return printed.slice(0, printed.indexOf('\n')).trim()
    },
    async ask(question) {
      const answer = once(child, 'message', { signal: AbortSignal.timeout(answerWithin) })
      child.send(question)
      return (await answer)[0]
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

let isBuilt = false

/** Makes dist/, once. */
export function buildAgent(): void {
  if (!isBuilt) execFileSync(process.execPath, ['tools/build.ts'], { stdio: 'inherit' })
  isBuilt = true
}

/** The agent as it is shipped: one file, with the flags and the environment that the image gives to node. */
export function startAgent(env: NodeJS.ProcessEnv, flags: readonly string[] = []): Running {
  buildAgent()
  return start(process.execPath, [...imageFlags(), ...flags, 'dist/main.js'], {
    ...imageEnvironment(),
    ...env,
  })
}

export function imageEnvironment(): NodeJS.ProcessEnv {
  const lines = [...readFileSync('Dockerfile', 'utf8').matchAll(/^ENV (.*)$/gm)].map(([, line]) => line!)
  const variables = lines.flatMap((line) => [...line.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))/g)])
  return Object.fromEntries(variables.map(([, name, quoted, plain]) => [name, quoted ?? plain]))
}

export function imageFlags(): readonly string[] {
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1] ?? '[]'
  return (JSON.parse(entry) as string[]).filter((word) => word.startsWith('--'))
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(force)
}

/** CPU that a process has used so far, in milliseconds: user and system, all threads. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Memory that a process holds, in MiB. */
export function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** The most that a process has held so far, in MiB. */
export function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** What `pid` costs in CPU over `ms` milliseconds, as milliseconds. */
export async function cpuOver(pid: number, ms: number): Promise<number> {
  const before = cpuOf(pid)
  await pause(ms)
  return cpuOf(pid) - before
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
