// The stories of deploy/examples from their own files: applications built by their own Dockerfiles, the real
// image, real Swarms, a real Prometheus inside and outside, and each panel's query. Only what takes its time is
// hurried, and what no registry gives is a stand-in (harness/stand-ins.ts).

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { blocksOf } from '../helpers/manual.ts'
import { until } from '../helpers/until.ts'
import { expectData, hurried } from '../prometheus/parts/example.ts'
import {
  apiOf,
  type Prometheus,
  type PrometheusApi,
  startPrometheus,
} from '../prometheus/parts/prometheus.ts'
import { follow } from './harness/follow.ts'
import { type Docker, joinNodes, startDocker } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'
import { standIns } from './harness/stand-ins.ts'

interface Service {
  extra_hosts?: readonly string[]
  deploy?: object
  ports?: readonly (string | object)[] | undefined
  volumes?: readonly string[] | undefined
}
type Swarm = Awaited<ReturnType<typeof joinNodes>>

const long = { within: 90_000, every: 200 }
let folder: string
let one: Docker
let other: Docker

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'))
  for (const part of ['deploy', 'stack.yml']) await cp(part, join(folder, part), { recursive: true })
  one = await startDocker({ standIns: true })
  other = await startDocker({ standIns: true })
})
afterAll(async () => {
  await Promise.all([one?.stop(), other?.stop()])
  if (folder) await rm(folder, { recursive: true })
})

const file = (name: string) => join(folder, 'deploy/examples', name)
async function rewrite(name: string, change: (text: string) => string): Promise<void> {
  await writeFile(file(name), change(await readFile(file(name), 'utf8')))
}
/** Runs a program on the node itself, where what is published for localhost can be reached. */
const onNode = (node: Node, ...words: [string, ...string[]]) => {
  const [command, ...args] = words
  return node.namespace()!.run(command, args)
}
/** What a port answers that is published on this node. */
const askOn = (node: Node, port: number, path: string) =>
  onNode(
    node,
    process.execPath,
    '--eval',
    'fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)',
    `http://127.0.0.1:${port}${path}`,
  )
const prometheusAt = (node: Node, port = 9090): PrometheusApi => apiOf((path) => askOn(node, port, path))

/** Each alert that Alertmanager has, with the receivers that it notifies. */
async function toldTo(node: Node): Promise<readonly string[]> {
  const alerts: readonly { labels: { alertname: string }; receivers: readonly { name: string }[] }[] =
    JSON.parse(await askOn(node, 9093, '/api/v2/alerts'))
  return alerts
    .map(({ labels, receivers }) => `${labels.alertname} ${receivers.map(({ name }) => name)}`)
    .toSorted()
}

/** A block of commands of a README, as it stands there. */
const blockOf = (story: string, block: number) =>
  blocksOf(file(`${story}/README.md`)).filter(({ language }) => language === 'sh')[block]!.text
const runCommands = (node: Node, commands: string, cwd: string) =>
  follow(node, commands, { cwd, env: standIns })

/** Compose is Debian's docker-compose 1.29, which wants a project's name as a flag; the product's image is built. */
const olderCompose = (project: string) => `docker() {
  case "$*" in
    compose\\ *) shift; docker-compose --project-name ${project} --compatibility --file older.yml "$@" ;;
    "build --tag ${productImage} "*) ;;
    *) command docker "$@" ;;
  esac
}
`
/** Commands of Compose in a story's folder, with its file changed where the lab is otherwise. */
async function compose(
  story: string,
  node: Node,
  commands: string,
  change: (text: string) => string = (text) => text,
): Promise<void> {
  const { name, ...rest } = parse(change(await readFile(file(`${story}/compose.yml`), 'utf8')))
  await writeFile(file(`${story}/older.yml`), stringify(rest))
  await runCommands(node, olderCompose(name) + commands, file(story))
}

