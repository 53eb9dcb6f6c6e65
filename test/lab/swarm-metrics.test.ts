// What `/-/swarm` shows is what Docker's own commands show, at every agent, whatever happens to services and nodes.

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { appImage } from './harness/images.ts'
import type { Node } from './harness/node.ts'

let cluster: Cluster
const manager = () => cluster.manager
const app = ['app', '8080=metrics']

beforeAll(async () => {
  cluster = await startCluster(3, { SD_LABELS: 'zone team' })
})
afterAll(() => cluster?.stop())

type Samples = ReadonlyMap<string, number>

async function samplesAt(node: Node): Promise<Samples> {
  const { status, text } = await cluster.get(node, '/-/swarm')
  if (status !== 200) throw new Error(`${node.name}: ${status} ${text}`)
  const found = text.matchAll(/^app_metrics_proxy_swarm_([^#\n]*) (\S+)$/gm)
  return new Map(Array.from(found, ([, series, value]) => [series!, Number(value)]))
}

/** Until every agent shows what Docker's commands show at the same time. */
async function everywhere(
  what: string,
  docker: () => Promise<Samples>,
  shown: (samples: Samples) => Samples,
): Promise<Samples> {
  return until(
    what,
    async () => {
      const wanted = await docker()
      for (const node of cluster.nodes)
        expect(Object.fromEntries(shown(await samplesAt(node)))).toEqual(Object.fromEntries(wanted))
      return wanted
    },
    { within: 120_000, every: 500 },
  )
}

const only =
  (...starts: string[]) =>
  (samples: Samples): Samples =>
    new Map([...samples].filter(([series]) => starts.some((start) => series.startsWith(start))))

/** Of `docker service ls`. */
async function replicas(): Promise<Samples> {
  const list = await manager().docker('service', 'ls', '--format', '{{.Name}} {{.Replicas}}')
  return new Map(
    list.split('\n').flatMap((line): [string, number][] => {
      const [, name, running, desired] = /^(\S+) (\d+)\/(\d+)/.exec(line)!
      return [
        [`service_replicas_desired{service="${name}"}`, Number(desired)],
        [`service_replicas_running{service="${name}"}`, Number(running)],
      ]
    }),
  )
}
const replicasShown = only('service_replicas')

/** Of `docker node ls`. */
async function nodes(): Promise<Samples> {
  const format = '{{.Hostname}} {{.ID}} {{.Status}} {{.Availability}} {{.ManagerStatus}} {{.EngineVersion}}'
  const list = await manager().docker('node', 'ls', '--format', format)
  return new Map(
    list.split('\n').flatMap((line): [string, number][] => {
      const [name, id, state, availability, ...rest] = line.trim().split(/\s+/)
      const role = rest.length > 1 ? 'manager' : 'worker'
      const node = `node="${name}",node_id="${id}"`
      return [
        [`node_state{${node},state="${state!.toLowerCase()}"}`, 1],
        [`node_availability{${node},availability="${availability!.toLowerCase()}"}`, 1],
        [`node_info{${node},role="${role}",engine_version="${rest.at(-1)}"}`, 1],
      ]
    }),
  )
}
const nodesShown = only('node_state', 'node_availability', 'node_info')

async function run(name: string, flags: readonly string[], command: readonly string[] = app) {
  onTestFinished(async () => {
    await cluster.remove(name)
    await everywhere(`${name} to be gone`, replicas, replicasShown)
  })
  await cluster.run(name, appImage, flags, command)
}

test('replicas, scaled up and down, and those that no node takes', async () => {
  await run('web', ['--replicas', '2', '--label', 'team=blue'])
  await run('everywhere', ['--mode', 'global'])
  const scaled = async (count: number) => {
    await manager().docker('service', 'scale', '--detach', `web=${count}`)
    const seen = await everywhere(
      `${count} replicas`,
      async () => {
        const listed = await replicas()
        expect(listed.get('service_replicas_running{service="web"}')).toBe(count)
        return listed
      },
      replicasShown,
    )
    expect(seen.get('service_replicas_running{service="everywhere"}')).toBe(3)
  }
  await scaled(2)
  await scaled(5)
  await scaled(1)
  await manager().docker(
    'service',
    'create',
    '--detach',
    '--no-resolve-image',
    '--name',
    'nowhere',
    '--endpoint-mode',
    'dnsrr',
    '--constraint',
    'node.labels.none==x',
    appImage,
  )
  onTestFinished(() => cluster.remove('nowhere'))
  const seen = await everywhere('what no node takes', replicas, replicasShown)
  expect(seen.get('service_replicas_running{service="nowhere"}')).toBe(0)
  await until(
    'its task to be pending',
    async () => (await samplesAt(manager())).get('task_state{service="nowhere",state="pending"}') === 1,
  )
  const labels = only('service_labels{service="web"')(await samplesAt(manager()))
  expect([...labels.keys()]).toEqual(['service_labels{service="web",label_team="blue"}'])
})

test('tasks that fail, by exit code, each once', async () => {
  const restart = ['--restart-condition', 'any', '--restart-delay', '1s', '--restart-max-attempts', '3']
  await run('steady', ['--replicas', '1'])
  await everywhere('the service', replicas, replicasShown)
  const format = '{{.CurrentState}}'
  const failed = async () => {
    const list = await manager().docker('service', 'ps', '--format', format, 'failing')
    return list.split('\n').filter((line) => line.startsWith('Failed')).length
  }
  const flags = ['--detach', '--no-resolve-image', '--endpoint-mode', 'dnsrr', ...restart]
  await manager().docker(
    'service',
    'create',
    '--name',
    'failing',
    ...flags,
    appImage,
    'sh',
    '-c',
    'sleep 2; exit 3',
  )
  onTestFinished(() => cluster.remove('failing'))
  await until('the last attempt', async () => (await failed()) === 4, { within: 60_000 })
  const shown = only('task_failures_total{service="failing"', 'task_failures_total{service="steady"')
  await everywhere(
    'the failures',
    async () =>
      new Map([
        ['task_failures_total{service="failing",exit_code=""}', 0],
        ['task_failures_total{service="failing",exit_code="3"}', await failed()],
        ['task_failures_total{service="steady",exit_code=""}', 0],
      ]),
    shown,
  )
  // what an update or scaling ends has not failed
  await manager().docker('service', 'update', '--detach', '--no-resolve-image', '--force', 'steady')
  await manager().docker('service', 'scale', '--detach', 'steady=0')
  await everywhere('nothing to run', replicas, replicasShown)
  for (const node of cluster.nodes)
    expect(shown(await samplesAt(node)).get('task_failures_total{service="steady",exit_code=""}')).toBe(0)
})

test('nodes: drained, labelled and dead', async () => {
  const [, two, three] = cluster.nodes as [Node, Node, Node]
  await everywhere('the nodes', nodes, nodesShown)
  const idOf = (node: Node) => manager().docker('node', 'inspect', '--format', '{{.ID}}', node.name)
  await manager().docker('node', 'update', '--label-add', 'zone=a', '--label-add', 'secret=x', two.name)
  await manager().docker('node', 'update', '--availability', 'drain', two.name)
  onTestFinished(async () => {
    await manager().docker('node', 'update', '--availability', 'active', two.name)
    await cluster.everyAgentIsReady()
  })
  // a drained node has no agent
  const agents = cluster.nodes.filter((node) => node !== two)
  const shownBy = async (node: Node) => Object.fromEntries(nodesShown(await samplesAt(node)))
  const asListed = () =>
    until(
      'the nodes as Docker lists them',
      async () => {
        const wanted = Object.fromEntries(await nodes())
        for (const node of agents.filter((one) => one.namespace() !== undefined))
          expect(await shownBy(node)).toEqual(wanted)
        return wanted
      },
      { within: 120_000, every: 500 },
    )
  expect(await asListed()).toHaveProperty([
    `node_availability{node="${two.name}",node_id="${await idOf(two)}",availability="drain"}`,
  ])
  const labels = only('node_labels')(await samplesAt(manager()))
  expect([...labels.keys()]).toContain(
    `node_labels{node="${two.name}",node_id="${await idOf(two)}",label_zone="a"}`,
  )

  const id = await idOf(three)
  await three.kill()
  onTestFinished(() => three.start())
  await until(
    'the dead node to be down',
    async () => `node_state{node="${three.name}",node_id="${id}",state="down"}` in (await asListed()),
    { within: 120_000 },
  )
})

test('is one target of the cluster, the same from every agent', async () => {
  await cluster.everyAgentIsReady()
  await until(
    'the lists to agree',
    async () => {
      const answers = await Promise.all(cluster.nodes.map((node) => cluster.get(node, '/sd')))
      const targets = answers.map(({ text }) =>
        text.split('\n').filter((line) => line.includes('"instance":"swarm"')),
      )
      for (const target of targets) expect(target).toEqual([targets[0]![0]])
      return true
    },
    { within: 120_000, every: 500 },
  )
})
