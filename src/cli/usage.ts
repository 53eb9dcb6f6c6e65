// Used or configured wrongly: what every command says then, and with which exit code.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ConfigError } from '../config/config.ts'
import { redact } from '../http/credentials.ts'
import type { Io } from './io.ts'

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Like parseArgs, whose refusals become usage errors, without its advice on arguments that begin with a dash. */
export function readArguments<const C extends ParseArgsConfig>(config: C): ReturnType<typeof parseArgs<C>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError(
      redact((error as Error).message).replace(/\. To specify a positional argument .*/s, ''),
    )
  }
}

/** What no command asked for isn't ignored: it was meant to do something. */
export function refuseMore(positionals: readonly string[]): void {
  const [first] = positionals
  if (first !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(redact(first))}`)
}

/** Runs `body`, which may be undefined where the usage is asked for. */
export async function withUsage(
  usage: string,
  io: Io,
  body: () => Promise<number | 'usage'>,
): Promise<number> {
  try {
    const code = await body()
    if (code !== 'usage') return code
    io.stdout(usage)
    return 0
  } catch (error) {
    if (error instanceof ConfigError) {
      io.stderr(`${error.message}\n`)
      return 2
    }
    if (!(error instanceof UsageError)) throw error
    io.stderr(`${error.message}\n\n${usage}`)
    return 2
  }
}