/** What Grafana would be given lies where it looks, and the Prometheus that it is to ask is the one at `port`. */
async function expectProvisioned(node: Node, service: string, title: string, port = 9090): Promise<void> {
  const container = await node.docker('ps', '--quiet', '--filter', `name=${service}`)
  const read = (path: string) => node.docker('exec', container, 'sh', '-c', `cat ${path}`)
  const { datasources } = parse(await read('/etc/grafana/provisioning/datasources/*.yml'))
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
  expect(datasources).toMatchObject([{ url: '${PROMETHEUS_URL}' }])
  const info = '/api/v1/status/runtimeinfo'
  const asked = await node.docker('exec', container, 'sh', '-c', `wget -q -O - "$PROMETHEUS_URL${info}"`)
  expect(JSON.parse(asked).data.hostname).toBe(JSON.parse(await askOn(node, port, info)).data.hostname)
  const [provider] = parse(await read('/etc/grafana/provisioning/dashboards/*.yml')).providers
  expect(JSON.parse(await read(`${provider.options.path}/dashboard.json`)).title).toBe(title)
}

describe('with Compose', () => {
  const stories: { story: string; on: () => Node }[] = [
    { story: 'chat', on: () => one },
    { story: 'statsd', on: () => other },
  ]
  beforeAll(async () => {
    for (const { story } of stories) await rewrite(`${story}/prometheus.yml`, (text) => hurried(text, {}))
    await Promise.all(stories.map(({ story, on }) => compose(story, on(), blockOf(story, 0))))
  })
  afterAll(() =>
    Promise.all(
      stories.map(({ story, on }) => compose(story, on(), 'docker compose down --volumes --timeout 1')),
    ),
  )

  test('a chat: three connections, and an alert when there is chaos', async () => {
    const prometheus = prometheusAt(one)
    await until('the three', async () => (await prometheus.query('connections == 3')).length === 1, long)
    await expectData(prometheus, 'chat/dashboard.json')
    expect((await prometheus.query('up')).map(({ labels }) => labels.job).toSorted()).toEqual([
      'app-metrics-proxy',
      'chat_server',
    ])
    await expectProvisioned(one, 'grafana', 'Chat')
    await compose('chat', one, blockOf('chat', 1))
    const [alert] = await until(
      'the alert',
      async () => {
        const alerts = await prometheus.alerts()
        return alerts.length > 0 && alerts
      },
      long,
    )
    expect(alert).toMatchObject({ state: 'firing', labels: { alertname: 'ChatErrors', cluster: 'chat' } })
  })

  test('a web application that speaks StatsD: rate, errors, duration', async () => {
    const prometheus = prometheusAt(other)
    await until(
      'the exporter',
      async () => (await prometheus.query('up{job="shop_statsd"} == 1')).length === 1,
      long,
    )
    await expectData(prometheus, 'statsd/dashboard.json')
    await expectProvisioned(other, 'grafana', 'Shop: rate, errors, duration')
    const firing = 'ALERTS{alertname="ShopErrors", alertstate="firing"}'
    await until('the alert', async () => (await prometheus.query(firing)).length === 1, long)
  })
})

