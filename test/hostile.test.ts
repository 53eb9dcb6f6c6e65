// Strings made to break things, in every place where Docker lets somebody put one: through discovery, the store, a
// peer, names, `/sd`, `/rules`, the status. Nothing fails, every document is valid, and what the other containers
// show is what they show without them.

import { createHash, randomInt } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Agent, startAgent } from '../src/agent/agent.ts'
import { systemClock as clock } from '../src/clock.ts'
import { readConfig } from '../src/config/config.ts'
import type { ApiContainer, ApiNode, ApiService, ApiTask } from '../src/discover/docker-api.ts'
import { readProc } from '../src/discover/own-container.ts'
import { inspect } from '../src/exposition/inspect.ts'
import { createLog } from '../src/logging/log.ts'
import { readRules } from '../src/promql/rule-file.ts'
import { startEngineServer } from './discover/engine-server.ts'
import { scaled } from './helpers/limits.ts'
import { freePort } from './helpers/ports.ts'
import { pageServer, type RunningServer } from './helpers/server.ts'
import { until } from './helpers/until.ts'

const seed = Number(process.env.HOSTILE_SEED ?? randomInt(2 ** 31))

const nasty = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'length'],
  ...['{{ x', '{{ template "x" }}', '{{ $labels.a }}', '%s', '%00', '%zz', "'; --", '\\', '"', '`'],
  ...[
    '',
    ' ',
    '.',
    '..',
    '../..',
    '/',
    '//',
    'a/b',
    '-',
    '#',
    '?',
    '&',
    '*',
    ',',
    ':',
    '=',
    '@',
    '\n',
    '\r\n',
  ],
  ...['\u0000', '\u001b[2J', '\u007f', '\u0085', '\u2028', '\u202e', '\ud800', '\udc00x', '\ufeff', '\uffff'],
  ...['<script>alert(1)</script>', ']]>', '<!--', 'а', 'demo_web', 'demo_web.1', 'shop_web', 'web', 'plain'],
  ...[
    'app-metrics-proxy',
    'agent',
    'node1',
    'static:other',
    'metrics',
    'NaN',
    '-1',
    '0',
    '1e9',
    '99999999999',
  ],
  'x'.repeat(65_536),
  '{{'.repeat(8_000),
]
const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...nasty) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...nasty), fc.constantFrom(...nasty)).map((two) => two.join('')),
  },
)

const swarmKeys = ['service.name', 'service.id', 'task.id', 'task.name', 'node.id'].map(
  (key) => `com.docker.swarm.${key}`,
)
const keys = [
  ...swarmKeys,
  'com.docker.stack.namespace',
  ...['project', 'service', 'container-number', 'oneoff'].map((key) => `com.docker.compose.${key}`),
  ...[
    'name',
    'job',
    'path',
    'scheme',
    'network',
    'interval',
    'timeout',
    'max-age',
    'param.x',
    'label.team',
  ].map((key) => `app-metrics-proxy.${key}`),
  ...['Name', 'If', 'For', 'Labels', 'Annotations', 'Persistent', 'Name.1', 'If.1'].map(
    (key) => `com.df.alert${key}`,
  ),
  ...['prometheus.io/job', 'io.prometheus.job_name', 'com.df.shortName', 'com.df.servicePath'],
]
const anyLabel = fc.oneof(
  fc.tuple(fc.constantFrom(...keys), text),
  fc.tuple(
    fc
      .tuple(
        fc.constantFrom('app-metrics-proxy.label.', 'app-metrics-proxy.param.', 'prometheus.io/param-', ''),
        text,
      )
      .map((two) => two.join('')),
    text,
  ),
)
const alert = fc
  .tuple(text, fc.oneof(fc.constant('up == 0'), text), text, text)
  .map(([name, expression, wait, labels]) => [
    ['com.df.notify', 'true'],
    ['com.df.alertName', name],
    ['com.df.alertIf', expression],
    ['com.df.alertFor', wait],
    ['com.df.alertLabels', labels],
  ])
/** Of a service that there isn't: until the managers are heard, it might be a new slot of one that there is. */
const aTask = fc
  .tuple(
    text.filter((name) => name !== 'demo_web'),
    text,
    text,
    text,
  )
  .map(([service, id, slot, taskId]) => [
    ['com.docker.swarm.service.name', service],
    ['com.docker.swarm.service.id', id],
    ['com.docker.swarm.task.id', taskId],
    ['com.docker.swarm.task.name', `${service}.${slot}.${taskId}`],
  ])
