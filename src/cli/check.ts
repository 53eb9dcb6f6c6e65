// `app-metrics-proxy check`: configuration and surroundings, one line each: ok, or what to do.

import { type Config, ConfigError, readConfig } from '../config/config.ts'
import { advertisedBy, doubtsAbout, nodeNameOf } from '../discover/self.ts'
import { createPaint } from '../logging/terminal.ts'
import { lookAtDocker } from './check/docker.ts'
import { lookAtPeers } from './check/peers.ts'
import { lookAtPort } from './check/ports.ts'
import { printResult, type Result } from './check/result.ts'
import { lookAtWebConfig } from './check/web.ts'
import type { Io } from './io.ts'
import { readArguments, withUsage } from './usage.ts'

const usage = `Usage: app-metrics-proxy check

Looks at the configuration, Docker, the Swarm, the networks, the other agents and their secret, and the port
for Prometheus: what is well, and what to do where it is not. Best run where the agent runs, in its container:
docker exec CONTAINER app-metrics-proxy check

What keeps the agent from its work goes to stderr, all else to stdout. Exit code: 0 nothing does, 1 something
does, 2 used or configured wrongly.
`

export function check(args: readonly string[], io: Io): Promise<number> {
  return withUsage(usage, io, async () => {
    const { values } = readArguments({ args: [...args], options: { help: { type: 'boolean', short: 'h' } } })
    if (values.help) return 'usage'
    const paint = createPaint(io)
    let code = 0
    for await (const result of looks(io)) {
      const isError = result.status === 'error'
      if (isError) code = Math.max(code, result.misconfigured ? 2 : 1)
      const print = isError ? io.stderr : io.stdout
      print(printResult(result, paint))
    }
    return code
  })
}

/** In the order of the agent's start. What can't be known after a failure isn't looked at. */
async function* looks({ env, signal }: Io): AsyncGenerator<Result> {
  const [config, ...problems] = configurationOf(env)
  yield* problems
  if (!config) return
  const { results, state } = await lookAtDocker(config, signal)
  yield* results
  const self = state?.self
  yield* await lookAtPeers(config, { service: self?.service, swarm: self?.swarm ?? false }, signal)
  yield await lookAtPort(config)
  yield* await lookAtWebConfig(config)
  yield lookAtAdvertise(advertisedBy(config, self ?? { hostname: nodeNameOf(config) }))
}

function configurationOf(env: Io['env']): readonly [Config | undefined, ...Result[]] {
  const what = 'configuration'
  try {
    const config = readConfig(env)
    const warnings = config.warnings.map((says): Result => ({ status: 'warning', what, says }))
    return [
      config,
      ...(warnings.length > 0 ? warnings : [{ status: 'ok', what, says: 'no errors' } as const]),
    ]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [
      undefined,
      ...error.problems.map((says): Result => ({ status: 'error', what, says, misconfigured: true })),
    ]
  }
}

function lookAtAdvertise(address: string): Result {
  const what = 'address'
  const doubts = doubtsAbout(address)
  if (doubts === undefined) return { status: 'ok', what, says: `Prometheus is told ${address}` }
  return {
    status: 'warning',
    what,
    says: `Prometheus is told ${address}: ${doubts}`,
    hint: 'set ADVERTISE to the host:port under which Prometheus reaches this agent or, better, all agents',
  }
}