describe('with Swarm', () => {
  const clusters = { dev: () => dev, qa: () => qa }
  let dev: Swarm
  let qa: Swarm
  let central: Prometheus

  /** The kernel may have no IPVS, no name server knows the Swarms’ names, and Docker’s data lie elsewhere. */
  async function adapt(name: string, { manager }: Swarm, portOffset = 0): Promise<void> {
    const root = await manager.docker('info', '--format', '{{.DockerRootDir}}')
    const hosts = Object.entries(clusters).map(([name, of]) => `${name}.example.org:${of().manager.address}`)
    await rewrite(name, (text) => {
      const content = parse(text.replace('--every=15s', '--every=1s')) as {
        services: Record<string, Service>
      }
      for (const service of Object.values(content.services)) {
        service.extra_hosts = hosts
        service.deploy = { ...service.deploy, endpoint_mode: 'dnsrr' }
        service.ports = service.ports?.map((port) => {
          const [published, target] = `${port}`.split(':').map(Number)
          return { published: published! + portOffset, target, mode: 'host' }
        })
        service.volumes = service.volumes?.map((one) => one.replace(/^\/var\/lib\/docker:/, `${root}:`))
      }
      return stringify(content)
    })
  }

  /** As it is written for `dev`, and what is different in `qa`. */
  async function deployShops(): Promise<void> {
    const commands = blockOf('global', 0)
    const inQa = commands.replaceAll('dev', 'qa').replace(/^docker stack deploy .*shop$/m, 'LOSES=yes $&')
    await Promise.all([runCommands(one, commands, folder), runCommands(other, inQa, folder)])
  }

  beforeAll(async () => {
    for (const story of ['labels', 'websocket', 'global', 'replicas'])
      await rewrite(`${story}/prometheus.yml`, (text) => hurried(text, {}))
    ;[dev, qa] = await Promise.all([joinNodes([one]), joinNodes([other])])
    await adapt('global/shop.yml', dev)
    await adapt('labels/stack.yml', dev)
    await adapt('websocket/stack.yml', qa)
    await adapt('replicas/stack.yml', qa, 20_000)
    await deployShops()
    await Promise.all([
      runCommands(one, blockOf('labels', 0), file('labels')),
      runCommands(other, blockOf('websocket', 0), file('websocket')),
      runCommands(other, blockOf('replicas', 0), file('replicas')),
    ])
    central = await startPrometheus(await readFile(file('global/prometheus.yml'), 'utf8'), {
      hosts: { 'dev.example.org': [dev.manager.address], 'qa.example.org': [qa.manager.address] },
    })
    await cp(file('global/rules.yml'), join(central.folder, 'rules.yml'))
    await fetch(`${central.url}/-/reload`, { method: 'POST' })
  })
  afterAll(() => central?.stop())

  const alertsOf = (prometheus: PrometheusApi, names: readonly string[]) => async () => {
    const alerts = new Set((await prometheus.alerts()).map(({ labels }) => labels.alertname))
    return names.every((name) => alerts.has(name))
  }

  test.concurrent('labels only: exporters, alerts from labels, which leave with their service', async () => {
    const { manager } = dev
    const prometheus = prometheusAt(manager)
    const rules = async () => (await prometheus.rules()).toSorted().join(' ')
    const others = 'labels_nodeexporter_memory'
    const all = `labels_hoard_hoarding labels_hoard_memory ${others}`
    await until('the rules from the labels', async () => (await rules()) === all, long)
    const ups = async () =>
      (await prometheus.query('up{stack="labels"} == 1')).map(({ labels }) => labels.job!)
    await until(
      'its services',
      async () => (await ups()).toSorted().join(' ') === 'labels_cadvisor labels_hoard labels_node-exporter',
      long,
    )
    await expectData(prometheus, 'labels/dashboard.json')
    await expectProvisioned(manager, 'labels_grafana', 'A Swarm configured by labels')
    expect(await prometheus.alerts()).toEqual([])

    await runCommands(manager, blockOf('labels', 1), file('labels'))
    await until('both alerts', alertsOf(prometheus, ['labels_hoard_hoarding', 'labels_hoard_memory']), long)
    await until(
      'Alertmanager to have both',
      async () => `${await toldTo(manager)}` === 'labels_hoard_hoarding everybody,labels_hoard_memory system',
      long,
    )
    await manager.docker('service', 'rm', 'labels_hoard')
    await until('its rules to go', async () => (await rules()) === others, long)
  })

  test.concurrent('a WebSocket server on NATS: a room over two replicas, with its load', async () => {
    const prometheus = prometheusAt(qa.manager)
    const sum = async (of: string) => (await prometheus.query(`sum(${of}{job="websocket_room"})`))[0]?.value
    await until('fifty clients', async () => (await sum('websocket_connections'))! >= 50, long)
    const limits = 2 * 256 * 1024 * 1024
    await until('both with NATS', async () => (await sum('websocket_nats_connected')) === 2, long)
    await until('their limits', async () => (await sum('websocket_memory_limit_bytes')) === limits, long)
    await until(
      'the slow one to be dropped',
      async () => (await sum('websocket_slow_clients_dropped_total'))! > 0,
      long,
    )
    const names = ['full', 'memory', 'nats', 'slow'].map((name) => `websocket_room_${name}`)
    await until(
      'the rules from the labels',
      async () => {
        const found = (await prometheus.rules()).toSorted()
        if (`${found}` !== `${names}`) throw new Error(`instead there are ${found}`)
        return true
      },
      long,
    )
    await expectData(prometheus, 'websocket/dashboard.json')
    await expectProvisioned(qa.manager, 'websocket_grafana', 'A WebSocket room on NATS')
    expect(await prometheus.alerts()).toEqual([])

    await runCommands(qa.manager, blockOf('websocket', 1), file('websocket'))
    const loud = names.filter((name) => !name.endsWith('memory'))
    await until('all but memory to be alarming', alertsOf(prometheus, loud), long)
  })

  test.concurrent('a Swarm whose service fails: an update that is paused, and repaired', async () => {
    const { manager } = qa
    const prometheus = prometheusAt(manager, 29090)
    const query = (text: string) => async () => (await prometheus.query(text)).length > 0
    const is = (state: string) =>
      `app_metrics_proxy_swarm_service_update_state{service="replicas_web",state="${state}"} == 1`
    await until('both replicas', query('sum(up{job="replicas_web"}) == 2'), long)
    await until('the second endpoint of each', query('sum(up{job="replicas_process"}) == 2'), long)
    // at each moment one of them may just have missed a scrape
    const haveJob = (job: string, of: string) => async () => {
      const jobs = (await prometheus.query(of)).map(({ labels }) => labels.job)
      return jobs.length === 2 && jobs.every((one) => one === job)
    }
    const memory = 'process_resident_memory_bytes{service="replicas_web"}'
    await until('the memory of both', haveJob('replicas_process', memory), long)
    await until('the requests of both', haveJob('replicas_web', 'web_requests_total'), long)
    await expectProvisioned(manager, 'replicas_grafana', 'Swarm and containers', 29090)
    const firing = async () =>
      (await prometheus.alerts()).filter(
        ({ state, labels }) => state === 'firing' && labels.service === 'replicas_web',
      )
    expect(await firing()).toEqual([])

    await runCommands(manager, blockOf('replicas', 1), file('replicas'))
    await until('the update to be paused', query(is('paused')), long)
    await until(
      'both alerts',
      async () => {
        const names = new Set((await firing()).map(({ labels }) => labels.alertname))
        return names.has('SwarmUpdateFailed') && names.has('SwarmTasksFailing')
      },
      long,
    )
    const failures = 'app_metrics_proxy_swarm_task_failures_total{service="replicas_web"} > 0'
    const codes = async () => (await prometheus.query(failures)).map(({ labels }) => labels.exit_code)
    await until('the exit code', async () => `${await codes()}` === '3', long)

    await runCommands(manager, blockOf('replicas', 2), file('replicas'))
    await until('the repair', query(is('completed')), long)
    await until('both replicas again', query('sum(up{job="replicas_web"}) == 2'), long)
    await until(
      'the update’s alert to resolve',
      async () => !(await firing()).some(({ labels }) => labels.alertname === 'SwarmUpdateFailed'),
      long,
    )
  })

  test.concurrent('the central side with Compose, beside one of the Swarms', async () => {
    const { manager } = dev
    // the stacks of this node have taken the ports of both; no name server knows the Swarm
    const hosts = `extra_hosts: ["dev.example.org:${manager.address}"]`
    const moved = (text: string) =>
      text
        .replaceAll(/127\.0\.0\.1:(9090|3000):(?=\d)/g, '127.0.0.1:1$1:')
        .replace('prometheus:\n', `$&    ${hosts}\n`)
    await compose('global', manager, blockOf('global', 1), moved)
    const prometheus = prometheusAt(manager, 19090)
    await until(
      'what it reaches',
      async () => (await prometheus.query('up{job="shop_web", zone="a"} == 1')).length === 2,
      long,
    )
    expect(await prometheus.rules()).toEqual(['ShopLosesOrders'])
    await expectProvisioned(manager, 'global_grafana', 'Shop in all Swarms', 19090)
  })

  test('one Prometheus over dev and qa, which reaches nothing but port 2137', async () => {
    const replicas = async () => {
      const counted = await central.query('sum by (cluster, zone) (up{job="shop_web"})')
      return counted.map(({ labels, value }) => `${labels.cluster} ${labels.zone} ${value}`).toSorted()
    }
    await until('two in each', async () => `${await replicas()}` === 'dev a 2,qa a 2', long)
    const { active } = await central.targets()
    expect(new Set(active.map(({ scrapeUrl }) => new URL(scrapeUrl).host))).toEqual(
      new Set(['dev.example.org:2137', 'qa.example.org:2137']),
    )
    await expectData(central, 'global/dashboard.json')
    const alerts = await until(
      'the alert',
      async () => {
        const all = await central.alerts()
        return all.length > 0 && all
      },
      long,
    )
    expect(alerts.map(({ labels }) => [labels.alertname, labels.cluster])).toEqual([
      ['ShopLosesOrders', 'qa'],
    ])
  })
})
