import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endpointId } from '../../src/model.ts'
import { createSd } from '../../src/sd/sd.ts'
import {
  bare,
  ended,
  entry,
  type Known,
  node,
  service,
  storeOf,
  swarmState,
  target,
  task,
} from '../helpers/cluster.ts'

interface Listed {
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

function sdOf(known: Known, cluster?: string, pending: readonly string[] = []) {
  const store = storeOf(known)
  return {
    store,
    sd: createSd({ store, config: { cluster }, pending: () => pending }),
  }
}

async function listedAll(known: Known, query = {}, cluster?: string): Promise<readonly Listed[]> {
  const { sd } = sdOf(known, cluster)
  const { status, body } = await sd.answer({ query })
  expect(status).toBe(200)
  return JSON.parse(body.toString())
}

const isSwarm = ({ labels }: Listed) => labels.instance === 'swarm'

/** Without the target of the Swarm itself. */
async function listed(known: Known, query = {}, cluster?: string): Promise<readonly Listed[]> {
  return (await listedAll(known, query, cluster)).filter((target) => !isSwarm(target))
}

/** All but the agents, by instance. */
async function instances(known: Known): Promise<readonly string[]> {
  const all = await listed(known)
  return all.filter(({ labels }) => labels.job !== 'app-metrics-proxy').map(({ labels }) => labels.instance!)
}

const two = [node('node1'), node('node2')]
const web = (slots: string[], more = {}) =>
  swarmState([service('demo_web', { slots, replicas: slots.length, ...more })], ['node1', 'node2'])

test.each(['constructor', '__proto__', 'toString'])('a slot and a label may be named %s', async (key) => {
  const entries = ['a', 'b'].map((id) => entry(task('demo_web', key, { id })))
  const known = { entries, swarmState: web(['1'], { labels: { [`app-metrics-proxy.label.${key}`]: 'x' } }) }
  expect(await instances(known)).toEqual(['demo_web.1', `demo_web.${key}`])
})

test('a replica that no manager knows is listed, but not on a node that no manager knows', async () => {
  const { place } = task('demo_web', '2')
  const on = (node: string) =>
    entry(task('demo_web', '2', { node, place: { ...place, provisional: true } as never }))
  const known = { nodes: [...two, node('node3')], swarmState: web(['1']) }
  expect(await instances({ ...known, entries: [on('node2')] })).toContain('demo_web.2')
  expect(await instances({ ...known, entries: [on('node3')] })).not.toContain('demo_web.2')
})

test('a selection by a label named as a property of every object finds those without it', async () => {
  expect(await listed({ entries: [entry(target('web'))] }, { 'label.constructor': '' })).toHaveLength(2)
})

test('a container of the agent’s name is listed beside the agents, by its id', async () => {
  const impostor = target('app-metrics-proxy', { id: 'f'.repeat(64) })
  const paths = (
    await listed({
      entries: [entry(impostor)],
      nodes: [node('node1', { advertise: 'all:1' }), node('node2', { advertise: 'all:1' })],
    })
  ).map(({ labels }) => [labels.instance, labels.__metrics_path__])
  expect(paths).toEqual([
    ['app-metrics-proxy@ffffffffffff', '/app-metrics-proxy/ffffffffffff/metrics'],
    ['app-metrics-proxy@node1', '/app-metrics-proxy/node1/metrics'],
    ['app-metrics-proxy@node2', '/app-metrics-proxy/node2/metrics'],
  ])
})

test('a service and a container on a node are distinct, whatever their names', async () => {
  const entries = [entry(task('a\nnode1', '1', { node: 'node2' })), entry(target('a'))]
  expect(await instances({ entries, nodes: two })).toEqual(['a@node1', 'a\nnode1.1'])
})

describe('what the managers know', () => {
  const swarmTarget = async (known: Known, cluster?: string) =>
    (await listedAll(known, {}, cluster)).filter(isSwarm)
  const inSwarm = (name: string, link: 'self' | 'lost' | 'up' = 'up') => node(name, { link })

  test('is one target of the cluster, the same from every agent', async () => {
    const lists = [
      [inSwarm('node2', 'self'), inSwarm('node1')],
      [inSwarm('node1', 'self'), inSwarm('node2')],
    ].map((nodes) => swarmTarget({ nodes, swarmState: swarmState([]) }, 'prod'))
    const [a, b] = await Promise.all(lists)
    const labels = {
      __metrics_path__: '/-/swarm',
      job: 'app-metrics-proxy',
      instance: 'swarm',
      cluster: 'prod',
    }
    expect(a).toEqual([{ targets: ['node1:2137'], labels }])
    expect(b).toEqual(a)
  })

  test('is read through an agent that is connected, and of a node in the Swarm', async () => {
    const nodes = [node('node0', { swarm: false }), inSwarm('node1', 'lost'), inSwarm('node2', 'self')]
    expect((await swarmTarget({ nodes })).map(({ targets }) => targets)).toEqual([['node2:2137']])
  })

  test('is no target outside a Swarm', async () => {
    expect(await swarmTarget({ nodes: [node('node1', { swarm: false })] })).toEqual([])
  })
})

describe('which replicas are listed', () => {
  test.each<[string, Known, readonly string[]]>([
    ['what has an endpoint', { entries: [entry(target('web'))] }, ['web@node1']],
    ['not what has none', { entries: [bare(target('db'))] }, []],
    [
      'what should have one by label',
      { entries: [bare(target('web', { labels: { 'prometheus.port': '80' } }))] },
      ['web@node1'],
    ],
    [
      'not what is off by label',
      { entries: [entry(target('web', { labels: { 'prometheus.ignore': '' } }))] },
      [],
    ],
    [
      'an entry of TARGETS, whether or not it answers',
      { entries: [bare(target('web', { url: 'http://x/' }))] },
      ['web@node1'],
    ],
    ['a stopped container that had one', { entries: [ended(target('web'), 137)] }, ['web@node1']],
    ['not one that exited with 0', { entries: [ended(target('web'), 0)] }, []],
    ['not one that was removed', { entries: [ended(target('web'), 137, true)] }, []],
    [
      'a recreated container once',
      { entries: [ended(target('web', { id: 'a' }), 1), entry(target('web', { id: 'b' }))] },
      ['web@node1'],
    ],
    [
      'one name on two nodes',
      {
        nodes: two,
        entries: [entry(target('web', { id: 'a' })), entry(target('web', { id: 'b', node: 'node2' }))],
      },
      ['web@node1', 'web@node2'],
    ],
    [
      'each slot that is wanted',
      { entries: [entry(task('demo_web', '1'))], swarmState: web(['1', '2', '4']) },
      ['demo_web.1', 'demo_web.2', 'demo_web.4'],
    ],
    [
      'slots without any container where the service’s labels set a port',
      { swarmState: web(['1', '2'], { labels: { 'prometheus.port': '80' } }) },
      ['demo_web.1', 'demo_web.2'],
    ],
    [
      'no slots of a service without metrics',
      { entries: [bare(task('demo_web', '1'))], swarmState: web(['1', '2']) },
      [],
    ],
    [
      'no slots of a service that is off',
      {
        entries: [entry(task('demo_web', '1'))],
        swarmState: web(['1'], { labels: { 'prometheus.scrape': 'false' } }),
      },
      [],
    ],
    [
      'a running slot that the managers don’t know yet',
      { entries: [entry(task('demo_web', '1')), entry(task('demo_web', '2'))], swarmState: web(['1']) },
      ['demo_web.1', 'demo_web.2'],
    ],
    [
      'not a stopped slot that isn’t wanted',
      { entries: [entry(task('demo_web', '1')), ended(task('demo_web', '2'), 137)], swarmState: web(['1']) },
      ['demo_web.1'],
    ],
    [
      'a wanted slot whose container exited with 0',
      { entries: [ended(task('demo_web', '1'), 0)], swarmState: web(['1']) },
      ['demo_web.1'],
    ],
    [
      'nothing of a service that was removed',
      { entries: [ended(task('demo_web', '1'), 143)], swarmState: swarmState([]) },
      [],
    ],
    [
      'nothing of a service of the same name that was removed',
      { entries: [ended(task('demo_node', ''), 143)], swarmState: swarmState([service('other')]) },
      [],
    ],
    [
      'two tasks in one slot once',
      {
        entries: [entry(task('demo_web', '1', { id: 'a' })), entry(task('demo_web', '1', { id: 'b' }))],
        swarmState: web(['1']),
      },
      ['demo_web.1'],
    ],
    [
      'each node’s task of a global service',
      {
        nodes: two,
        entries: [entry(task('demo_node', '')), entry(task('demo_node', '', { node: 'node2' }))],
      },
      ['demo_node@node1', 'demo_node@node2'],
    ],
    [
      'a global service’s task between two containers',
      {
        entries: [ended(task('demo_node', ''), 0)],
        swarmState: swarmState([service('demo_node', { mode: 'global' })]),
      },
      ['demo_node@node1'],
    ],
    [
      'not a global service’s task on a node that was drained',
      {
        entries: [ended(task('demo_node', ''), 143)],
        swarmState: swarmState([service('demo_node', { mode: 'global' })], []),
      },
      [],
    ],
    [
      'what a lost node had',
      { nodes: [node('node1', { link: 'lost' })], entries: [entry(target('web'))] },
      ['web@node1'],
    ],
    [
      'not a lost node’s slot that isn’t wanted any more',
      {
        nodes: [node('node1', { link: 'lost' }), node('node2')],
        entries: [entry(task('demo_web', '1', { node: 'node2' })), entry(task('demo_web', '2'))],
        swarmState: web(['1']),
      },
      ['demo_web.1'],
    ],
    [
      'a job that runs',
      {
        entries: [entry(task('demo_job', '1'))],
        swarmState: swarmState([service('demo_job', { mode: 'job', slots: [] })]),
      },
      ['demo_job.1'],
    ],
    [
      'a job that failed',
      {
        entries: [ended(task('demo_job', '1'), 1)],
        swarmState: swarmState([service('demo_job', { mode: 'job', slots: [] })]),
      },
      ['demo_job.1'],
    ],
    [
      'not a job that is done',
      {
        entries: [ended(task('demo_job', '1'), 0)],
        swarmState: swarmState([service('demo_job', { mode: 'job', slots: [] })]),
      },
      [],
    ],
  ])('%s', async (_, known, expected) => {
    expect(await instances(known)).toEqual(expected)
  })

  test('a container that takes a global service’s name doubles nothing', async () => {
    const known = { entries: [entry(target('demo_node')), entry(task('demo_node', ''))] }
    expect(await instances(known)).toEqual(['demo_node@node1'])
  })
})

describe('several endpoints of a container', () => {
  const second = { 'app-metrics-proxy.port.2': '9113' }
  const both = { 'prometheus.port': '80', ...second }

  test.each<[string, Known, readonly string[]]>([
    [
      'each, whatever its first scrape came to',
      { entries: [bare(target('web', { labels: both }))] },
      ['web@node1', 'web@node1:9113'],
    ],
    [
      'the second of a container without other metrics',
      { entries: [bare(target('web', { labels: second }))] },
      ['web@node1:9113'],
    ],
    [
      'once, though it has an entry of its own',
      { entries: [1, 2].map((n) => entry(target('web', { id: endpointId('c', n), labels: both }))) },
      ['web@node1', 'web@node1:9113'],
    ],
    [
      'not one that is off',
      { entries: [entry(target('web', { labels: { ...both, 'app-metrics-proxy.enabled.2': 'no' } }))] },
      ['web@node1'],
    ],
    [
      'one that is on, though the container is off',
      {
        entries: [
          entry(
            target('web', {
              labels: { ...both, 'prometheus.ignore': '', 'app-metrics-proxy.enabled.2': '' },
            }),
          ),
        ],
      },
      ['web@node1:9113'],
    ],
    [
      'of a stopped container',
      { entries: [ended(target('web', { labels: both }), 137)] },
      ['web@node1', 'web@node1:9113'],
    ],
    ['not of one that exited with 0', { entries: [ended(target('web', { labels: both }), 0)] }, []],
    [
      'of slots without any container',
      { swarmState: web(['1', '2'], { labels: second }) },
      ['demo_web.1:9113', 'demo_web.2:9113'],
    ],
    [
      'of a slot without a container as of the others',
      { entries: [entry(task('demo_web', '1', { labels: second }))], swarmState: web(['1', '2']) },
      ['demo_web.1', 'demo_web.1:9113', 'demo_web.2', 'demo_web.2:9113'],
    ],
    [
      'not of a slot whose container is from before it had one',
      {
        entries: [entry(task('demo_web', '1', { labels: second })), entry(task('demo_web', '2'))],
        swarmState: web(['1', '2']),
      },
      ['demo_web.1', 'demo_web.1:9113', 'demo_web.2'],
    ],
    [
      'not what the service’s labels no longer set',
      {
        entries: [1, 2].map((n) => entry(task('demo_web', '1', { id: endpointId('c', n) }))),
        swarmState: web(['1']),
      },
      ['demo_web.1'],
    ],
    [
      'of each node’s task of a global service',
      {
        entries: [entry(task('demo_node', '', { labels: both }))],
        swarmState: swarmState([service('demo_node', { mode: 'global' })]),
      },
      ['demo_node@node1', 'demo_node@node1:9113'],
    ],
    [
      'of a container of Compose',
      {
        entries: [
          entry(
            target('shop-web-1', {
              labels: both,
              place: { kind: 'compose', project: 'shop', service: 'web', number: '1' },
            }),
          ),
        ],
      },
      ['shop-web-1@node1', 'shop-web-1@node1:9113'],
    ],
  ])('lists %s', async (_, known, expected) => {
    expect(await instances(known)).toEqual(expected)
  })

  test('have the labels of their container, and what makes Prometheus scrape them', async () => {
    const labels = {
      ...{ ...both, 'app-metrics-proxy.job.2': 'nginx', 'app-metrics-proxy.label.2.part': 'proxy' },
      ...{ 'app-metrics-proxy.path.3': '/b', 'app-metrics-proxy.interval.3': '5' },
    }
    const all = await listed({
      entries: [entry(task('demo_web', '2', { id: 'c2', labels }))],
      swarmState: web(['2']),
    })
    const [first, third] = all.filter(({ labels }) => labels.job === 'demo_web')
    expect(third).toEqual({
      targets: first!.targets,
      labels: {
        ...first!.labels,
        ...{ instance: 'demo_web.2?endpoint=3', __param_endpoint: '3' },
        ...{ __scrape_interval__: '5s', __scrape_timeout__: '5s' },
      },
    })
    expect(all.find(({ labels }) => labels.job === 'nginx')).toEqual({
      targets: first!.targets,
      labels: {
        ...first!.labels,
        ...{ job: 'nginx', instance: 'demo_web.2:9113', __param_endpoint: '2', part: 'proxy' },
      },
    })
  })

  test('are found by their ids', () => {
    const labels = second
    const known = { entries: [1, 2].map((n) => entry(target('web', { id: endpointId('c', n), labels }))) }
    const { sd } = sdOf(known)
    const instanceOf = (id: string) => sd.targetOf('node1', id)?.labels.instance
    expect(['c', 'c/2', 'c/3'].map(instanceOf)).toEqual(['web@node1', 'web@node1:9113', undefined])
  })

  test('parameters of the container that mean something to the agent are not sent to it', async () => {
    const labels = { 'app-metrics-proxy.param.endpoint': '7', 'app-metrics-proxy.param.scope': 'all' }
    const [web] = (await listed({ entries: [entry(target('web', { labels }))] })).slice(-1)
    expect(Object.keys(web!.labels).filter((name) => name.startsWith('__param'))).toEqual([])
  })
})

describe('the labels of a target', () => {
  test('a replicated service’s, as Prometheus reads it', async () => {
    const labels = {
      'app-metrics-proxy.label.team': 'web',
      'app-metrics-proxy.interval': '30',
      'app-metrics-proxy.param.module': 'deep',
      'com.docker.swarm.task.id': 'x',
      'com.docker.stack.namespace': 'demo',
    }
    const known = {
      nodes: two,
      entries: [entry(task('demo_web', '2', { id: 'c2', node: 'node2', labels }))],
      swarmState: web(['2'], { labels: { 'com.docker.stack.namespace': 'demo', 'prometheus-job': 'shop' } }),
    }
    expect((await listed(known)).find(({ labels }) => labels.service === 'demo_web')).toEqual({
      targets: ['node2:2137'],
      labels: {
        __metrics_path__: '/demo_web/2/metrics',
        __scrape_interval__: '30s',
        __scrape_timeout__: '10s',
        __param_module: 'deep',
        job: 'shop',
        instance: 'demo_web.2',
        service: 'demo_web',
        stack: 'demo',
        slot: '2',
        cluster: 'swarm-id',
        team: 'web',
        __meta_dockerswarm_service_id: 'id-demo_web',
        __meta_dockerswarm_service_name: 'demo_web',
        __meta_dockerswarm_service_mode: 'replicated',
        __meta_dockerswarm_service_label_com_docker_stack_namespace: 'demo',
        __meta_dockerswarm_service_label_prometheus_job: 'shop',
        __meta_dockerswarm_task_id: 'task-c2',
        __meta_dockerswarm_task_slot: '2',
        __meta_dockerswarm_task_state: 'running',
        __meta_dockerswarm_task_desired_state: 'running',
        __meta_dockerswarm_task_container_id: 'c2',
        __meta_dockerswarm_container_label_app_metrics_proxy_label_team: 'web',
        __meta_dockerswarm_container_label_app_metrics_proxy_interval: '30',
        __meta_dockerswarm_container_label_app_metrics_proxy_param_module: 'deep',
        __meta_dockerswarm_container_label_com_docker_stack_namespace: 'demo',
        __meta_dockerswarm_node_id: 'node2',
        __meta_dockerswarm_node_hostname: 'node2',
        __meta_dockerswarm_node_address: '10.0.0.1',
        __meta_dockerswarm_node_role: 'worker',
        __meta_dockerswarm_node_status: 'ready',
        __meta_dockerswarm_node_availability: 'active',
      },
    })
  })

  test('the labels of its node, whatever they are named', async () => {
    const known = web(['1'])
    const nodeLabels = JSON.parse(
      '{"zone":"a","a-b":"1","a.b":"2","__proto__":"p","constructor":"c","é\\n":"x"}',
    )
    const labelled = { ...known.nodes.get('node1')!, labels: nodeLabels }
    const [, listedWeb] = await listed({
      entries: [entry(task('demo_web', '1'))],
      swarmState: { ...known, nodes: new Map([['node1', labelled]]) },
    })
    const prefix = '__meta_dockerswarm_node_label_'
    const found = Object.entries(listedWeb!.labels).filter(([name]) => name.startsWith(prefix))
    expect(Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]))).toEqual(
      JSON.parse('{"zone":"a","a_b":"1","__proto__":"p","constructor":"c","__":"x"}'),
    )
  })

  test.each<[string, Known, object]>([
    [
      'a global service’s',
      { entries: [entry(task('demo_node', ''))] },
      {
        __metrics_path__: '/demo_node/node1/metrics',
        job: 'demo_node',
        instance: 'demo_node@node1',
        node: 'node1',
        stack: 'demo',
        cluster: 'node1',
      },
    ],
    [
      'a standalone container’s',
      { entries: [entry(target('web'))] },
      {
        __metrics_path__: '/web/node1/metrics',
        job: 'web',
        instance: 'web@node1',
        service: 'web',
        node: 'node1',
      },
    ],
    [
      'one of Compose',
      {
        entries: [
          entry(
            target('shop-web-2', {
              place: { kind: 'compose', project: 'shop', service: 'web', number: '2' },
            }),
          ),
        ],
      },
      {
        __metrics_path__: '/shop-web-2/node1/metrics',
        job: 'shop_web',
        instance: 'shop-web-2@node1',
        service: 'shop_web',
        stack: 'shop',
        slot: '2',
        node: 'node1',
      },
    ],
    [
      'with Docker Flow’s short name',
      {
        entries: [
          entry(task('demo_web', '1', { labels: { 'com.df.notify': 'true', 'com.df.shortName': 'true' } })),
        ],
      },
      { job: 'web', service: 'demo_web', instance: 'demo_web.1' },
    ],
  ])('%s', async (_, known, labels) => {
    const one = (await listed(known)).find((one) => one.labels.job !== 'app-metrics-proxy')
    expect(one?.labels).toMatchObject(labels)
  })

  test('a replicated service’s node isn’t part of its identity', async () => {
    const on = (id: string) => ({
      nodes: [node('node1', { advertise: 'all:1' }), node('node2', { advertise: 'all:1' })],
      entries: [entry(task('demo_web', '1', { node: id }))],
    })
    const identity = ({ targets, labels }: Listed) => [
      targets,
      Object.entries(labels).filter(([name]) => !name.startsWith('__meta_') && name !== 'cluster'),
    ]
    const [first, second] = [
      await listed(on('node1'), { job: 'demo_web' }),
      await listed(on('node2'), { job: 'demo_web' }),
    ]
    expect(first.map(identity)).toEqual(second.map(identity))
  })

  test.each([
    ['its own interval and the usual timeout', { 'prometheus.interval': '5s' }, '5s', '5s'],
    [
      'a timeout within its interval',
      { 'prometheus.interval': '1m', 'prometheus.timeout': '1500ms' },
      '60s',
      '1500ms',
    ],
    [
      'a timeout alone is left out, since it might exceed the interval',
      { 'prometheus.timeout': '5s', 'prometheus.port': '80' },
      undefined,
      undefined,
    ],
  ])('%s', async (_, labels, interval, timeout) => {
    const [one] = await listed({ entries: [entry(target('web', { labels }))] }, { job: 'web' })
    expect(one?.labels.__scrape_interval__).toBe(interval)
    expect(one?.labels.__scrape_timeout__).toBe(timeout)
  })

  test('CLUSTER before the Swarm’s id', async () => {
    const all = await listed({ swarmState: web(['1'], { labels: { 'prometheus.port': '1' } }) }, {}, 'prod')
    expect(all.map(({ labels }) => labels.cluster)).toEqual(['prod', 'prod'])
  })
})

