// What Docker's own commands say about the Swarm and about containers, in the form of the product's metrics: the oracle
// for docs/SWARM-METRICS.md. A series is written as on the page, without its common prefix.

import type { Node } from './harness/node.ts'

export type Samples = ReadonlyMap<string, number>

/** All samples of a page whose names begin with this, without it. */
export function samplesOf(page: string, prefix: string): Samples {
  const lines = page.split('\n').filter((line) => line.startsWith(prefix))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(prefix.length, end), Number(line.slice(end + 1).replace('+Inf', 'Infinity'))]
    }),
  )
}

export const select = (samples: Samples, ...starts: string[]): Record<string, number> =>
  Object.fromEntries([...samples].filter(([series]) => starts.some((start) => series.startsWith(start))))

/** The metrics that `swarmFacts` has all of. */
export const swarmNames = [
  ...['service_info', 'service_replicas', 'service_update_state', 'task_state'],
  ...['node_info', 'node_state', 'node_availability'],
]

/** Of `docker service ls`, `service inspect`, `service ps` and `node ls`, at a manager. */
export async function swarmFacts(manager: Node): Promise<Samples> {
  const all = await Promise.all([desired(manager), services(manager), tasks(manager), nodes(manager)])
  return new Map(all.flatMap((samples) => [...samples]))
}

async function desired(manager: Node): Promise<Samples> {
  const listed = await listedReplicas(manager)
  return new Map(
    [...listed].map(([name, { desired }]) => [`service_replicas_desired{service="${name}"}`, desired]),
  )
}

/** What `docker service ls` shows as `2/3`. It also counts tasks of nodes that are down as running. */
export async function listedReplicas({ docker }: Node) {
  const list = await docker('service', 'ls', '--format', '{{.Name}} {{.Replicas}}')
  return new Map(
    linesOf(list).map((line) => {
      const [, name, running, desired] = /^(\S+) (\d+)\/(\d+)/.exec(line)!
      return [name!, { running: Number(running), desired: Number(desired) }]
    }),
  )
}

interface InspectedService {
  readonly ID: string
  readonly Spec: {
    readonly Name: string
    readonly Labels: Readonly<Record<string, string>>
    readonly Mode: object
  }
  readonly UpdateStatus?: { readonly State: string }
}

async function services(manager: Node): Promise<Samples> {
  const ids = linesOf(await manager.docker('service', 'ls', '--quiet'))
  const inspected: readonly InspectedService[] = await inspect(manager, 'service', ids)
  return new Map(
    inspected.flatMap(({ ID, Spec: { Name, Labels, Mode }, UpdateStatus }): [string, number][] => {
      const stack = Labels['com.docker.stack.namespace'] ?? ''
      const mode = Object.keys(Mode)[0]!.toLowerCase()
      const info = `service_info{service="${Name}",service_id="${ID}",stack="${stack}",mode="${mode}"}`
      const state = `service_update_state{service="${Name}",state="${UpdateStatus?.State}"}`
      return UpdateStatus
        ? [
            [info, 1],
            [state, 1],
          ]
        : [[info, 1]]
    }),
  )
}

async function tasks({ docker }: Node): Promise<Samples> {
  const names = linesOf(await docker('service', 'ls', '--format', '{{.Name}}'))
  const all = await Promise.all(
    names.map(async (service): Promise<[string, number][]> => {
      const format = '{{.Name}} {{.DesiredState}} {{.CurrentState}}'
      const rows = linesOf(await docker('service', 'ps', '--format', format, service))
      const wanted = rows
        .map((row) => row.toLowerCase().split(' '))
        .filter(([, desired]) => desired === 'running' || desired === 'ready')
      const running = wanted.filter(([, , state]) => state === 'running').map(([name]) => name)
      return [
        [`service_replicas_running{service="${service}"}`, new Set(running).size],
        ...counted(wanted.map(([, , state]) => `task_state{service="${service}",state="${state}"}`)),
      ]
    }),
  )
  return new Map(all.flat())
}

interface InspectedTask {
  readonly DesiredState: string
  readonly Status: {
    readonly State: string
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number }
  }
}

/** The tasks of a service that ended though they were meant to run, as long as Swarm lists all of them. */
export async function failureFacts(manager: Node, service: string): Promise<Samples> {
  const ids = linesOf(await manager.docker('service', 'ps', '--quiet', '--no-trunc', service))
  const inspected: readonly InspectedTask[] = await inspect(manager, 'task', ids)
  const ended = inspected.filter(
    ({ DesiredState, Status }) =>
      DesiredState === 'shutdown' && ['failed', 'rejected', 'complete'].includes(Status.State),
  )
  const series = (code: string) => `task_failures_total{service="${service}",exit_code="${code}"}`
  const codes = ended.map(({ Status: { ContainerStatus } }) =>
    series(ContainerStatus?.ContainerID ? `${ContainerStatus.ExitCode ?? 0}` : ''),
  )
  return new Map([[series(''), 0], ...counted(codes)])
}

