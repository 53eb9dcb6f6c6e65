// The README's way to a cluster, followed on three real nodes: whichever agent gets a request, it answers for the whole
// cluster, and says so when it can't. Then what the manual says of upgrades.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { blockUnder } from '../helpers/manual.ts'
import { until } from '../helpers/until.ts'
import { startPrometheus } from '../prometheus/parts/prometheus.ts'
import { ask } from './harness/ask.ts'
import { follow } from './harness/follow.ts'
import { appImage, nodeExporterImage } from './harness/images.ts'
import { type Swarm, startSwarm } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'

let swarm: Swarm
const agents = 'metrics_agent'
const swarmStart = 'Quick start: Swarm'
const onMonitor = ['--network', 'monitor']

const get = (node: Node, path: string) => ask(node.url(path))
const statusOf = (node: Node, path: string) =>
  get(node, path).then(
    ({ status }) => status,
    () => 0,
  )

/** The slots that a service's page says are up. */
async function upAt(node: Node, service: string): Promise<string[]> {
  const { status, text } = await get(node, `/${service}/metrics`)
  if (status !== 200) throw new Error(`${node.name}: ${status} ${text}`)
  return [...text.matchAll(/^app_metrics_proxy_replica_up\{slot="(\w+)"\} 1$/gm)]
    .map((found) => found[1]!)
    .sort()
}

/** Waits until all agents have the service's container of every node. */
async function everyNodesOwn(service: string): Promise<void> {
  for (const receiver of swarm.nodes)
    for (const { name } of swarm.nodes) {
      const path = `/${service}/${name}/metrics`
      await until(`${path} at ${receiver.name}`, async () => (await statusOf(receiver, path)) === 200)
    }
}

/** Waits until all these agents say that exactly so many replicas are up. */
async function everywhereUp(
  service: string,
  count: number,
  nodes = swarm.nodes,
  within = 60_000,
): Promise<void> {
  for (const node of nodes) {
    let last: unknown
    await until(
      `${count} replicas of ${service} at ${node.name}`,
      async () => {
        last = await upAt(node, service).catch(String)
        if (Array.isArray(last) && last.length === count) return true
        throw new Error(`now: ${last}`)
      },
      { within },
    ).catch(async (error: Error) => {
      throw new Error(`${error.message}; Swarm has:\n${await tasksOf(service)}`, { cause: error.cause })
    })
  }
}

function tasksOf(service: string): Promise<string> {
  const format = '{{.Name}} {{.Node}} {{.DesiredState}} {{.CurrentState}}'
  return swarm.manager.docker('service', 'ps', '--format', format, service).catch(String)
}

