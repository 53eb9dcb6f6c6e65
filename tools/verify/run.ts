// Runs the checks' programs, and ends whatever they leave behind.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limitsIn, type NearLimit } from './limits.ts'

export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What a person needs to see: the output of what failed. */
  readonly output?: string
  /** How near each test came to its limits. */
  readonly limits?: readonly NearLimit[]
}

const timeoutMs = 40 * 60_000
const running = new Set<ChildProcess>()

/** One program that is one check. */
export async function program(command: string, ...args: string[]): Promise<Outcome> {
  const { code, output } = await runToEnd(command, args)
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0, output }
}

interface ProjectOptions {
  /** Only these files; default: all. */
  readonly files?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** One project of vitest: what its own report counts. A run that fails without a failed test counts as one. */
export async function project(name: string, { files = [], env = {} }: ProjectOptions = {}): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { code, output } = await runToEnd('vitest', ['run', '--project', name, ...reporters, ...files], env)
    const counted = countIn(report)
    if (code === 0 && counted.failed === 0 && counted.passed > 0) return counted
    return { ...counted, failed: Math.max(1, counted.failed), output }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function countIn(report: string): Outcome {
  try {
    const content = JSON.parse(readFileSync(report, 'utf8'))
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = content
    return {
      passed: numPassedTests,
      failed: numFailedTests,
      skipped: numPendingTests + numTodoTests,
      limits: limitsIn(content),
    }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

export async function runToEnd(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string }> {
  // A group of its own, so that all it starts can be ended with it.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  running.add(child)
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const late = setTimeout(() => {
    output += `\nended after ${timeoutMs / 60_000} minutes`
    end(child)
  }, timeoutMs)
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve(1)
    })
    // Not `close`: a program left behind may hold the pipes for ever.
    child.once('exit', (status) => setImmediate(resolve, status))
  })
  clearTimeout(late)
  end(child)
  running.delete(child)
  return { code, output }
}

export function endAll(): void {
  for (const child of running) end(child)
}

function end(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Nothing of the group is left.
  }
}
