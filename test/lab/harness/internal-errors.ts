// Read when a lab ends: the logs of all agents that its nodes still have, as the engines keep them on disk.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { internalErrorsIn } from '../../helpers/agent-log.ts'

/** Throws if a container below the engine's `data` folder logged an internal error. */
export function refuseInternalErrorsOf(node: string, data: string): void {
  const containers = join(data, 'containers')
  if (!existsSync(containers)) return
  const lines = readdirSync(containers, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('-json.log'))
    .flatMap((name) => internalErrorsIn(linesOf(readFileSync(join(containers, name), 'utf8'))))
  if (lines.length > 0) throw new Error(`agents on ${node} logged internal errors:\n${lines.join('\n')}`)
}

/** The engine wraps each line of a container in JSON of its own. */
function linesOf(file: string): string {
  return file
    .split('\n')
    .map((line) => /^\{"log":("(?:[^"\\]|\\.)*")/.exec(line)?.[1])
    .map((text) => (text === undefined ? '' : String(JSON.parse(text)).trimEnd()))
    .join('\n')
}
