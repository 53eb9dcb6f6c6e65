// One round: pull from every cluster, write what changed, tell Prometheus.

import { splitCredentials } from '../../http/credentials.ts'
import { printRules } from '../../promql/rulefile.ts'
import type { Folder } from './folder.ts'
import type { Cluster, RulesOptions } from './options.ts'
import { type Pulled, pullRules } from './pull.ts'

/** What came of one cluster. */
export type Outcome = { readonly cluster: string } & (
  | {
      readonly ok: true
      readonly rules: number
      readonly changed: boolean
      readonly refused: readonly string[]
      readonly remarks: readonly string[]
    }
  | { readonly ok: false; readonly reason: string }
)

export interface RoundResult {
  readonly outcomes: readonly Outcome[]
  readonly remarks: readonly string[]
  /** Absent: nothing to tell Prometheus. */
  readonly reload?: { readonly ok: true } | { readonly ok: false; readonly reason: string }
}

export async function runRound(
  { clusters, limit, reload }: RulesOptions,
  folder: Folder,
  signal: AbortSignal,
): Promise<RoundResult> {
  const all = await Promise.all(
    clusters.map(async (cluster) => ({
      cluster,
      pulled: await attempt(() => pullRules(cluster, limit, signal)),
    })),
  )
  const outcomes: Outcome[] = []
  for (const { cluster, pulled } of all) outcomes.push(await put(cluster, pulled, folder))
  const remarks = doubled(
    all.map(({ cluster, pulled }) => ({ cluster, pulled: pulled.ok ? pulled.value : undefined })),
  )
  if (!reload || !(await folder.isReloadDue())) return { outcomes, remarks }
  const told = await attempt(() => tellPrometheus(reload, signal))
  if (told.ok) await folder.reloaded()
  return { outcomes, remarks, reload: told.ok ? { ok: true } : told }
}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }

async function attempt<T>(action: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await action() }
  } catch (error) {
    return { ok: false, reason: (error as Error).message }
  }
}

/** What a silent cluster had stays. */
async function put({ name }: Cluster, pulled: Attempt<Pulled>, folder: Folder): Promise<Outcome> {
  if (!pulled.ok) return { cluster: name, ...pulled }
  const { rules, refused, remarks } = pulled.value
  const written = await attempt(() => folder.write(name, printRules(rules)))
  if (!written.ok) return { cluster: name, ...written }
  return { cluster: name, ok: true, rules: rules.length, changed: written.value, refused, remarks }
}

/** Two clusters of one name would each alert on the other's series. */
function doubled(
  all: readonly { readonly cluster: Cluster; readonly pulled: Pulled | undefined }[],
): readonly string[] {
  const bearers = Map.groupBy(
    all.flatMap(({ cluster, pulled }) =>
      (pulled?.calledThemselves ?? []).map((own) => ({ own, name: cluster.name })),
    ),
    ({ own }) => own,
  )
  return [...bearers]
    .filter(([, same]) => same.length > 1)
    .map(
      ([own, same]) =>
        `${same.map(({ name }) => name).join(' and ')} both call themselves cluster ${own}: set CLUSTER`,
    )
}

const patience = 30_000

async function tellPrometheus(given: URL, signal: AbortSignal): Promise<void> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  const { url, ...headers } = splitCredentials(given)
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers, signal: within, redirect: 'error' })
  } catch (error) {
    const { cause, message } = error as Error
    throw new Error(cause instanceof Error ? cause.message : message)
  }
  const text = await response.text()
  if (!response.ok) throw new Error(`answered ${response.status}: ${text.trim().slice(0, 1000)}`)
}
