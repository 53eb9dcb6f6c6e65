// The documentation's commands, run as a person would who sits at a node.

import { scaled } from '../../helpers/limits.ts'
import type { Node } from './node.ts'
import { type RunOptions, run } from './shell.ts'

/** Runs commands as they stand there; the first that fails ends them. */
export function follow(
  { socket }: Pick<Node, 'socket'>,
  commands: string,
  { env, ...options }: RunOptions = {},
): Promise<string> {
  // Debian's client, which has no further builder
  const here = { DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: '0', PATH: `/usr/bin:${process.env.PATH}` }
  const strict = ['-e', '-o', 'pipefail', '-c', commands]
  return run('bash', strict, { timeout: scaled(600_000), ...options, env: { ...here, ...env } })
}
