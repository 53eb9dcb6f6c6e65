// Runs a command as main.ts would, and catches what it says.

import type { Command } from '../../src/cli/io.ts'

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly isTerminal?: boolean
  readonly signal?: AbortSignal
  /** Told everything that goes to stdout, as it comes. */
  readonly heard?: (text: string) => void
}

export async function run(command: Command, args: readonly string[], around: Surroundings = {}) {
  const { env = {}, isTerminal = false, signal = new AbortController().signal, heard } = around
  let [out, err] = ['', '']
  const stdout = (text: string) => {
    out += text
    heard?.(text)
  }
  const stderr = (text: string) => {
    err += text
  }
  const code = await command(args, { stdout, stderr, env, signal, isTerminal })
  return { code, out, err }
}
