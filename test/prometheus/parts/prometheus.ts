// Prometheus and Alertmanager, of any release, and what a test asks of them.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Program, type Surroundings, startProgram } from './process.ts'
import type { Release } from './releases.ts'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One series over time; seconds. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly { readonly at: number; readonly value: number }[]
}

export interface ActiveTarget {
  readonly labels: Readonly<Record<string, string>>
  readonly discoveredLabels: Readonly<Record<string, string>>
  readonly scrapeUrl: string
  readonly scrapeInterval: string
  readonly scrapeTimeout: string
  readonly health: 'up' | 'down' | 'unknown'
  readonly lastError: string
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly state: string
}

/** The requests that it answers, wherever it runs. */
export interface PrometheusApi {
  query(expression: string): Promise<readonly Sample[]>
  /** The raw samples that a range selector names: `up[1m]`. */
  samples(selector: string): Promise<readonly Series[]>
  targets(): Promise<{ readonly active: readonly ActiveTarget[]; readonly dropped: number }>
  alerts(): Promise<readonly Alert[]>
  /** All names of rules that it has read. */
  rules(): Promise<readonly string[]>
}

export type Prometheus = Program & PrometheusApi

/** Without a release, the installed one. `features` are those that `--enable-feature` enables. */
export type Context = Surroundings & {
  readonly release?: Release
  readonly features?: string
  readonly flags?: readonly string[]
}

/** `config` is the text of prometheus.yml; paths in it are relative to the program's folder. */
export async function startPrometheus(config: string, context?: Context): Promise<Prometheus> {
  const program = await startProgram(
    context?.release?.prometheus ?? 'prometheus',
    async (folder, listen) => {
      await writeFile(join(folder, 'prometheus.yml'), config)
      return {
        args: [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=${listen}`,
          '--web.enable-lifecycle',
          '--log.level=warn',
          ...(context?.features ? [`--enable-feature=${context.features}`] : []),
          ...(context?.flags ?? []),
        ],
      }
    },
    context,
  )
  const get = async (path: string) => (await fetch(`${program.url}${path}`)).text()
  return { ...program, ...apiOf(get) }
}

/** `get` resolves with the text at a path of it. */
export function apiOf(get: (path: string) => Promise<string>): PrometheusApi {
  const ask = async (path: string) => {
    const { status, data, error } = JSON.parse(await get(`/api/v1/${path}`)) as {
      status: string
      data: unknown
      error?: string
    }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data as never
  }
  return {
    async query(expression) {
      const data = (await ask(`query?query=${encodeURIComponent(expression)}`)) as {
        result: { metric: Record<string, string>; value: [number, string] }[]
      }
      return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    },
    async samples(selector) {
      const data = (await ask(`query?query=${encodeURIComponent(selector)}`)) as {
        result: { metric: Record<string, string>; values: [number, string][] }[]
      }
      return data.result.map(({ metric, values }) => ({
        labels: metric,
        samples: values.map(([at, value]) => ({ at, value: Number(value) })),
      }))
    },
    async targets() {
      const data = (await ask('targets')) as { activeTargets: ActiveTarget[]; droppedTargets: unknown[] }
      return { active: data.activeTargets, dropped: data.droppedTargets.length }
    },
    alerts: async () => ((await ask('alerts')) as { alerts: Alert[] }).alerts,
    async rules() {
      const { groups } = (await ask('rules')) as { groups: { rules: { name: string }[] }[] }
      return groups.flatMap(({ rules }) => rules.map(({ name }) => name))
    },
  }
}

export function startAlertmanager(webhook: string, context?: Context): Promise<Program> {
  const config = `
route: { receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: test
    webhook_configs: [{ url: '${webhook}', send_resolved: true }]
`
  return startProgram(
    context?.release?.alertmanager ?? 'prometheus-alertmanager',
    async (folder, listen) => {
      await writeFile(join(folder, 'alertmanager.yml'), config)
      return {
        args: [
          `--config.file=${join(folder, 'alertmanager.yml')}`,
          `--storage.path=${join(folder, 'data')}`,
          `--web.listen-address=${listen}`,
          '--cluster.listen-address=',
          '--log.level=error',
        ],
      }
    },
    context,
  )
}