/** The tasks of a service that were shut down on nodes which were lost, each for that reason. */
export async function rescheduleFacts(
  { docker }: Node,
  service: string,
  lost: Readonly<Record<string, string>>,
): Promise<Samples> {
  const filter = ['--filter', 'desired-state=shutdown']
  const places = linesOf(await docker('service', 'ps', ...filter, '--format', '{{.Node}}', service))
  const countOf = (reason: string) => places.filter((node) => lost[node] === reason).length
  const series = (reason: string) => `task_reschedules_total{service="${service}",reason="${reason}"}`
  return new Map(['drain', 'down', 'removed'].map((reason) => [series(reason), countOf(reason)]))
}

async function nodes(manager: Node): Promise<Samples> {
  const format = '{{.Hostname}} {{.ID}} {{.Status}} {{.Availability}} {{.EngineVersion}} {{.ManagerStatus}}'
  const rows = linesOf(await manager.docker('node', 'ls', '--format', format))
  return new Map(
    rows.flatMap((row): [string, number][] => {
      const [name, id, state, availability, version, managing] = row.split(' ')
      const node = `node="${name}",node_id="${id}"`
      const role = managing ? 'manager' : 'worker'
      return [
        [`node_state{${node},state="${state!.toLowerCase()}"}`, 1],
        [`node_availability{${node},availability="${availability!.toLowerCase()}"}`, 1],
        [`node_info{${node},role="${role}",engine_version="${version}"}`, 1],
      ]
    }),
  )
}

interface InspectedContainer {
  readonly Id: string
  readonly Name: string
  readonly Created: string
  readonly RestartCount: number
  readonly State: {
    readonly Status: string
    readonly ExitCode: number
    readonly OOMKilled: boolean
    readonly StartedAt: string
    readonly Health?: { readonly Status: string }
  }
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
}

/** What `docker inspect` says of a node's containers where the metrics promise it: how a running one ended before is not. */
export async function containerFacts(node: Node): Promise<Samples> {
  const ids = linesOf(await node.docker('ps', '--all', '--quiet', '--no-trunc'))
  const inspected: readonly InspectedContainer[] = await inspect(node, 'container', ids)
  return new Map(inspected.flatMap(factsOfContainer))
}

function factsOfContainer(one: InspectedContainer): [string, number][] {
  const { Id, State, RestartCount, Created, Config } = one
  const container = `container="${one.Name.slice(1)}"`
  const { service, slot } = placeOf(Config.Labels)
  const { Health } = State
  return [
    [`info{${container},container_id="${Id.slice(0, 12)}",service="${service}",slot="${slot}"}`, 1],
    [`state{${container},state="${State.Status}"}`, 1],
    [`created_timestamp_seconds{${container}}`, Math.floor(Date.parse(Created) / 1000)],
    [`restarts_total{${container}}`, RestartCount],
    [`is_oom_killed{${container}}`, Number(State.OOMKilled)],
    ...(Health && State.Status === 'running'
      ? [[`health{${container},health="${Health.Status}"}`, 1] as [string, number]]
      : []),
    ...(State.Status === 'exited'
      ? [[`last_exit_code{${container}}`, State.ExitCode] as [string, number]]
      : []),
  ]
}

/** Its service and number as Swarm or Compose labels them. */
function placeOf(labels: Readonly<Record<string, string>>) {
  const of = (name: string) => labels[`com.docker.${name}`] ?? ''
  const project = of('compose.project')
  if (project !== '')
    return { service: `${project}_${of('compose.service')}`, slot: of('compose.container-number') }
  const [, slot = ''] = /\.(\d+)\.[^.]+$/.exec(of('swarm.task.name')) ?? []
  return { service: of('swarm.service.name'), slot }
}

/** When `docker inspect` says that a container started, in seconds. */
export async function startOf(node: Node, container: string): Promise<number> {
  return Date.parse(await node.docker('inspect', '--format', '{{.State.StartedAt}}', container)) / 1000
}

/** The samples of an agent's own metrics that `containerFacts` has. */
export function comparable(samples: Samples): Record<string, number> {
  const running = new Set(
    Object.keys(select(samples, 'state{')).flatMap(
      (series) => /^state\{(.*),state="running"/.exec(series)?.[1] ?? [],
    ),
  )
  return Object.fromEntries(
    [...samples].flatMap(([series, value]): [string, number][] => {
      const [, name, labels] = /^(\w+)\{(.*)\}$/.exec(series)!
      if (name === 'start_timestamp_seconds') return []
      if (name === 'last_exit_code' && running.has(labels!)) return []
      // Docker knows whether, the agent knows how often.
      if (name === 'oom_kills_total') return [[`is_oom_killed{${labels}}`, Number(value > 0)]]
      return [[series, value]]
    }),
  )
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

async function inspect<T>({ docker }: Node, type: string, ids: readonly string[]): Promise<readonly T[]> {
  return ids.length === 0 ? [] : JSON.parse(await docker('inspect', '--type', type, ...ids))
}

function counted(series: readonly string[]): Samples {
  return new Map([...Map.groupBy(series, (one) => one)].map(([one, all]) => [one, all.length]))
}
