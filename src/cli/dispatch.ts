// From the command line to a command, and the help. A command's module is loaded only when it runs.

import { redact } from '../http/credentials.ts'
import { nearMisses } from '../runtime/spelling.ts'
import { version } from '../runtime/version.ts'
import { type Command, type Io, withArguments } from './command.ts'

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<Command>
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: 'Run the agent. This is the default. Its help lists all variables.',
    load: async () => (await import('./run.ts')).run,
  },
  check: {
    summary: 'Check the configuration, Docker, the peers and the port, and print how to fix problems.',
    load: async () => (await import('./check.ts')).check,
  },
  config: {
    summary: 'Print the effective configuration, with the origin of each value.',
    load: async () => (await import('./config.ts')).config,
  },
  targets: {
    summary: 'List all targets of the cluster with their states and endpoints.',
    load: async () => (await import('./targets.ts')).targets,
  },
  scrape: {
    summary: 'Scrape a URL or a target, and print whether Prometheus would accept its metrics.',
    load: async () => (await import('./scrape.ts')).scrape,
  },
  rules: {
    summary: 'Download the alerting rules of several clusters for a Prometheus server.',
    load: async () => (await import('./rules.ts')).rules,
  },
  health: {
    summary: 'Exit with 0 if the agent on this machine is alive. For HEALTHCHECK.',
    load: async () => checkHealth,
  },
  version: {
    summary: 'Print the version.',
    load: async () => printVersion,
  },
}

/** Resolves with the exit code. */
export async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = args
  const name = aliases.get(first ?? '') ?? first ?? 'run'
  if (name === 'help') return help(rest, io)
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) {
    io.stderr(`unknown command ${JSON.stringify(redact(name))}${suggestion(name)}\n\n${usage()}`)
    return 2
  }
  return (await entry.load())(rest, io)
}

/** At most one letter off, or two in a longer word. */
function suggestion(name: string): string {
  const [near] = nearMisses(name, Object.keys(commands), name.length > 4 ? 2 : 1)
  return near === undefined ? '' : `; did you mean ${near}?`
}

const aliases: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
  ['-v', 'version'],
])

/** `help check` is `check --help`. */
function help([name, ...more]: readonly string[], io: Io): Promise<number> | number {
  if (more.length > 0) {
    io.stderr(`help takes at most one command\n\n${usage()}`)
    return 2
  }
  if (name !== undefined && name !== 'help') return dispatch([name, '--help'], io)
  io.stdout(usage())
  return 0
}

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`)
  return `Usage: app-metrics-proxy [command] [options]

Discovers the containers of its node, scrapes their Prometheus metrics, and serves the metrics of all containers of
the cluster on one port.

${list.join('')}
Help for a command: app-metrics-proxy COMMAND --help. The agent is configured by environment variables only:
app-metrics-proxy run --help lists them. Every agent serves its documentation at /-/docs/.

Examples:
  app-metrics-proxy check
  app-metrics-proxy targets --state down,lost

Exit code: 0 success, 1 failure, 2 wrong usage or configuration.
`
}

const healthUsage = `Usage: app-metrics-proxy health

Exits with 0 if the agent on this machine is alive. For HEALTHCHECK.

Examples:
  app-metrics-proxy health && echo alive
  LISTEN_PORT=9300 app-metrics-proxy health

Exit code: 0 it is alive, 1 it is not, or nothing listens at LISTEN_PORT, 2 wrong usage or LISTEN_PORT.
`

/** The program that Docker starts, too. It ends the process itself. */
function checkHealth(args: readonly string[], io: Io): Promise<number> {
  return withArguments(args, io, { usage: healthUsage }, async () => {
    await import('./health.ts')
    return new Promise(() => {})
  })
}

const versionUsage = `Usage: app-metrics-proxy version

Prints the version.

Example:
  docker exec CONTAINER app-metrics-proxy version

Exit code: 0 success, 2 wrong usage.
`

function printVersion(args: readonly string[], io: Io): Promise<number> {
  return withArguments(args, io, { usage: versionUsage }, async () => {
    io.stdout(`app-metrics-proxy ${version} (Node ${process.versions.node})\n`)
    return 0
  })
}
