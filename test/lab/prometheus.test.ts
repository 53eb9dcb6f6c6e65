// A central Prometheus outside two Swarms, which reaches nothing of them but port 2137 of their nodes.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { startCollecting } from '../prometheus/parts/collect.ts'
import type { Program } from '../prometheus/parts/process.ts'
import { type Prometheus, startAlertmanager, startPrometheus } from '../prometheus/parts/prometheus.ts'
import { startWebhook } from '../prometheus/parts/webhook.ts'
import { serveEndpoints } from './endpoints.ts'
import { ask } from './harness/ask.ts'
import { appImage } from './harness/images.ts'
import { type Swarm, startSwarm } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'
import { labelsOfBoth } from './own-discovery.ts'

const hidden = 'hunter2-must-never-leave'
const long = { within: 120_000, every: 200 }

let prod: Swarm
let dev: Swarm
let prometheus: Prometheus
let alertmanager: Program
let webhook: Awaited<ReturnType<typeof startWebhook>>
let stopRules: () => Promise<unknown>
let rulesFolder: string

beforeAll(async () => {
  prod = await startSwarm(3)
  dev = await startSwarm(1)
  rulesFolder = await mkdtemp(join(tmpdir(), 'rules-'))
  webhook = await startWebhook()
  alertmanager = await startAlertmanager(webhook.url)
  prometheus = await startPrometheus(config(), {
    hosts: {
      'prod.test': prod.nodes.map(({ address }) => address),
      ...Object.fromEntries(prod.nodes.map(({ name, address }) => [`${name}.prod.test`, [address]])),
      'dev.test': dev.nodes.map(({ address }) => address),
    },
  })
  stopRules = collectRules()
  await Promise.all([deployAgents(prod, 'prod'), deployAgents(dev, 'dev')])
  const web = ['--network', 'monitor', ...labels({ 'app-metrics-proxy.label.team': 'shop' })]
  await Promise.all([
    prod.serve('web', appImage, [...web, '--replicas', '2']),
    dev.serve('web', appImage, web),
  ])
})
afterAll(async () => {
  await stopRules?.()
  await prometheus?.stop()
  await alertmanager?.stop()
  await webhook?.stop()
  await Promise.all([prod?.stop(), dev?.stop()])
  if (rulesFolder) await rm(rulesFolder, { recursive: true })
})

/** One URL a cluster, a name with all its nodes' addresses; the same name is what agents advertise. */
function config(): string {
  const job = (cluster: string) => `
  - job_name: ${cluster}
    http_sd_configs: [{ url: 'http://${cluster}.test:2137/sd', refresh_interval: 2s }]`
  return `
global: { scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s }
rule_files: ['${rulesFolder}/*.yml']
alerting: { alertmanagers: [{ static_configs: [{ targets: ['${new URL(alertmanager.url).host}'] }] }] }
scrape_configs:${job('prod')}${job('dev')}
`
}

async function deployAgents(swarm: Swarm, cluster: string): Promise<void> {
  const { manager } = swarm
  await manager.docker.with({ input: 'a secret of this lab alone' })(
    'secret',
    'create',
    'app-metrics-proxy',
    '-',
  )
  await swarm.deploy('metrics', 'stack.yml', {
    IMAGE: productImage,
    ADVERTISE: `${cluster}.test:2137`,
    CLUSTER: cluster,
    SUBNET: '10.137.0.0/18',
  })
  await until('every agent to be ready', () => allReady(swarm), long)
}

async function allReady({ nodes }: Swarm): Promise<boolean> {
  const answers = await Promise.all(nodes.map((node) => ask(node.url('/-/ready'))))
  return answers.every(({ status }) => status === 200)
}

function collectRules(): () => Promise<unknown> {
  const from = [prod, dev].map((swarm, at) => {
    const urls = swarm.nodes.map((node) => node.url(''))
    return `${at === 0 ? 'prod' : 'dev'}=${urls.join(',')}`
  })
  return startCollecting(from, rulesFolder, prometheus).stop
}

