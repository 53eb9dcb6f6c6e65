// The command that brings rules from labels to a Prometheus or vmalert, in this process.

import { rules } from '../../../src/cli/rules.ts'

/** `from` names clusters and their agents: `prod=http://one:2137,http://two:2137`. */
export function startCollecting(
  from: readonly string[],
  to: string,
  reloaded: { readonly url: string },
): { stop(): Promise<unknown> } {
  const stopping = new AbortController()
  const sources = from.flatMap((one) => ['--from', one])
  const flags = ['--to', to, '--reload', `${reloaded.url}/-/reload`, '--every', '1']
  const done = rules([...sources, ...flags], {
    stdout: () => {},
    stderr: () => {},
    env: {},
    signal: stopping.signal,
    isTerminal: false,
  })
  return {
    stop() {
      stopping.abort()
      return done
    },
  }
}
