// What runs inside a container in these tests: prints each set that is handed on, or why there is none.

import { systemClock } from '../../../src/clock.ts'
import { readConfig } from '../../../src/config/config.ts'
import { startDiscovery } from '../../../src/discover/discovery.ts'
import { createLog } from '../../../src/logging/log.ts'
import { createMetrics } from '../../../src/runtime/metrics.ts'

const deps = {
  config: readConfig(process.env),
  clock: systemClock,
  log: createLog('silent'),
  metrics: createMetrics(),
  swarmState: () => undefined,
}
await startDiscovery(deps, (found) => console.log(JSON.stringify(found))).catch((error) => {
  console.log(error.message)
  process.exitCode = 1
})