describe('the agents', () => {
  test('each agent’s own metrics, at its own address', async () => {
    expect(
      await listed({ nodes: [node('node2'), node('node1', { advertise: '[fd00::1]:2137' })] }, {}, 'x'),
    ).toEqual([
      {
        targets: ['[fd00::1]:2137'],
        labels: {
          __metrics_path__: '/metrics',
          job: 'app-metrics-proxy',
          instance: 'app-metrics-proxy@node1',
          service: 'app-metrics-proxy',
          cluster: 'x',
          node: 'node1',
        },
      },
      {
        targets: ['node2:2137'],
        labels: {
          __metrics_path__: '/metrics',
          job: 'app-metrics-proxy',
          instance: 'app-metrics-proxy@node2',
          service: 'app-metrics-proxy',
          cluster: 'x',
          node: 'node2',
        },
      },
    ])
  })

  test('through any agent where all share one address', async () => {
    const all = await listed({
      nodes: [node('node1', { advertise: 'all:1' }), node('node2', { advertise: 'all:1' })],
    })
    expect(all.map(({ targets, labels }) => [targets[0], labels.__metrics_path__])).toEqual([
      ['all:1', '/app-metrics-proxy/node1/metrics'],
      ['all:1', '/app-metrics-proxy/node2/metrics'],
    ])
  })

  test('two with one hostname are named by id, but a lost one gives its name up', async () => {
    const nodes = (link: 'up' | 'lost') => [
      node('id1', { hostname: 'same', link }),
      node('id2', { hostname: 'same' }),
    ]
    const names = async (link: 'up' | 'lost') =>
      (await listed({ nodes: nodes(link) })).map(({ labels }) => labels.node)
    expect(await names('up')).toEqual(['id1', 'id2'])
    expect(await names('lost')).toEqual(['id1', 'same'])
  })
})

