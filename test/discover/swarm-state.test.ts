import { describe, expect, test } from 'vitest'
import type { ApiNode, ApiService, ApiTask } from '../../src/discover/docker-api.ts'
import { isConverging, swarmStateOf } from '../../src/discover/swarm-state.ts'
import type { SwarmState } from '../../src/model.ts'
import { swarm } from './recorded.ts'

const service = (spec: object, rest: object = {}): ApiService => ({
  ID: 's',
  Spec: { Name: 'web', ...spec },
  ...rest,
})
const task = (ID: string, Slot: number, CreatedAt = '2026-11-21T02:22:06.5Z'): ApiTask => ({
  ID,
  ServiceID: 's',
  Slot,
  CreatedAt,
})
const replicated = (Replicas: number) => ({ Mode: { Replicated: { Replicas } } })

const only = (one: ApiService, tasks: ApiTask[] = [], allowed: string[] = []) =>
  swarmStateOf('c', { services: [one], tasks, nodes: [] }, { allowedLabels: allowed }).services.get('s')!

const taskContainers = ['0781859b642a72a0', '1900ae29c207fb6e', '258e10e32f1d8b0e', 'fe1d4c51842cf497']
const textOf = (swarmState: SwarmState) =>
  JSON.stringify(swarmState, (_, value) => (value instanceof Map ? [...value] : value))

