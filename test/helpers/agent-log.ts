// The log of an agent that runs as a process or in a container of its own, read for internal errors: each is a bug, so
// that whatever started the agent fails.

import { internalError } from '../../src/logging/log.ts'

/** The lines of internal errors, in JSON as the agent logs them, whatever stands around them. */
export function internalErrorsIn(log: string): readonly string[] {
  return log.split('\n').filter((line) => line.includes(`"msg":"${internalError}"`))
}

export function refuseInternalErrors(agent: string, log: string): void {
  const lines = internalErrorsIn(log)
  if (lines.length > 0) throw new Error(`${agent} logged internal errors:\n${lines.join('\n')}`)
}