const labels = (all: Readonly<Record<string, string>>, flag = '--label') =>
  Object.entries(all).flatMap(([key, value]) => [flag, `${key}=${value}`])

/** `cluster instance value` of all series of `up` but the agents'. */
async function ups(): Promise<string> {
  const samples = await prometheus.query('up{job!="app-metrics-proxy"}')
  return samples
    .map(({ labels, value }) => `${labels.cluster} ${labels.instance} ${value}`)
    .toSorted()
    .join(', ')
}
/** Of what all tests have. */
const allUp = 'dev web.1 1, prod web.1 1, prod web.2 1'
const upsBecome = (wanted: string) => until(wanted, async () => (await ups()) === wanted, long)

/** All agents' lists, once they are the same and hold what they should. */
async function agreed({ nodes }: Swarm, holds: (text: string) => boolean): Promise<string> {
  return until(
    'the agents to agree',
    async () => {
      const texts = await Promise.all(nodes.map(async (node) => (await ask(node.url('/sd'))).text))
      return new Set(texts).size === 1 && holds(texts[0]!) && texts[0]
    },
    long,
  )
}
const lists =
  (...instances: string[]) =>
  (text: string) =>
    instances.every((instance) => text.includes(`"instance":"${instance}"`))

describe('services appear by themselves', () => {
  test('each agent of both clusters, under one job', async () => {
    await until(
      'four agents to be up',
      async () =>
        (await prometheus.query('up{job="app-metrics-proxy", instance!="swarm"} == 1')).length === 4,
      long,
    )
    const agents = await prometheus.query('app_metrics_proxy_build_info')
    expect(agents.map(({ labels }) => `${labels.cluster} ${labels.instance}`).toSorted()).toEqual([
      'dev app-metrics-proxy@node1',
      'prod app-metrics-proxy@node1',
      'prod app-metrics-proxy@node2',
      'prod app-metrics-proxy@node3',
    ])
  })

  test('the same service in both, distinguished by cluster', async () => {
    await upsBecome(allUp)
    await agreed(prod, lists('web.1', 'web.2'))
    const [series] = await prometheus.query('up{cluster="dev", job="web"}')
    expect(series!.labels).toMatchObject({ service: 'web', slot: '1', team: 'shop' })
  })

  test('with the same bytes from every agent after each event', async () => {
    const { docker } = prod.manager
    const team = (name: string) => ['--label-add', `app-metrics-proxy.label.team=${name}`]
    onTestFinished(async () => {
      await docker('service', 'update', '--detach', '--replicas', '2', ...team('shop'), 'web')
      await prod.remove('everywhere')
      await agreed(prod, (text) => text.split('"team":"shop"').length === 3 && !text.includes('everywhere'))
    })
    await docker('service', 'scale', '--detach', 'web=3')
    await agreed(prod, lists('web.3'))
    await docker('service', 'update', '--detach', ...team('other'), 'web')
    await agreed(prod, (text) => text.split('"team":"other"').length === 4)
    await docker('service', 'scale', '--detach', 'web=2')
    await agreed(prod, (text) => text.split('"job":"web"').length === 3)
    await prod.serve('everywhere', appImage, ['--network', 'monitor', '--mode', 'global'])
    await agreed(prod, lists('everywhere@node1', 'everywhere@node2', 'everywhere@node3'))
    await docker('service', 'rm', 'everywhere')
    await agreed(prod, (text) => !text.includes('everywhere'))
    await until(
      'its series to go',
      async () => (await prometheus.query('up{job="everywhere"}')).length === 0,
      long,
    )
  })

  test('and with the labels that Prometheus’ own discovery of Swarm gives', async () => {
    const replicas = await labelsOfBoth(prometheus, prod, 'web', 2)
    for (const labels of replicas) expect(Object.keys(labels).length).toBeGreaterThan(12)
  })
})

