// Runs a command as main.ts would, and captures its output.

import type { Command } from '../../src/cli/command.ts'

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly isTerminal?: boolean
  readonly signal?: AbortSignal
  /** Receives what is written to stdout. */
  readonly onStdout?: (text: string) => void
}

export async function run(command: Command, args: readonly string[], options: RunOptions = {}) {
  const { env = {}, isTerminal = false, signal = new AbortController().signal, onStdout } = options
  let [out, err] = ['', '']
  const stdout = (text: string) => {
    out += text
    onStdout?.(text)
  }
  const stderr = (text: string) => {
    err += text
  }
  const code = await command(args, { stdout, stderr, env, signal, isTerminal })
  return { code, out, err }
}
