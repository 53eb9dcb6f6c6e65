// An agent as an operator starts it, as a process of its own: src/main.ts with nothing but its environment.

import { join } from 'node:path'
import { refuseInternalErrors } from '../../helpers/agent-log.ts'
import { type Program, startProgram } from './process.ts'

const main = join(import.meta.dirname, '../../../src/main.ts')

export interface AgentProcess extends Program {
  readonly address: string
}

/** Ready once it has looked at each of `targets`, which are `name=url`. */
export async function startAgentProcess(targets: readonly string[]): Promise<AgentProcess> {
  const program = await startProgram(process.execPath, async (_, listen) => ({
    args: [main],
    env: {
      LISTEN_PORT: new URL(`http://${listen}`).port,
      TARGETS: targets.join(' '),
      LOG_LEVEL: 'error',
    },
  }))
  const stop = async () => {
    await program.stop()
    refuseInternalErrors(`the agent at ${program.url}`, program.printed())
  }
  return { ...program, stop, address: new URL(program.url).host }
}
