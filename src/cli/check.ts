// `app-metrics-proxy check`: checks the configuration and what the agent depends on, a line for each result.

import { type Config, ConfigError, readConfig } from '../config/config.ts'
import { advertisedBy, doubtsAbout, nodeNameOf } from '../discover/self.ts'
import { createPaint } from '../logging/terminal.ts'
import { checkDocker } from './check/docker.ts'
import { checkPeers } from './check/peers.ts'
import { type CheckResult, misconfigured, ok, printResult, warning } from './check/result.ts'
import { checkPort, checkWebConfig } from './check/web.ts'
import { type Io, withArguments } from './command.ts'

const usage = `Usage: app-metrics-proxy check

Checks the configuration, Docker, the Swarm, the networks, the other agents and their secret, and the port for
Prometheus, and prints how to fix problems. Run it in the agent's container. Errors that prevent the agent from working
go to stderr, everything else to stdout.

Example:
  docker exec CONTAINER app-metrics-proxy check

Exit code: 0 no errors, 1 errors, 2 wrong usage or configuration.
`

export function check(args: readonly string[], io: Io): Promise<number> {
  return withArguments(args, io, { usage }, async () => {
    const paint = createPaint(io)
    let code = 0
    for await (const result of checkAll(io)) {
      const isError = result.status === 'error'
      if (isError) code = Math.max(code, result.isMisconfigured ? 2 : 1)
      const print = isError ? io.stderr : io.stdout
      print(printResult(result, paint))
    }
    return code
  })
}

/** In the order of the agent's start. What depends on a failed check is skipped. */
async function* checkAll({ env, signal }: Io): AsyncGenerator<CheckResult> {
  const [config, ...results] = checkConfig(env)
  yield* results
  if (!config) return
  const docker = await checkDocker(config, signal)
  yield* docker.results
  const self = docker.state?.self
  yield* await checkPeers(config, { service: self?.service, swarm: self?.swarm ?? false }, signal)
  yield await checkPort(config)
  yield* await checkWebConfig(config)
  yield checkAdvertisedAddress(advertisedBy(config, self ?? { hostname: nodeNameOf(config) }))
}

function checkConfig(env: Io['env']): readonly [Config | undefined, ...CheckResult[]] {
  const subject = 'configuration'
  try {
    const config = readConfig(env)
    const warnings = config.warnings.map((text) => warning(subject, text))
    return [config, ...(warnings.length > 0 ? warnings : [ok(subject, 'valid')])]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [undefined, ...error.problems.map((text) => misconfigured(subject, text))]
  }
}

function checkAdvertisedAddress(address: string): CheckResult {
  const subject = 'address'
  const doubts = doubtsAbout(address)
  if (doubts === undefined) return ok(subject, `${address} is advertised to Prometheus`)
  return warning(
    subject,
    `${address} is advertised to Prometheus, but ${doubts}`,
    'set ADVERTISE to the host:port at which Prometheus reaches this agent or, better, all agents',
  )
}