describe('the answer', () => {
  test('has the same bytes whatever became known first', async () => {
    const entries = ['1', '2', '3', '10'].map((slot) =>
      entry(task('demo_web', slot, { node: slot === '2' ? 'node2' : 'node1' })),
    )
    const twice = [entry(task('demo_web', '1', { id: 'z', node: 'node2' }))]
    const [a, b] = [
      sdOf({ nodes: two, entries: [...entries, ...twice], swarmState: web(['1']) }),
      sdOf({ nodes: two.toReversed(), entries: [...twice, ...entries.toReversed()], swarmState: web(['1']) }),
    ]
    expect((await a.sd.answer({ query: {} })).body).toEqual((await b.sd.answer({ query: {} })).body)
  })

  test('selects by job and label', async () => {
    const labelled = (name: string, team: string) =>
      entry(target(name, { labels: { 'app-metrics-proxy.label.team': team } }))
    const known = { entries: [labelled('a', 'x'), labelled('b', 'x'), labelled('c', 'y')] }
    const names = async (query: object) => (await listed(known, query)).map(({ labels }) => labels.job)
    expect(await names({ job: 'a' })).toEqual(['a'])
    expect(await names({ job: ['a', 'c'] })).toEqual(['a', 'c'])
    expect(await names({ 'label.team': 'x' })).toEqual(['a', 'b'])
    expect(await names({ 'label.team': 'x', job: ['b', 'c'] })).toEqual(['b'])
    expect(await names({ job: 'nobody' })).toEqual([])
  })

  test('refuses a parameter that it doesn’t know', async () => {
    const { sd } = sdOf({})
    await expect(sd.answer({ query: { jop: 'a' } })).rejects.toMatchObject({
      code: 'bad_request',
      message: '"jop": not a parameter of /sd; job and label.<name> are',
    })
    await expect(sd.answer({ query: { 'label.__address__': 'a' } })).rejects.toMatchObject({
      code: 'bad_request',
    })
  })

  test('is refused with what is pending until it is complete', async () => {
    const { sd } = sdOf({}, undefined, ['the first round of probes', 'the digest of node2'])
    await expect(sd.answer({ query: {} })).rejects.toMatchObject({
      code: 'not_ready',
      message: 'not known yet, waiting for: the first round of probes, the digest of node2',
    })
  })

  test('is 304 for a client that has it, gzip for one that accepts it', async () => {
    const { sd, store } = sdOf({ entries: Array.from({ length: 50 }, (_, at) => entry(target(`web${at}`))) })
    const first = await sd.answer({ query: {}, acceptEncoding: 'gzip, deflate' })
    expect(first.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/json; charset=utf-8',
    })
    const again = await sd.answer({ query: {}, ifNoneMatch: first.headers.etag })
    expect(again.status).toBe(304)
    store.become({})
    expect((await sd.answer({ query: {}, ifNoneMatch: first.headers.etag })).status).toBe(200)
  })

  test('is rebuilt for a change of a container, not for a scrape', async () => {
    const before = entry(target('web'))
    const { sd, store } = sdOf({ entries: [before] })
    const first = await sd.answer({ query: {} })
    const now = { ...before, history: [{ ok: true, durationMs: 1 }] }
    store.become({ entries: [now] }, { kind: 'entry', entry: now, before })
    expect((await sd.answer({ query: {} })).body).toBe(first.body)
    const last = { ...now, ended: { at: 1, exitCode: 0, removed: false } }
    store.become({ entries: [last] }, { kind: 'entry', entry: last, before: now })
    expect((await sd.answer({ query: {} })).body).not.toBe(first.body)
  })

  test('is rebuilt once a container shows metrics', async () => {
    const before = bare(target('web'))
    const { sd, store } = sdOf({ entries: [before] })
    const first = await sd.answer({ query: {} })
    const now = entry(before.target)
    store.become({ entries: [now] }, { kind: 'entry', entry: now, before })
    expect((await sd.answer({ query: {} })).body).not.toBe(first.body)
  })
})

