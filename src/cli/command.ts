// What every command has in common: its access to the process, its arguments, and exit code 2 for wrong usage or
// configuration.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ConfigError } from '../config/config.ts'
import { redact } from '../http/credentials.ts'

/** The process as a command sees it. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts when the command must end. */
  readonly signal: AbortSignal
  /** `listener` receives the first uncaught exception or rejection; the command must then end. */
  readonly onCrash?: (listener: (error: unknown) => void) => void
  /** Whether `stdout` is a terminal. */
  readonly isTerminal: boolean
}

/** Resolves with the exit code: 0 success, 1 failure, 2 wrong usage or configuration. */
export type Command = (args: readonly string[], io: Io) => Promise<number>

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type OptionTypes = NonNullable<ParseArgsConfig['options']>
export type OptionValues<O extends OptionTypes> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true }>
>['values']

interface CommandSyntax<O extends OptionTypes> {
  readonly usage: string
  /** Besides `--help`, which every command has. */
  readonly options?: O
  readonly maxPositionals?: number
}

/** Runs `body` with the parsed arguments, or prints the usage. */
export async function withArguments<const O extends OptionTypes>(
  args: readonly string[],
  io: Io,
  { usage, options, maxPositionals = 0 }: CommandSyntax<O>,
  body: (values: OptionValues<O>, positionals: readonly string[]) => Promise<number>,
): Promise<number> {
  try {
    const { values, positionals } = parse(args, { ...options, help: { type: 'boolean', short: 'h' } })
    if ('help' in values) {
      io.stdout(usage)
      return 0
    }
    refuseMore(positionals.slice(maxPositionals))
    return await body(values as OptionValues<O>, positionals)
  } catch (error) {
    if (error instanceof ConfigError) io.stderr(`${error.message}\n`)
    else if (error instanceof UsageError) io.stderr(`${error.message}\n\n${usage}`)
    else throw error
    return 2
  }
}

function parse(args: readonly string[], options: OptionTypes) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    const { message } = error as Error
    throw new UsageError(redact(message).replace(/\. To specify a positional argument .*/s, ''))
  }
}

export function refuseMore([first]: readonly string[]): void {
  if (first !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(redact(first))}`)
}
