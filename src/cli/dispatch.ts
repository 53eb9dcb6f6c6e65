// From the command line to a command; help, and what is said to whom mistyped one.

import { redact } from '../http/credentials.ts'
import { nearMisses } from '../runtime/spelling.ts'
import { commands, type Listed } from './commands.ts'
import type { Io } from './io.ts'

/** Resolves with the exit code. */
export async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = args
  const name = aliases.get(first ?? '') ?? first ?? 'run'
  if (name === 'help') return help(rest, io)
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command && !command.options && rest.length > 0) return refuseOptions(name, command, rest, io)
  if (command) return (await command.load())(rest, io)
  io.stderr(`app-metrics-proxy has no command ${JSON.stringify(redact(name))}${meant(name)}\n\n${usage()}`)
  return 2
}

/** What was probably meant: at most one letter off, or two in a word long enough to tell. */
function meant(name: string): string {
  const [near] = nearMisses(name, Object.keys(commands), name.length > 4 ? 2 : 1)
  return near === undefined ? '' : `; ${near} is one`
}

const aliases: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
  ['-v', 'version'],
])

/** `help check` is `check --help`. */
function help([about, ...more]: readonly string[], io: Io): Promise<number> | number {
  if (more.length > 0) {
    io.stderr(`help takes one command\n\n${usage()}`)
    return 2
  }
  if (about !== undefined && about !== 'help') return dispatch([about, '--help'], io)
  io.stdout(usage())
  return 0
}

function refuseOptions(name: string, { about }: Listed, given: readonly string[], io: Io): number {
  const text = `Usage: app-metrics-proxy ${name}\n\n${about}\n`
  if (given.length === 1 && (given[0] === '--help' || given[0] === '-h')) {
    io.stdout(text)
    return 0
  }
  io.stderr(`${name} takes no options and no arguments\n\n${text}`)
  return 2
}

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const list = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}\n`)
  return `Usage: app-metrics-proxy [command] [options]

Finds the containers of its node, reads their Prometheus metrics, and answers for every container of the
cluster on one port.

${list.join('')}
Options of a command: app-metrics-proxy COMMAND --help. The agent is configured by environment variables
alone: see docs/CONFIGURATION.md. Exit code: 0 well, 1 something failed, 2 used or configured wrongly.
`
}
