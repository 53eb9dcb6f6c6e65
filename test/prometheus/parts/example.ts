// An example of deploy/examples as a test runs it: its own files, its real applications on loopback.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../helpers/until.ts'
import type { PrometheusApi } from './prometheus.ts'

export const examples = join(import.meta.dirname, '../../../deploy/examples')
export const stories = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

export const read = (file: string) => readFileSync(join(examples, file), 'utf8')

/** An application of an example, which listens on loopback alone. */
export function startScript(file: string, env: Readonly<Record<string, string | number>>) {
  const words = Object.entries(env).map(([name, value]) => [name, `${value}`])
  const child = spawn(process.execPath, [join(examples, file)], {
    env: { HOST: '127.0.0.1', ...Object.fromEntries(words) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return {
    pid: child.pid!,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** The same configuration for a test in a hurry: other addresses, and each second what else takes longer. */
export function hurried(config: string, addresses: Readonly<Record<string, string>>): string {
  const moved = Object.entries(addresses).reduce((text, [from, to]) => text.replaceAll(from, to), config)
  return moved.replaceAll(/(scrape_interval|evaluation_interval|refresh_interval): \d+s/g, '$1: 1s')
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

/** Each query of each panel gives at least one number, whatever is chosen. */
export async function expectData(prometheus: PrometheusApi, dashboard: string): Promise<void> {
  const { panels } = JSON.parse(read(dashboard)) as Dashboard
  for (const { title, targets } of panels)
    for (const { expr } of targets)
      await until(`${title}: ${expr}`, async () => {
        const chosen = expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$\w+/g, '.*')
        const samples = await prometheus.query(chosen)
        return samples.some(({ value }) => Number.isFinite(value))
      })
}