test('nine endpoints of each container: each is a target of its own, and fails by itself', async () => {
  const names = ['many', 'spread']
  onTestFinished(async () => {
    await Promise.all(names.map(prod.remove))
    await upsBecome(allUp)
  })
  const services = await Promise.all([
    serveEndpoints(prod, 'many', 'replicated'),
    serveEndpoints(prod, 'spread', 'global'),
  ])
  const rows = services.flatMap(({ listed }) => listed)
  const instances = rows.map(([instance]) => instance!)
  const listed: readonly { labels: Record<string, string> }[] = JSON.parse(
    await agreed(prod, lists(...instances)),
  )
  const own = listed.map(({ labels }) => labels).filter(({ service }) => names.includes(service!))
  expect(
    own.map((one) => [one.instance, one.job, one.__metrics_path__, one.__param_endpoint]).toSorted(),
  ).toEqual(rows.toSorted())
  const agree = async (isFailing: boolean) => {
    const failing = isFailing ? ['many.2:9443', 'spread@node3:9443'] : []
    const ups = instances.map((one) => `prod ${one} ${Number(!failing.includes(one))}`)
    await upsBecome([...allUp.split(', '), ...ups].toSorted().join(', '))
    for (const { expectOwnMetrics } of services) await expectOwnMetrics(isFailing)
  }
  const toggle = () => Promise.all(services.map((one) => one.toggle()))
  await agree(false)
  await toggle()
  await agree(true)
  await toggle()
  await agree(false)
})

test('what a container keeps to itself is found nowhere', async () => {
  const place = ['--network', 'monitor', '--constraint', 'node.role==manager']
  const metaLabels = [
    ...labels({ 'app-metrics-proxy.port': '8080', 'db.password': hidden }),
    '--env',
    `TOKEN=${hidden}`,
  ]
  const own = labels({ 'prometheus.password': hidden, note: hidden }, '--container-label')
  onTestFinished(() => prod.remove('keeper'))
  await prod.serve('keeper', appImage, [...place, ...metaLabels, ...own])
  await agreed(prod, lists('keeper.1'))
  // the managers may list it before its node's agent has found it
  for (const node of prod.nodes)
    await until('it to be served', async () => (await ask(node.url('/keeper/metrics'))).status === 200, long)
  for (const node of prod.nodes)
    for (const path of ['/sd', '/rules', '/', '/health', '/metrics', '/keeper/metrics', '/keeper/1/metrics'])
      for (const accept of ['*/*', 'application/json']) {
        const { status, text } = await ask(node.url(path), { accept })
        expect([node.name, path, status, text.includes(hidden)]).toEqual([node.name, path, 200, false])
      }
  // nor in the memory of agents that have no such container and are no managers: nothing was sent to them
  for (const node of prod.nodes.slice(1)) {
    expect(await memoryHolds(node, hidden)).toBe(false)
    expect(await memoryHolds(node, 'keeper.1')).toBe(true)
  }
  await prod.manager.docker('service', 'rm', 'keeper')
  await agreed(prod, (text) => !text.includes('keeper'))
})

/** Whether the agent's process on this node has a text anywhere in its memory. */
async function memoryHolds(node: Node, text: string): Promise<boolean> {
  const container = await node.docker('ps', '--quiet', '--filter', 'name=metrics_agent')
  const pid = await node.docker('inspect', '--format', '{{.State.Pid}}', container)
  const script = `
    const { openSync, readSync, readFileSync } = require('node:fs')
    const memory = openSync('/proc/${pid}/mem')
    const regions = readFileSync('/proc/${pid}/maps', 'utf8').split('\\n').filter((line) => / rw/.test(line))
    const holds = regions.some((line) => {
      const [from, to] = line.split(' ')[0].split('-').map((hex) => parseInt(hex, 16))
      const bytes = Buffer.alloc(Math.min(to - from, 2 ** 28))
      try { readSync(memory, bytes, 0, bytes.length, from) } catch { return false }
      return bytes.includes(process.argv[1])
    })
    console.log(holds)`
  return (await node.namespace()!.run(process.execPath, ['--eval', script, text])).trim() === 'true'
}

