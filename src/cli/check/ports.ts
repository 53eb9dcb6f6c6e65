// Whether the port for Prometheus is the agent's, or free to be.

import { createServer } from 'node:net'
import type { Config } from '../../config/config.ts'
import type { Result } from './result.ts'

const what = 'port'
const patience = 3000

export async function lookAtPort({ listenPort }: Config): Promise<Result> {
  if (await isFree(listenPort)) return { status: 'ok', what, says: `${listenPort} is free for the agent` }
  if (await isAgent(listenPort)) return { status: 'ok', what, says: `an agent answers on ${listenPort}` }
  return {
    status: 'error',
    what,
    says: `${listenPort} is in use by something that is no agent`,
    hint: 'stop that, or choose another port with LISTEN_PORT',
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, () => probe.close(() => resolve(true)))
  })
}

/** One that asks for a password, or speaks TLS, is one too for all that can be told from here. */
async function isAgent(port: number): Promise<boolean> {
  for (const scheme of ['http', 'https'])
    try {
      const url = `${scheme}://127.0.0.1:${port}/-/healthy`
      const response = await fetch(url, { signal: AbortSignal.timeout(patience) })
      return [401, 403, 429].includes(response.status) || (await response.text()) === 'healthy\n'
    } catch (error) {
      const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
      if (/CERT|SELF_SIGNED|TLS/.test(code)) return true
    }
  return false
}