/** The same as those of a replica that there is. */
const forgedTask = fc
  .tuple(fc.constantFrom('1', '2', 'constructor'), text)
  .map(([slot, taskId]) => taskLabels(slot, taskId))
const ofCompose = fc.tuple(text, text, fc.oneof(fc.constant('1'), text)).map(([project, service, number]) => [
  ['com.docker.compose.project', project],
  ['com.docker.compose.service', service],
  ['com.docker.compose.container-number', number],
])
const labels = fc
  .tuple(
    fc.array(anyLabel, { maxLength: 6 }),
    fc.oneof(fc.constant([]), alert),
    fc.oneof(fc.constant([]), aTask, forgedTask, ofCompose),
  )
  .map((parts) => parts.flat() as [string, string][])

const hostile = fc.record({
  name: text,
  image: text,
  labels,
  id: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: text }),
  network: text,
  state: fc.constantFrom('running', 'running', 'running', 'paused', 'exited', '{{ x', '__proto__'),
  status: text,
})
const service = fc.record({ id: text, name: text, labels, updating: text })
const aNode = fc.record({ id: text, hostname: text, address: text, state: text })

const hex = (seed: string) => createHash('sha256').update(seed).digest('hex')

function taskLabels(slot: string, task: string): [string, string][] {
  return [
    ['com.docker.stack.namespace', 'demo'],
    ['com.docker.swarm.service.name', 'demo_web'],
    ['com.docker.swarm.service.id', 'webid'],
    ['com.docker.swarm.task.id', task],
    ['com.docker.swarm.task.name', `demo_web.${slot}.${task}`],
    ['com.docker.swarm.node.id', 'node1id'],
  ]
}

/** The containers of every day. Each on the host's network, where one server answers for all. */
function usual(port: number): readonly ApiContainer[] {
  const rows: readonly (readonly [string, readonly [string, string][]])[] = [
    ['demo_web.1.t1', taskLabels('1', 't1')],
    ['demo_web.2.t2', taskLabels('2', 't2')],
    [
      'shop-web-1',
      [
        ['com.docker.compose.project', 'shop'],
        ['com.docker.compose.service', 'web'],
        ['com.docker.compose.container-number', '1'],
      ],
    ],
    ['plain', [['app-metrics-proxy.label.team', 'blue']]],
  ]
  return rows.map(([name, labels]) =>
    row(hex(name), name, [...labels, ['app-metrics-proxy.port', `${port}`]]),
  )
}

function row(
  Id: string,
  name: string,
  labels: readonly (readonly [string, string])[],
  rest: object = {},
): ApiContainer {
  return {
    Id,
    Names: [`/${name}`],
    Image: 'app:1',
    Created: 1_700_000_000,
    Labels: Object.fromEntries(labels),
    State: 'running',
    Status: 'Up 1 second',
    HostConfig: { NetworkMode: 'host' },
    NetworkSettings: { Networks: {} },
    ...rest,
  }
}

interface Attack {
  readonly containers: readonly ApiContainer[]
  readonly services: readonly ApiService[]
  readonly nodes: readonly ApiNode[]
}

const none: Attack = { containers: [], services: [], nodes: [] }

function attackOf(port: number): Attack {
  const sample = <T>(of: fc.Arbitrary<T>, numRuns: number) => fc.sample(of, { numRuns, seed })
  const once = new Set<string>(usual(port).map(({ Names }) => Names![0]!.slice(1)))
  const containers = sample(hostile, 80).flatMap((given, at) => {
    // on one node Docker gives each name once
    if (once.has(given.name)) return []
    once.add(given.name)
    const networks = Object.fromEntries([
      [given.network, { NetworkID: given.network, IPAddress: given.network }],
    ])
    return row(
      given.id ?? hex(`hostile ${at}`),
      given.name,
      [['app-metrics-proxy.port', `${port}`], ...given.labels],
      {
        Image: given.image,
        State: given.state,
        Status: given.status,
        NetworkSettings: { Networks: networks },
      },
    )
  })
  return {
    containers,
    services: sample(service, 20).map(({ id, name, labels, updating }) => ({
      ID: id,
      Spec: {
        Name: name === 'demo_web' ? 'other' : name,
        Labels: Object.fromEntries(labels),
        Mode: { Replicated: { Replicas: 1 } },
      },
      UpdateStatus: { State: updating },
    })),
    nodes: sample(aNode, 5).map(({ id, hostname, address, state }) => ({
      ID: id,
      Description: { Hostname: hostname },
      Status: { State: state, Addr: address },
    })),
  }
}

