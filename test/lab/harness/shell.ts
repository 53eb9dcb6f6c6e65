// Programs of the machine, run to their end or beside the test.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { scaled } from '../../helpers/limits.ts'

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Milliseconds after which it is killed. */
  readonly timeout?: number
}

/** What every process of a lab carries in its environment, so that one left behind is recognised. */
export function marked(env: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  return { ...process.env, AMP_LAB: process.env.AMP_RUN ?? String(process.pid), ...env }
}

/** Runs a program to its end and resolves with what it printed; any other exit code than 0 is an error. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { input, timeout = scaled(120_000) } = options
  const child = spawn(command, args, {
    env: marked(options.env),
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let isLate = false
  const deadline = setTimeout(() => {
    isLate = true
    // What nsenter started doesn't end with it, and would keep the pipes open for ever.
    for (const pid of treeOf(child.pid!)) kill(pid)
    for (const pipe of [child.stdout!, child.stderr!]) pipe.destroy()
  }, timeout)
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout!.on('data', (chunk) => out.push(chunk))
  child.stderr!.on('data', (chunk) => err.push(chunk))
  // A program that doesn't read its input to the end says so by its exit code.
  child.stdin?.on('error', () => {}).end(input)
  const ended = await endOf(child).finally(() => clearTimeout(deadline))
  const printed = Buffer.concat(out).toString()
  if (ended === 0) return printed.trimEnd()
  throw new Error(
    `${command} ${args.join(' ')}: ${isLate ? `not done after ${timeout / 1000} s` : `ended with ${ended}`}\n${Buffer.concat(err)}${printed}`.trimEnd(),
  )
}

/** A process and all below it. */
function treeOf(pid: number): number[] {
  const children = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(children)) return []
  const pids = readFileSync(children, 'utf8').match(/\d+/g) ?? []
  return [pid, ...pids.flatMap((child) => treeOf(Number(child)))]
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended meanwhile
  }
}

/** Starts a program beside the test; the caller owns it. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(command, args, { ...options, env: marked(options.env) })
}

/** The exit code, or the signal that ended it. Rejects if it couldn't be started. */
export function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve(child.exitCode ?? child.signalCode ?? 0)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0))
  })
}