test('an alert from a label fires in its own cluster, and resolves', async () => {
  const alert = {
    'com.df.notify': 'true',
    'com.df.alertName': 'silent',
    'com.df.alertIf': 'sum(up{job="shop"}) == 0',
    'com.df.alertLabels': 'severity=high',
  }
  const onPort = (port: string) => ['--network', 'monitor', ...labels({ 'app-metrics-proxy.port': port })]
  onTestFinished(async () => {
    await Promise.all([prod.remove('shop'), dev.remove('shop')])
    await upsBecome(allUp)
  })
  // a service that has just started may be down at its first scrapes: it has its alert once it is up
  await dev.serve('shop', appImage, onPort('8080'))
  await upsBecome(`dev shop.1 1, ${allUp}`)
  const added = labels(alert, '--label-add')
  await dev.manager.docker('service', 'update', '--detach', ...added, 'shop')
  await until('the rule of the one that is up', async () => (await prometheus.rules()).length === 1, long)
  const before = webhook.notices.length
  const notice = (status: string) => () => webhook.notices.slice(before).find((one) => one.status === status)
  const onePerNode = ['--replicas-max-per-node', '1']
  await prod.serve('shop', appImage, [...onPort('9999'), ...onePerNode, ...labels(alert)])
  await upsBecome('dev shop.1 1, dev web.1 1, prod shop.1 0, prod web.1 1, prod web.2 1')
  const fired = await until('the alert', notice('firing'), long)
  expect(fired.labels).toEqual({
    alertname: 'shop_silent',
    cluster: 'prod',
    service: 'shop',
    severity: 'high',
  })

  await prod.manager.docker(
    'service',
    'update',
    '--detach',
    '--label-add',
    'app-metrics-proxy.port=8080',
    'shop',
  )
  await until('its end', notice('resolved'), long)
  expect(webhook.notices.slice(before).filter(({ labels }) => labels.cluster !== 'prod')).toEqual([])

  await expectReplicaAlerts()
  expect(await prometheus.rules()).toHaveLength(8)
  await prod.manager.docker('service', 'rm', 'shop')
  await until('its rules to go', async () => (await prometheus.rules()).length === 4, long)
})

/** Docker Flow's shortcuts for replicas, where nothing but the agents knows them: there is no cAdvisor. */
async function expectReplicaAlerts(): Promise<void> {
  const alerts = ['running', 'less_than', 'more_than'].flatMap((name, at) =>
    labels(
      { [`com.df.alertName.${at + 1}`]: name, [`com.df.alertIf.${at + 1}`]: `@replicas_${name}` },
      '--label-add',
    ),
  )
  const update = ({ manager }: Swarm, ...flags: string[]) =>
    manager.docker('service', 'update', '--detach', ...flags, 'shop')
  await Promise.all([prod, dev].map((swarm) => update(swarm, ...alerts)))
  await until('the rules of both', async () => (await prometheus.rules()).length === 8, long)
  // asked of Prometheus itself: just after it has read new rules, it drops what it should send, for a minute
  const firing = async () =>
    (await prometheus.alerts())
      .filter(({ state }) => state === 'firing')
      .map(({ labels: { alertname, cluster } }) => `${cluster} ${alertname}`)
      .toSorted()
  const become = (wanted: readonly string[]) =>
    until(`${wanted} to fire`, async () => isDeepStrictEqual(await firing(), wanted), long)
  // one more than there are nodes, each of which takes one
  await update(prod, '--replicas', '4')
  await become(['prod shop_less_than', 'prod shop_running'])
  await update(prod, '--replicas', '1')
  await become([])
}

/** Does something to the agents, and waits until new ones run everywhere. Resolves with the time it took, as a range. */
async function updateAgents(...change: readonly string[]): Promise<string> {
  const since = performance.now()
  const running = ['--filter', 'desired-state=running', '--quiet', 'metrics_agent']
  const agents = async () => (await prod.manager.docker('service', 'ps', ...running)).split('\n')
  const before = await agents()
  await prod.manager.docker('service', 'update', '--detach', ...change, 'metrics_agent')
  await until(
    'new agents everywhere',
    async () => (await agents()).every((task) => !before.includes(task)) && (await allReady(prod)),
    { within: 200_000, every: 1000 },
  )
  return `[${Math.floor((performance.now() - since) / 1000)}s:2s]`
}

