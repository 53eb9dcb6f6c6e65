// `app-metrics-proxy version`

import { version } from '../runtime/version.ts'
import type { Io } from './io.ts'

export async function printVersion(_args: readonly string[], io: Io): Promise<number> {
  io.stdout(`app-metrics-proxy ${version} (Node ${process.versions.node})\n`)
  return 0
}
