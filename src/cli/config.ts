// `app-metrics-proxy config`: the effective configuration, and where each value comes from.

import { type Config, givenValue, readConfig } from '../config/config.ts'
import { allOptions, type Option } from '../config/options.ts'
import { nodeNameOf } from '../discover/self.ts'
import { redact } from '../http/credentials.ts'
import { alignColumns, createPaint, visible } from '../logging/terminal.ts'
import { promDuration } from '../promql/literals.ts'
import { type Io, withArguments } from './command.ts'

const usage = `Usage: app-metrics-proxy config

Prints the configuration that the agent would run with: each variable with its value and where that comes from
(environment, default, another variable). Secrets and passwords are hidden. Warnings go to stderr.

Examples:
  app-metrics-proxy config
  docker exec CONTAINER app-metrics-proxy config

Exit code: 0 the configuration is valid, 2 it is not, or wrong usage.
`

export function config(args: readonly string[], io: Io): Promise<number> {
  return withArguments(args, io, { usage }, async () => {
    const config = readConfig(io.env)
    const rows = allOptions.map((option) => rowOf(option, config, io.env))
    const paint = createPaint(io)
    const [head = '', ...lines] = alignColumns([titles, ...rows])
    io.stdout(`${[paint('bold', head), ...lines].join('\n')}\n`)
    for (const warning of config.warnings) io.stderr(`warning: ${visible(warning)}\n`)
    return 0
  })
}

type ConfigRow = readonly [name: string, value: string, origin: string]

const titles: ConfigRow = ['VARIABLE', 'VALUE', 'ORIGIN']

function rowOf(option: Option<unknown>, config: Config, env: Io['env']): ConfigRow {
  const { name, default: fallback, secret } = option
  const given = givenValue(env, option)
  if (given !== undefined) return [name, secret ? '(hidden)' : visible(redact(given)), 'environment']
  if (fallback) return [name, fallback, 'default']
  const [value, origin] = derived.get(name)?.(config) ?? ['', 'unset']
  return [name, visible(value), origin]
}

/** Variables whose default depends on others. What only Docker knows is left to the status page. */
const derived: ReadonlyMap<string, (config: Config) => readonly [value: string, origin: string]> = new Map([
  ['SCRAPE_TIMEOUT', ({ scrapeTimeoutMs }) => [promDuration(scrapeTimeoutMs), 'SCRAPE_INTERVAL']],
  ['STALE_AFTER', ({ staleAfterMs }) => [promDuration(staleAfterMs), 'SCRAPE_INTERVAL']],
  ['NODE_NAME', (config) => [nodeNameOf(config), 'hostname']],
] as const)
