// `app-metrics-proxy run`: reads the configuration, starts the agent, and stops it on a signal.

import { once } from 'node:events'
import { type Agent, startAgent } from '../agent/agent.ts'
import { systemClock } from '../clock.ts'
import { ConfigError, readConfig } from '../config/config.ts'
import { allOptions } from '../config/options.ts'
import { PortError } from '../http/ports.ts'
import { createLog } from '../logging/log.ts'
import { readableLine } from '../logging/readable.ts'
import { createPaint } from '../logging/terminal.ts'
import { version } from '../runtime/version.ts'
import { type Io, withArguments } from './command.ts'

/** A restart doesn't help. */
const misconfigured = 2
/** A restart may help: an agent that is stopping still holds its port. */
const failed = 1

const usage = `Usage: app-metrics-proxy run

Runs the agent until SIGTERM or SIGINT. It is configured by these environment variables, defaults in parentheses.
Durations have units (10s, 1m30s, 500ms); a bare number is seconds.

${variablesHelp()}
Examples:
  TARGETS=shop=http://localhost:8080/metrics app-metrics-proxy run
  app-metrics-proxy config    # prints the effective values

Exit code: 0 stopped by a signal, 1 failure (a restart may help), 2 wrong usage or configuration (it does not).
`

export function run(args: readonly string[], io: Io): Promise<number> {
  return withArguments(args, io, { usage }, () => runAgent(io))
}

async function runAgent(io: Io): Promise<number> {
  try {
    const config = readConfig(io.env)
    // dockerode reads this variable itself, and doesn't strip quotes
    if (config.dockerHost !== undefined) process.env.DOCKER_HOST = config.dockerHost
    const log = createLog(config.logLevel, io.isTerminal ? readableLog(io) : undefined)
    for (const warning of config.warnings) log.warn({}, warning)
    log.info({ version, cluster: config.cluster }, 'starting')
    const app = await startAgent({ config, clock: systemClock, log, version })
    return await untilStopped(app, io)
  } catch (error) {
    if (error instanceof ConfigError) return refuse(io, error.problems, misconfigured)
    if (error instanceof PortError) return refuse(io, [error.message], failed)
    throw error
  }
}

function refuse(io: Io, problems: readonly string[], code: number): number {
  io.stderr(`app-metrics-proxy can't start:\n${problems.map((line) => `  ${line}\n`).join('')}`)
  return code
}

function readableLog(io: Io): (line: string) => void {
  const paint = createPaint(io)
  return (line) => io.stdout(readableLine(line, paint))
}

async function untilStopped(app: Agent, { signal, onCrash }: Io): Promise<number> {
  const crash = Promise.withResolvers<number>()
  onCrash?.((error) => {
    app.log.internal(error, 'process')
    crash.resolve(failed)
  })
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  try {
    return await Promise.race([stopped.then(() => 0), app.failed, crash.promise])
  } finally {
    app.log.info({}, 'stopping')
    await app.stop()
  }
}

/** Indented, in lines of at most 100 columns, without the marks of Markdown. */
function variablesHelp(): string {
  return allOptions
    .map(({ name, default: fallback, description }) => {
      const lines = description.replaceAll('`', '').replaceAll(/(.{1,94})(?: |$)/g, '      $1\n')
      return `  ${name}${fallback ? ` (${fallback})` : ''}\n${lines}`
    })
    .join('')
}