/** The hosts that the replicas say they run on. */
const hostsIn = (page: string) =>
  [...page.matchAll(/^app_info\{.*host="(\w+)"/gm)].map((found) => found[1]!).sort()

/** For one test: it is gone when that ends. */
const serve: Swarm['serve'] = async (name, ...how) => {
  onTestFinished(() => swarm.remove(name))
  await swarm.serve(name, ...how)
}

const allReady = () =>
  until(
    'all agents to be ready',
    async () => {
      const states = await Promise.all(swarm.nodes.map((node) => statusOf(node, '/-/ready')))
      return states.every((status) => status === 200)
    },
    { within: 120_000, every: 200 },
  )

beforeAll(async () => {
  swarm = await startSwarm(3)
  // its first line has built the image that every node of the lab has
  const [, ...commands] = blockUnder('README.md', swarmStart).split('\n')
  await follow(swarm.manager, commands.join('\n'))
  await swarm.serve('web', appImage, ['--replicas', '3', ...onMonitor], ['app', '8080=metrics'])
  await swarm.serve('exporter', nodeExporterImage, ['--mode', 'global', ...onMonitor])
  await allReady()
  await everywhereUp('web', 3)
  await everyNodesOwn('exporter')
})
afterAll(() => swarm?.stop())

test('an agent is root without a capability, on a root that is read only, and has bounds', async () => {
  const id = await swarm.manager.docker('ps', '--quiet', '--filter', `name=${agents}`)
  const [{ Config, HostConfig, State }] = JSON.parse(await swarm.manager.docker('inspect', id))
  expect(Config.User).toBe('0')
  expect(HostConfig).toMatchObject({
    Privileged: false,
    ReadonlyRootfs: true,
    Memory: 512 * 2 ** 20,
    PidsLimit: 100,
  })
  const status = await swarm.manager.namespace()!.run('cat', [`/proc/${State.Pid}/status`])
  for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb'])
    expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'))
})

describe('any agent', () => {
  test('answers for all replicas of a service, and for each alone', async () => {
    const pages = await Promise.all(swarm.nodes.map((node) => get(node, '/web/metrics')))
    const [hosts, ...others] = pages.map(({ text }) => hostsIn(text))
    expect(hosts).toHaveLength(3)
    for (const other of others) expect(other).toEqual(hosts)
    for (const node of swarm.nodes) {
      const alone = await Promise.all(['1', '2', '3'].map((slot) => get(node, `/web/${slot}/metrics`)))
      expect(alone.flatMap(({ text }) => hostsIn(text)).sort()).toEqual(hosts)
    }
  })

  test('answers for its own task of a global service, and by name for those of other nodes', async () => {
    const nameIn = ({ text }: { text: string }) => /^node_uname_info\{.*nodename="(\w+)"/m.exec(text)?.[1]
    const own = await Promise.all(
      swarm.nodes.map(async (node) => nameIn(await get(node, '/exporter/metrics'))),
    )
    expect(own).not.toContain(undefined)
    expect(new Set(own).size).toBe(3)
    for (const receiver of swarm.nodes) {
      const answers = await Promise.all(
        swarm.nodes.map(({ name }) => get(receiver, `/exporter/${name}/metrics`)),
      )
      expect(answers.map(nameIn)).toEqual(own)
    }
  })

  test('lists the same targets, to the byte', async () => {
    const expected = { 'app-metrics-proxy': 4, exporter: 3, web: 3 }
    await until('the agents to agree on all targets', async () => {
      const answers = await Promise.all(swarm.nodes.map((node) => get(node, '/sd')))
      const [text = '', ...others] = new Set(answers.map((answer) => answer.text))
      if (answers.some(({ status }) => status !== 200) || others.length > 0) return false
      const counts = new Map<string, number>()
      for (const { labels } of JSON.parse(text) as { labels: { job: string } }[])
        counts.set(labels.job, (counts.get(labels.job) ?? 0) + 1)
      if (!isDeepStrictEqual(Object.fromEntries([...counts].toSorted()), expected)) throw new Error(text)
      return true
    })
  })
})

test('Prometheus, as the README sets it up, has every container', async () => {
  onTestFinished(() => swarm.remove('shop_shop'))
  await deployLabelled()
  await until(
    'the lists to name it',
    async () => {
      const lists = await Promise.all(swarm.nodes.map((node) => get(node, '/sd')))
      return lists.every(({ text }) => text.includes('shop_shop.1'))
    },
    { within: 60_000, every: 200 },
  )
  // Prometheus' own default is a minute
  const config = `global: { scrape_interval: 1s }\n${blockUnder('README.md', 'Prometheus', 'yaml')}`
  const prometheus = await startPrometheus(config, {
    hosts: { 'prod.example.org': swarm.nodes.map(({ address }) => address) },
  })
  try {
    await until(
      'every one to be up',
      async () => {
        const ups = await prometheus.query('count by (job) (up{job!="", cluster!=""} == 1)')
        const counts = Object.fromEntries(ups.map(({ labels, value }) => [labels.job, value]))
        expect(counts).toEqual({ 'app-metrics-proxy': 4, exporter: 3, web: 3, shop_shop: 1 })
        return true
      },
      { within: 60_000, every: 200 },
    )
  } finally {
    await prometheus.stop()
  }
})

/** The README's service with a label, with a program of the lab in place of its own. */
async function deployLabelled(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'readme-'))
  const file = join(folder, 'shop.yml')
  const { services, ...rest } = parse(blockUnder('README.md', swarmStart, 'yaml'))
  const { shop } = services
  const deploy = { ...shop.deploy, endpoint_mode: 'dnsrr' }
  const runs = { ...shop, image: appImage, command: ['app', '9187=metrics'], deploy }
  try {
    await writeFile(file, stringify({ version: '3.9', services: { shop: runs }, ...rest }))
    await swarm.deploy('shop', file)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A Swarm takes no change while its managers choose who leads. */
const taken = (manager: Node, ...change: string[]) =>
  until(`${change.join(' ')} to be taken`, () => manager.docker(...change).then(() => true), {
    within: 60_000,
  })

/** Makes another node the only manager, unless it is already. */
async function handOver(from: Node, to: Node): Promise<void> {
  if (!(await isManager(from))) return
  await taken(from, 'node', 'promote', to.name)
  await until(
    `${to.name} to be a manager`,
    async () =>
      (await isManager(to)) &&
      /Reachable/.test(await to.docker('node', 'ls', '--format', '{{.ManagerStatus}}')),
    { within: 60_000 },
  )
  await taken(to, 'node', 'demote', from.name)
}

const isManager = async (node: Node) =>
  (await node.docker('info', '--format', '{{.Swarm.ControlAvailable}}')) === 'true'

/** As all tests expect it. */
async function wholeAgain(): Promise<void> {
  const { manager } = swarm
  await until(
    'Swarm to want 3 replicas of web',
    async () => {
      // a manager that has just begun to lead may take this and do nothing
      await manager.docker('service', 'scale', '--detach', 'web=3')
      const wanted = ['service', 'ps', '--quiet', '--filter', 'desired-state=running', 'web']
      return (await manager.docker(...wanted)).split('\n').filter(Boolean).length === 3
    },
    { within: 60_000, every: 2000 },
  )
  await everywhereUp('web', 3)
}

describe('a service', () => {
  test('scaled up and down: every agent knows all of its replicas and no more', async () => {
    onTestFinished(() => wholeAgain())
    await swarm.manager.docker('service', 'scale', '--detach', 'web=5')
    await everywhereUp('web', 5)
    await swarm.manager.docker('service', 'scale', '--detach', 'web=3')
    await everywhereUp('web', 3)
  })

  test('updated: the new replicas take the old ones’ places', async () => {
    const before = hostsIn((await get(swarm.manager, '/web/metrics')).text)
    await swarm.manager.docker(
      'service',
      'update',
      '--detach',
      '--no-resolve-image',
      '--env-add',
      'VERSION=2',
      'web',
    )
    for (const node of swarm.nodes)
      await until(
        `only new replicas at ${node.name}`,
        async () => {
          const hosts = hostsIn((await get(node, '/web/metrics')).text)
          return hosts.length === 3 && hosts.every((host) => !before.includes(host))
        },
        { within: 60_000 },
      )
  })

  test('that is removed is unknown everywhere', async () => {
    await serve('brief', appImage, ['--replicas', '1', ...onMonitor], ['app', '8080=metrics'])
    await everywhereUp('brief', 1)
    await swarm.manager.docker('service', 'rm', 'brief')
    for (const node of swarm.nodes)
      await until(`${node.name} to drop it`, async () => (await statusOf(node, '/brief/metrics')) === 404)
  })
})

/** Each node gets the image under the name of the manual; an update then needs no pauses between nodes. */
async function hurryUpdates(): Promise<void> {
  for (const { docker } of swarm.nodes) await docker('tag', productImage, 'app-metrics-proxy:NEW')
  const quick = ['--update-delay', '1s', '--update-monitor', '3s']
  await swarm.manager.docker('service', 'update', '--detach', ...quick, agents)
}

describe('the agents', () => {
  test('updated one after another: there is always one that answers for all', async () => {
    const gaps: string[] = []
    let updating = true
    const watch = (async () => {
      while (updating) {
        const seen = await Promise.all(swarm.nodes.map((node) => upAt(node, 'web').catch(() => [])))
        if (!seen.some((slots) => slots.length === 3)) gaps.push(JSON.stringify(seen))
      }
    })()
    await hurryUpdates()
    await follow(swarm.manager, blockUnder('docs/OPERATIONS.md', 'Upgrade'))
    updating = false
    await watch
    expect(gaps).toEqual([])
    const image = '{{.Spec.TaskTemplate.ContainerSpec.Image}}'
    const { docker } = swarm.manager
    expect(await docker('service', 'inspect', '--format', image, agents)).toBe('app-metrics-proxy:NEW')
    await allReady()
    await everywhereUp('web', 3)
  })

  test('cut off: the others say what they can’t know, and the node is whole again once healed', async () => {
    const [one, , three] = swarm.nodes as [Node, Node, Node]
    onTestFinished(() => three.heal())
    await three.cut()
    await until(
      'the page of the lost node’s task to fail',
      async () => (await statusOf(one, '/exporter/node3/metrics')) === 502,
      {
        within: 60_000,
      },
    )
    expect((await get(one, '/exporter/node3/metrics')).text).toMatch(/cannot be reached/)
    expect(await statusOf(one, '/exporter/node2/metrics')).toBe(200)
    await three.heal()
    // the next node that is lost is missed after six seconds instead of fifteen
    await swarm.manager.docker('swarm', 'update', '--dispatcher-heartbeat', '2s')
    for (const [receiver, path] of [
      [one, '/exporter/node3/metrics'],
      [three, '/exporter/node1/metrics'],
    ] as const)
      await until(
        `${receiver.name} to answer ${path}`,
        async () => (await statusOf(receiver, path)) === 200,
        {
          within: 60_000,
        },
      )
    await everywhereUp('web', 3, swarm.nodes, 120_000)
  })

  test('of a node that loses its power: Swarm moves the service, and the others answer for it', async () => {
    const [one, two, three] = swarm.nodes as [Node, Node, Node]
    const others = (state: string) =>
      Promise.all([one, two].map(({ name }) => one.docker('node', 'update', '--availability', state, name)))
    onTestFinished(async () => {
      await others('active')
      if (three.namespace() === undefined) await three.start()
    })
    await others('pause')
    await serve('moved', appImage, ['--replicas', '1', ...onMonitor], ['app', '8080=metrics'])
    await others('active')
    await everywhereUp('moved', 1)
    const hostAt = async (node: Node) => hostsIn((await get(node, '/moved/metrics')).text).join()
    const lost = await hostAt(one)
    await three.kill()
    for (const node of [one, two])
      await until(
        `${node.name} to answer for the task that takes its place`,
        async () => {
          const host = await hostAt(node)
          return host !== '' && host !== lost
        },
        { within: 120_000 },
      )
    await everywhereUp('web', 3, [one, two], 120_000)
    await three.start()
    await allReady()
    await everywhereUp('web', 3, swarm.nodes, 120_000)
  })

  test('whose manager is demoted: the next one sends them what the services are', async () => {
    const [one, two] = swarm.nodes as [Node, Node]
    onTestFinished(async () => {
      await taken(two, 'service', 'rm', 'wanted').catch(() => {})
      await handOver(two, one)
      await wholeAgain()
    })
    await handOver(one, two)
    await taken(two, 'service', 'scale', '--detach', 'web=4')
    await everywhereUp('web', 4)
    // no node takes it, so that only the managers know of its slot
    const nowhere = ['--constraint', 'node.labels.none == such', '--label', 'app-metrics-proxy.port=8080']
    const flags = ['--detach', '--no-resolve-image', '--endpoint-mode', 'dnsrr', ...nowhere]
    await two.docker('service', 'create', '--name', 'wanted', ...flags, appImage)
    // each agent's own engine has to name the new manager, which is looked up every 30 s
    await until(
      'the lists to name a slot that waits for a node',
      async () => {
        const lists = await Promise.all(swarm.nodes.map((node) => get(node, '/sd')))
        return lists.every(({ text }) => text.includes('wanted.1'))
      },
      { within: 90_000 },
    )
  })
})