describe('the swarm state', () => {
  test('of a recorded Swarm', () => {
    expect(swarmStateOf('jsk', swarm, { allowedLabels: [] })).toEqual({
      swarmId: 'jsk',
      nodes: new Map([
        [
          'oh1tzdwddc082h6uv3o59oun7',
          {
            hostname: 'vm',
            address: '10.99.0.1',
            role: 'manager',
            state: 'ready',
            availability: 'active',
            engineVersion: '20.10.24+dfsg1',
            labels: {},
          },
        ],
      ]),
      services: new Map<string, unknown>([
        [
          'agpzlupi69r3dhqzckwgvjv6k',
          {
            name: 'demo_web',
            mode: 'replicated',
            replicas: 2,
            slots: ['1', '2'],
            labels: {
              'com.df.notify': 'true',
              'com.df.scrapePort': '8080',
              'com.docker.stack.image': 'bb:2',
              'com.docker.stack.namespace': 'demo',
            },
            taskOrder: expect.any(Map),
            running: 2,
            taskStates: new Map([['running', 2]]),
          },
        ],
        ['bo4kuauu576hw489cnbijedk2', expect.objectContaining({ name: 'demo_hidden', slots: ['1'] })],
        [
          'ogt6nvkyaxpteet7n1yh2mjqj',
          expect.objectContaining({ name: 'job', mode: 'job', replicas: 0, slots: [] }),
        ],
        [
          'ze2hs8urzv6ciwzikiburlfl9',
          expect.objectContaining({ name: 'demo_agent', mode: 'global', replicas: 1, slots: [] }),
        ],
      ]),
      containers: new Map([['oh1tzdwddc082h6uv3o59oun7', taskContainers]]),
    })
  })

  test('is the same whatever the order of the lists', () => {
    const { services, tasks, nodes } = swarm
    const turned = { services: services.toReversed(), tasks: tasks.toReversed(), nodes: nodes.toReversed() }
    expect(textOf(swarmStateOf('c', turned, { allowedLabels: [] }))).toBe(
      textOf(swarmStateOf('c', swarm, { allowedLabels: [] })),
    )
  })

  test('lists the containers of tasks by node; tasks of jobs appear nowhere else', () => {
    const on = (NodeID: string, ContainerID: string, rest: Partial<ApiTask> = {}) => ({
      ...task(ContainerID, 1),
      ...rest,
      NodeID,
      Status: { ContainerStatus: { ContainerID } },
    })
    const tasks = [
      on('n2', 'c'.repeat(64)),
      on('n1', 'b'.repeat(64)),
      on('n1', 'a'.repeat(64), { DesiredState: 'complete', Slot: 7 }),
      { ...task('none', 2), NodeID: 'n1', Status: {} },
    ]
    const { containers, services } = swarmStateOf(
      'c',
      { services: [service(replicated(2))], tasks, nodes: [] },
      { allowedLabels: [] },
    )
    expect([...containers]).toEqual([
      ['n1', ['a'.repeat(16), 'b'.repeat(16)]],
      ['n2', ['c'.repeat(16)]],
    ])
    expect(services.get('s')!.slots).toEqual(['1', '2'])
  })

  test('keeps the gaps of scaling down, in the order of numbers', () => {
    const { slots } = only(service(replicated(3)), [task('c', 10), task('a', 2), task('b', 9)])
    expect(slots).toEqual(['2', '9', '10'])
  })

  test('names the tasks of a slot that runs twice, oldest first', () => {
    const hour = '2026-11-21T01:22:07.1Z'
    const tasks = [task('new', 2), task('old', 2, hour), task('one', 1, hour)]
    const { slots, taskOrder } = only(service(replicated(2)), tasks)
    expect(slots).toEqual(['1', '2'])
    expect(taskOrder).toEqual(new Map([['2', ['old', 'new']]]))
  })

  test('names the task of a slot that was replaced recently: its previous container may still run', () => {
    const at = (time: string) => `2026-11-21T${time}Z`
    const tasks = [
      task('new', 1, at('02:22:06.5')),
      task('young', 2, at('02:17:07')),
      task('old', 3, at('02:17:06')),
    ]
    expect(only(service(replicated(3)), tasks).taskOrder).toEqual(
      new Map([
        ['1', ['new']],
        ['2', ['young']],
      ]),
    )
    const many = Array.from({ length: 501 }, (_, slot) => task(`t${slot}`, slot + 1))
    expect(only(service(replicated(501)), many.slice(1)).taskOrder.get('501')).toEqual(['t500'])
    expect(only(service(replicated(501)), many).taskOrder).toEqual(new Map())
  })

  test('omits labels that are not exported', () => {
    const labels = { Labels: { 'com.df.notify': 'true', team: 'blue', secret: 'x' } }
    expect(only(service(labels), [], ['team']).labels).toEqual({ 'com.df.notify': 'true', team: 'blue' })
  })

  test('counts the replicas that run, each slot once, and the tasks by state', () => {
    const at = (ID: string, Slot: number, State: string): ApiTask => ({
      ...task(ID, Slot),
      Status: { State },
    })
    const tasks = [at('a', 1, 'running'), at('b', 1, 'running'), at('c', 2, 'starting'), task('d', 3)]
    const { running, taskStates } = only(service(replicated(3)), tasks)
    expect(running).toBe(1)
    expect([...taskStates]).toEqual([
      ['', 1],
      ['running', 2],
      ['starting', 1],
    ])
  })

  test('counts the nodes on which a global service runs', () => {
    const on = (ID: string, NodeID: string): ApiTask => ({
      ...{ ID, ServiceID: 's', NodeID },
      Status: { State: NodeID === 'n3' ? 'preparing' : 'running' },
    })
    const tasks = [on('a', 'n1'), on('b', 'n1'), on('c', 'n2'), on('d', 'n3')]
    expect(only(service({ Mode: { Global: {} } }), tasks).running).toBe(2)
  })

  test('counts the tasks of a job, which are no replicas', () => {
    const tasks = [{ ...task('a', 1), DesiredState: 'complete', Status: { State: 'complete' } }]
    const job = only(service({ Mode: { ReplicatedJob: {} } }), tasks)
    expect([job.running, [...job.taskStates], job.slots]).toEqual([0, [['complete', 1]], []])
  })

  test('has the state of a service’s update once there was one', () => {
    expect(only(service({}))).not.toHaveProperty('updateState')
    expect(only(service({}, { UpdateStatus: { State: 'paused' } })).updateState).toBe('paused')
  })

  test('has the labels of nodes that may leave, also where keys are names of every object’s properties', () => {
    const Labels = JSON.parse('{"zone":"a","secret":"x","__proto__":"p","constructor":"c"}')
    const nodes: ApiNode[] = [{ ID: '__proto__', Spec: { Labels }, Description: null! }]
    const lists = { services: [], tasks: [], nodes }
    const state = swarmStateOf('c', lists, { allowedLabels: ['zone', '__proto__', 'constructor'] })
    const { labels, engineVersion } = state.nodes.get('__proto__')!
    expect(Object.entries(labels)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['zone', 'a'],
    ])
    expect(engineVersion).toBe('')
  })

  test('takes the address of a manager without one of its own from the managers’ list', () => {
    const nodes: ApiNode[] = [
      { ID: 'n', Status: { Addr: '0.0.0.0' }, ManagerStatus: { Addr: '10.0.0.7:2377' } },
    ]
    expect(
      swarmStateOf('c', { services: [], tasks: [], nodes }, { allowedLabels: [] }).nodes.get('n'),
    ).toMatchObject({
      address: '10.0.0.7',
    })
  })
})

test.each<[string, ApiService, ApiTask[], boolean]>([
  ['all replicas exist', service(replicated(1)), [task('a', 1)], false],
  ['tasks are missing', service(replicated(2)), [task('a', 1)], true],
  ['tasks are too many', service(replicated(0)), [task('a', 1)], true],
  ['an update runs', service(replicated(1), { UpdateStatus: { State: 'updating' } }), [task('a', 1)], true],
  ['it is being rolled back', service({}, { UpdateStatus: { State: 'rollback_started' } }), [], true],
  ['an update was paused', service({}, { UpdateStatus: { State: 'paused' } }), [], false],
  ['a global service', service({ Mode: { Global: {} } }), [], false],
])('whether Swarm is still changing a service: %s', (_, one, tasks, expected) => {
  expect(isConverging({ services: [one], tasks, nodes: [] })).toBe(expected)
})
