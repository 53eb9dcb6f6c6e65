// Programs of this machine beside the lab, such as a real Prometheus: they reach the nodes as it would.

import { until } from '../../helpers/until.ts'
import { endOf, start } from './shell.ts'

export interface Program {
  /** What it has printed so far. */
  output(): string
  /** Asks it to end, and insists after a while. */
  stop(): Promise<void>
}

/** Starts a program and waits until this URL of it answers with 200. */
export async function startProgram(
  command: string,
  args: readonly string[],
  ready: string,
): Promise<Program> {
  const child = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = endOf(child)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const stop = async () => {
    child.kill('SIGTERM')
    const insist = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await ended
    clearTimeout(insist)
  }
  try {
    await until(`${command} at ${ready}`, async () => (await fetch(ready)).ok)
  } catch (error) {
    await stop()
    throw new Error(`${command} did not become ready:\n${output}`, { cause: error })
  }
  return { output: () => output, stop }
}
