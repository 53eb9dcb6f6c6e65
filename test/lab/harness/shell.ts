// Programs of the machine, run to their end or beside the test.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
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
    timeout,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout!.on('data', (chunk) => out.push(chunk))
  child.stderr!.on('data', (chunk) => err.push(chunk))
  // A program that doesn't read its input to the end says so by its exit code.
  child.stdin?.on('error', () => {}).end(input)
  const ended = await endOf(child)
  const printed = Buffer.concat(out).toString()
  if (ended === 0) return printed.trimEnd()
  throw new Error(
    `${command} ${args.join(' ')}: ended with ${ended}\n${Buffer.concat(err)}${printed}`.trimEnd(),
  )
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
