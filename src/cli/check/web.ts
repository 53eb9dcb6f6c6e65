// Whether the web configuration file and its certificates can be used.

import { systemClock } from '../../clock.ts'
import type { Config } from '../../config/config.ts'
import { ConfigError } from '../../config/config.ts'
import { createLog } from '../../logging/log.ts'
import { openGuard } from '../../web/auth/guard.ts'
import type { Result } from './result.ts'

const what = 'web'

export async function lookAtWebConfig({ webConfigFile: file }: Config): Promise<readonly Result[]> {
  if (file === undefined)
    return [{ status: 'ok', what, says: 'anybody who reaches the port may ask: no WEB_CONFIG_FILE is set' }]
  try {
    const guard = openGuard({ file, clock: systemClock, log: createLog('silent') })
    await guard.stop()
    return [{ status: 'ok', what, says: `${file} settles who may ask${guard.tls ? ', over TLS' : ''}` }]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((says) => ({ status: 'error', what, says, misconfigured: true }))
  }
}