/** For a change that is no test of updating: all at once. */
const atOnce = ['--update-parallelism', '0', '--update-delay', '0s']
/** As stack.yml has it. */
const inTurn = ['--update-parallelism', '1', '--update-delay', '5s']

/** From each node's next heartbeat on, at most five seconds later, Swarm misses one that is lost after six. */
async function quickenDeath({ manager }: Swarm): Promise<void> {
  await manager.docker('swarm', 'update', '--dispatcher-heartbeat', '2s')
}

const most = 'max(max_over_time(count by (cluster, job, instance) (up)'

test('an update of the agents leaves no gap', async () => {
  const window = await updateAgents('--force')
  const [least] = await prometheus.query(`min_over_time(sum(up{cluster="prod", job="web"})${window})`)
  expect(least?.value).toBe(2)
  expect(await prometheus.query(`${most}${window})) == 1`)).toHaveLength(1)
})

describe('each node by its own address', () => {
  const addresses = async () => {
    const { active } = await prometheus.targets()
    const ofProd = active.filter(({ labels }) => labels.cluster === 'prod')
    return new Set(ofProd.map(({ scrapeUrl }) => new URL(scrapeUrl).host))
  }
  const become = (wanted: readonly string[]) =>
    until(
      `${wanted}`,
      async () => {
        const found = await addresses()
        return found.size === wanted.length && wanted.every((one) => found.has(one))
      },
      long,
    )

  test('as a name that Swarm fills in', async () => {
    await updateAgents(...atOnce, '--env-add', 'ADVERTISE={{.Node.Hostname}}.prod.test:2137')
    await become(prod.nodes.map(({ name }) => `${name}.prod.test:2137`))
    await upsBecome(allUp)
  })

  test('as its address in the Swarm; an update then costs a target one scrape at most', async () => {
    await updateAgents(...atOnce, '--env-rm', 'ADVERTISE')
    await become(prod.nodes.map(({ address }) => `${address}:2137`))
    await upsBecome(allUp)
    const window = await updateAgents(...inTurn, '--force')
    // scraped each two seconds here: less than Prometheus' usual 15 seconds are missed
    const lost = await prometheus.query(
      `max(count_over_time((up{cluster="prod", job="web"} == 0)${window})) or vector(0)`,
    )
    expect(lost[0]!.value * 2).toBeLessThan(15)
    expect(await prometheus.query(`${most}${window})) == 1`)).toHaveLength(1)
    await quickenDeath(prod)
    await updateAgents(...atOnce, '--env-add', 'ADVERTISE=prod.test:2137')
    await become(['prod.test:2137'])
  })
})

/** The nodes on which its replicas are meant to run. */
async function placesOfWeb(): Promise<readonly string[]> {
  const running = ['--filter', 'desired-state=running', '--format', '{{.Node}}']
  return (await prod.manager.docker('service', 'ps', ...running, 'web')).split('\n')
}

test('a node that dies doubles nothing, and its replicas come back elsewhere', async () => {
  const places = await placesOfWeb()
  await until(
    'every agent to be up',
    async () => (await prometheus.query('up{job="app-metrics-proxy", instance!="swarm"} == 1')).length === 4,
    long,
  )
  const victim = prod.nodes.slice(1).find(({ name }) => places.includes(name))!
  const since = performance.now()
  onTestFinished(async () => {
    await victim.start()
    await until('every agent to be ready', () => allReady(prod), long)
  })
  await victim.kill()
  const up = `up{cluster="prod", instance="app-metrics-proxy@${victim.name}"}`
  await until('its agent to be down', async () => (await prometheus.query(`${up} == 0`)).length === 1, long)
  await until('its replicas to be elsewhere', async () => !(await placesOfWeb()).includes(victim.name), long)
  await upsBecome(allUp)
  const window = `[${Math.ceil((performance.now() - since) / 1000)}s:2s]`
  expect(await prometheus.query(`${most}${window})) == 1`)).toHaveLength(1)
  const [least] = await prometheus.query(`min_over_time(count(up{cluster="prod", job="web"})${window})`)
  expect(least?.value).toBe(2)
})