test('whatever labels and names contain, the list is valid and has no target twice', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 })
  const key = fc.oneof(
    fc.constantFrom(
      'app-metrics-proxy.job',
      'prometheus.interval',
      'prometheus.timeout',
      'com.df.shortName',
      '__proto__',
    ),
    text.map((name) => `app-metrics-proxy.label.${name}`),
    text.map((name) => `app-metrics-proxy.param.${name}`),
    text,
  )
  const containers = fc.array(fc.tuple(fc.dictionary(key, text), text, fc.constantFrom('1', '2')), {
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(containers, async (all) => {
      const entries = all.flatMap(([labels, name, slot], at) => [
        entry(target(name, { id: `a${at}`, labels })),
        entry(task('demo_web', slot, { id: `b${at}`, labels })),
      ])
      const targets = await listed({ entries })
      const identities = targets.map(({ labels }) => `${labels.job} ${labels.instance}`)
      expect(new Set(identities).size).toBe(identities.length)
      const names = targets.flatMap(({ labels }) => Object.keys(labels))
      expect(names.filter((name) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))).toEqual([])
    }),
    { numRuns: 100 },
  )
})

describe('in whatever order containers became known', () => {
  const tasks = ['1', '2', '3', '4'].map((slot) => task(`demo_${slot < '3' ? 'web' : 'api'}`, slot))
  const targets = [
    ...tasks,
    task('demo_web', '1', { id: 'second', node: 'node2' }),
    task('demo_node', '', { node: 'node2' }),
    target('alone'),
    target('alone', { id: 'recreated' }),
  ]
  const phases = ['absent', 'bare', 'shown', 'ended'] as const
  const known = targets.map((one) => ({ bare: bare(one), shown: entry(one), ended: ended(one, 137) }))
  const services = ['demo_web', 'demo_api', 'demo_node'].map(
    (name) =>
      [
        service(name, { slots: ['1', '3'] }),
        service(name, { slots: ['2', '3'], labels: { 'prometheus.port': '80' } }),
        service(name, { mode: 'global' }),
      ] as const,
  )
  const state = fc.record({
    phases: fc.tuple(...targets.map(() => fc.constantFrom(...phases))),
    declared: fc.option(fc.tuple(...services.map((of) => fc.constantFrom(undefined, ...of)))),
    lost: fc.boolean(),
  })

  test('every agent lists the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(state, async ({ phases, declared, lost }) => {
        const entries = phases.flatMap((phase, at) => (phase === 'absent' ? [] : [known[at]![phase]]))
        const nodes = [node('node1'), node('node2', lost ? { link: 'lost' } : {})]
        const declaredServices = declared?.filter((one) => one !== undefined)
        const swarm = declaredServices && { swarmState: swarmState(declaredServices, ['node1']) }
        const views: readonly Known[] = [
          { nodes, entries, ...swarm },
          { nodes: nodes.toReversed(), entries: entries.toReversed(), ...swarm },
        ]
        const [one, other] = await Promise.all(views.map((view) => sdOf(view).sd.answer({ query: {} })))
        expect(other!.body.toString()).toBe(one!.body.toString())
      }),
      { numRuns: 300 },
    )
  })
})

describe('one target', () => {
  const known = {
    nodes: [node('node1'), node('node2')],
    entries: [entry(task('demo_web', '1')), entry(target('cron', { node: 'node2' })), bare(target('db'))],
  }

  test.each([
    ['node1', 'demo_web-1-node1', 'demo_web.1'],
    ['node2', 'cron', 'cron@node2'],
    ['node2', 'agent', 'app-metrics-proxy@node2'],
  ])('of %s with id %s is %s, as the list has it', async (owner, id, instance) => {
    const found = sdOf(known).sd.targetOf(owner, id)
    const line = (await listed(known)).find(({ labels }) => labels.instance === instance)
    expect(line).toBeDefined()
    expect(found).toEqual(line)
  })

  test('is none if the list has none, or is not complete', () => {
    expect(sdOf(known).sd.targetOf('node1', 'db')).toBeUndefined()
    expect(sdOf(known).sd.targetOf('node2', 'demo_web-1-node1')).toBeUndefined()
    expect(sdOf(known, undefined, ['peers']).sd.targetOf('node2', 'cron')).toBeUndefined()
  })
})
