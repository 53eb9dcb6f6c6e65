// Whether the port for Prometheus is free or the agent's, and whether the web configuration file and its
// certificates are valid.

import { createServer } from 'node:net'
import { systemClock } from '../../clock.ts'
import { type Config, ConfigError } from '../../config/config.ts'
import { createLog } from '../../logging/log.ts'
import { openGuard } from '../../web/auth/guard.ts'
import { type CheckResult, misconfigured, ok } from './result.ts'

const timeoutMs = 3000

export async function checkPort({ listenPort }: Config): Promise<CheckResult> {
  const subject = 'port'
  if (await isFree(listenPort)) return ok(subject, `${listenPort} is free`)
  if (await isAgent(listenPort)) return ok(subject, `an agent answers on ${listenPort}`)
  return {
    status: 'error',
    subject,
    text: `${listenPort} is in use by another program`,
    hint: 'stop that program, or set LISTEN_PORT to another port',
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, () => probe.close(() => resolve(true)))
  })
}

/** A server that requires a password or an unknown certificate counts as one: it can't be checked further. */
async function isAgent(port: number): Promise<boolean> {
  for (const scheme of ['http', 'https'])
    try {
      const url = `${scheme}://127.0.0.1:${port}/-/healthy`
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
      return [401, 403, 429].includes(response.status) || (await response.text()) === 'healthy\n'
    } catch (error) {
      const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
      if (/CERT|SELF_SIGNED|TLS/.test(code)) return true
    }
  return false
}

export async function checkWebConfig({ webConfigFile: file }: Config): Promise<readonly CheckResult[]> {
  const subject = 'web'
  if (file === undefined) return [ok(subject, 'no authentication, no TLS: WEB_CONFIG_FILE is not set')]
  try {
    const guard = openGuard({ file, clock: systemClock, log: createLog('silent') })
    await guard.stop()
    return [ok(subject, `${file} is valid${guard.tls ? ', with TLS' : ''}`)]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((text) => misconfigured(subject, text))
  }
}