interface Listed {
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

interface Report {
  readonly errors: readonly string[]
  readonly sd: readonly Listed[]
  /** By instance, what the containers of every day show, through each of the agents. */
  readonly shown: ReadonlyMap<string, readonly string[]>
}

/** Two agents, of which one has the engine, with requests for everything. */
async function reportUnder(page: RunningServer, attack: Attack): Promise<Report> {
  await using engine = await startEngineServer()
  await using worker = await startEngineServer()
  const { ids } = await readProc()
  const everyDay = usual(page.port)
  const own = ids.slice(0, 1).map((id) => row(id, 'the-agent-itself', []))
  Object.assign(engine.answers, {
    '/info': {
      ID: 'engine',
      Name: 'node1',
      Swarm: {
        NodeID: 'node1id',
        LocalNodeState: 'active',
        ControlAvailable: true,
        Cluster: { ID: 'swarm' },
      },
    },
    '/containers/json': [...everyDay, ...own, ...attack.containers],
    '/networks': [{ Id: '{{ x/../?#', Name: 'docker_gwbridge', Driver: '__proto__' }],
    '/services': [
      {
        ID: 'webid',
        Spec: {
          Name: 'demo_web',
          Labels: { 'com.docker.stack.namespace': 'demo' },
          Mode: { Replicated: { Replicas: 2 } },
        },
      },
      ...attack.services,
    ],
    '/tasks': ['1', '2'].map(
      (slot): ApiTask => ({
        ID: `t${slot}`,
        ServiceID: 'webid',
        Slot: Number(slot),
        CreatedAt: '2026-11-21T01:22:07Z',
        NodeID: 'node1id',
        DesiredState: 'running',
        Status: { ContainerStatus: { ContainerID: hex(`demo_web.${slot}.t${slot}`) } },
      }),
    ),
    '/nodes': [
      {
        ID: 'node1id',
        Spec: { Role: 'manager', Availability: 'active' },
        Description: { Hostname: 'node1' },
        Status: { State: 'ready', Addr: '127.0.0.1' },
      },
      ...attack.nodes,
    ],
  })
  Object.assign(worker.answers, {
    '/info': {
      ID: 'another engine',
      Name: 'node2',
      Swarm: {
        NodeID: 'node2id',
        LocalNodeState: 'active',
        ControlAvailable: false,
        RemoteManagers: [{ NodeID: 'node1id' }],
      },
    },
    '/containers/json': own,
    '/networks': [],
  })
  engine.fault = (path, answer) => path.startsWith('/networks/') && !!answer.end('{}')

  const errors: string[] = []
  const log = createLog('warn', (line) => {
    if (JSON.parse(line).level === 'error' || /internal/.test(line)) errors.push(line)
  })
  const sshPort = await freePort()
  const common = { SSHPASS: 'the secret of this test', MAX_AGE: 'off', CLUSTER: 'here' }
  const agents = [
    await agent({ ...common, DOCKER_HOST: engine.host, ADVERTISE: 'all:2137' }, { sshPort, log }),
    await agent(
      {
        ...common,
        TARGETS: `other=${page.url}`,
        DOCKER_HOST: worker.host,
        PEERS: `127.0.0.1:${sshPort}`,
        ADVERTISE: 'all:2137',
      },
      { log },
    ),
  ]
  try {
    const base = agents.map(({ port }) => `http://127.0.0.1:${port}`)
    const ready = async () => {
      const answers = await Promise.all(base.map(async (one) => (await fetch(`${one}/-/ready`)).text()))
      const waiting = answers.filter((answer) => answer !== 'ready\n')
      if (waiting.length > 0) throw new Error(waiting.join('; '))
      return true
    }
    await until('both agents to be ready', ready, { within: 60_000 })
    const lists = async () => Promise.all(base.map(async (one) => (await fetch(`${one}/sd`)).text()))
    await until(
      'both to say the same',
      async () => {
        const [a, b] = await lists()
        return a === b && (JSON.parse(a!) as Listed[]).filter(isUsual).length >= 5
      },
      { within: 60_000 },
    )
    const sd = JSON.parse((await lists())[0]!) as Listed[]
    await checkDocuments(base, sd)
    const shown = new Map<string, readonly string[]>()
    for (const { labels } of sd) {
      const path = encodeURI(labels.__metrics_path__!).replaceAll('?', '%3F').replaceAll('#', '%23')
      const pages = await Promise.all(base.map(async (one) => answerOf(one, path)))
      if (isUsual({ targets: [], labels })) shown.set(labels.instance!, pages)
    }
    for (const path of byName) shown.set(path, await Promise.all(base.map((one) => answerOf(one, path))))
    return { errors, sd, shown }
  } finally {
    await Promise.all(agents.map((one) => one.stop()))
  }
}

async function answerOf(base: string, path: string): Promise<string> {
  const response = await fetch(base + path)
  const body = await response.text()
  expect([path, response.status]).not.toEqual([path, 500])
  return `${response.status} ${path.startsWith('/app-metrics-proxy/') ? body.includes('app_metrics_proxy_build_info') : body}`
}

function agent(
  environment: Record<string, string>,
  { sshPort = 0, log = createLog('silent') },
): Promise<Agent> {
  const config = { ...readConfig(environment), listenPort: 0, sshPort }
  return startAgent({ config, clock, log, version: 'test' })
}

const byName = ['/demo_web/metrics', '/plain/metrics', '/demo_web/1/metrics', '/other/metrics']
const usualInstances =
  /^(demo_web\.[12]|shop-web-1@node1|plain@node1|other@node2|app-metrics-proxy@node[12])$/
const isUsual = ({ labels }: Listed) => usualInstances.test(labels.instance!)

async function checkDocuments(bases: readonly string[], sd: readonly Listed[]): Promise<void> {
  for (const { targets, labels } of sd) {
    expect(targets).toEqual(['all:2137'])
    for (const [name, value] of Object.entries(labels)) {
      expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/)
      expect([typeof value, value.isWellFormed()]).toEqual(['string', true])
    }
    expect(labels.__metrics_path__).toMatch(/^\//)
  }
  const identities = sd.map(({ labels }) => JSON.stringify([labels.job, labels.instance]))
  expect(new Set(identities).size).toBe(identities.length)
  for (const base of bases) {
    const rules = await (await fetch(`${base}/rules`)).text()
    expect(readRules(rules).refused).toEqual([])
    const status = await fetch(base, { headers: { accept: 'application/json' } })
    expect(status.status).toBe(200)
    const { targets } = (await status.json()) as { targets: { key: string; path: string }[] }
    expect(new Set(targets.map(({ key }) => key)).size).toBe(targets.length)
    for (const { key, path } of targets) {
      expect(path).toMatch(/^\/[^\s?#<>"]*$/)
      const details = await fetch(`${base}/?target=${encodeURIComponent(key)}`, {
        headers: { accept: 'application/json' },
      })
      expect([key, details.status]).toEqual([key, 200])
      await details.json()
    }
    const html = await fetch(base, { headers: { accept: 'text/html' } })
    expect(await html.text()).not.toContain('<script>alert')
    const metrics = Buffer.from(await (await fetch(`${base}/metrics`)).arrayBuffer())
    expect(
      inspect(metrics, 'text/plain; version=0.0.4', { maxSamples: 1e6, maxBodyBytes: 2 ** 24 } as never),
    ).toMatchObject({ ok: true })
    expect((await fetch(`${base}/-/healthy`)).status).toBe(200)
  }
}

test(`hostile strings break nothing and change nothing (HOSTILE_SEED=${seed})`, {
  timeout: scaled(120_000),
}, async () => {
  await using page = await pageServer('answers_total 1\n')
  const [quiet, attacked] = [await reportUnder(page, none), await reportUnder(page, attackOf(page.port))]
  expect(quiet.errors).toEqual([])
  expect(attacked.errors).toEqual([])
  expect(attacked.sd.filter(isUsual)).toEqual(quiet.sd.filter(isUsual))
  for (const [what, answers] of quiet.shown)
    for (const [at, answer] of answers.entries()) {
      // a name alone may mean another thing, too: then that is said, and nothing is mixed
      const now = attacked.shown.get(what)![at]!
      if (!byName.includes(what) || !now.startsWith('409 ')) expect([what, now]).toEqual([what, answer])
    }
  expect(attacked.sd.length).toBeGreaterThan(quiet.sd.length)
})
