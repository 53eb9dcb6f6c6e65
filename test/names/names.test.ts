import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entry, NodeView, SwarmState } from '../../src/model.ts'
import { createNames } from '../../src/names/names.ts'
import type { NameQuery, Resolution } from '../../src/names/resolution.ts'
import { legacyName } from '../../src/names/resources.ts'
import { swarmState as swarmStateOf } from '../helpers/cluster.ts'
import {
  composed,
  container,
  createWorld,
  declared,
  globalTask,
  node,
  standalone,
  task,
} from '../store/world.ts'

const threeNodes = [node('n1', 'one', 'self'), node('n2', 'two'), node('n3', 'three')]
const nameFromLabels = (labels: Readonly<Record<string, string>>) => labels['app-metrics-proxy.name']

interface Cluster {
  readonly entries: readonly Entry[]
  readonly nodes?: readonly NodeView[]
  readonly swarmState?: SwarmState
}

function ask({ entries, nodes = threeNodes, swarmState }: Cluster, question: string, node = 'n1'): string {
  const world = createWorld(entries, nodes)
  world.declare(swarmState)
  return textOf(createNames(world, nameFromLabels).lookUp(queryOf(question, node)))
}

/** `/name/replica?scope=node` */
function queryOf(text: string, node: string): NameQuery {
  const [path = '', scope] = text.split('?scope=')
  const [name = '', replica] = path.split('/')
  return { name, node, ...(replica && { replica }), ...(scope === 'node' && { scope }) }
}

/** A resolution in one line. */
function textOf(resolution: Resolution): string {
  if (resolution.kind === 'one') return `${resolution.entry.target.name} on ${resolution.entry.owner}`
  if (resolution.kind === 'elsewhere') return 'elsewhere'
  if (resolution.kind === 'replicas')
    return `${resolution.fullName}: ${resolution.replicas.map(({ slot, entry }) => `${slot}@${entry?.owner ?? 'nowhere'}`).join(' ')}`
  const { code, reason, hint } = resolution.failure
  return [code, reason, ...(hint ? [hint] : [])].join('; ')
}

const ended = { at: 5, exitCode: 1, removed: false }
const web = [task('n1', 'demo_web', 1), task('n2', 'demo_web', 2)]

describe('the original’s short name', () => {
  test.each([
    ['demo_web.1.k3sp6t6qlx', 'web'],
    ['my_stack_web.1.k3sp6t6qlx', 'stack'],
    ['node-exporter', 'node-exporter'],
    ['node.exporter', 'node'],
    ['proj_web_1', 'web'],
    ['proj-web-1', 'proj-web-1'],
    ['a_b.c_d', 'b'],
    ['_x', 'x'],
    ['x_', ''],
  ])('%s becomes %s', (name, short) => {
    expect(legacyName(name)).toBe(short)
  })
})

describe('levels', () => {
  const entries = [
    ...web,
    standalone('n1', 'web'),
    standalone('n1', 'old_style.thing'),
    composed('n1', 'shop', 'cart'),
    composed('n1', 'till', 'bill', 1, '_'),
    task('n1', 'my_stack_api', 1),
    standalone('n1', 'Cased.Name-1_x', { labels: { 'app-metrics-proxy.name': 'nice' } }),
  ]
  test.each([
    ['demo_web', 'demo_web: 1@n1 2@n2', 'a full service name'],
    ['demo_web.1.task1n1', 'demo_web.1.task1n1 on n1', 'a container of a service'],
    ['web', 'web on n1', 'a container’s name before a short service name'],
    ['shop-cart-1', 'shop-cart-1 on n1', 'a container of Compose'],
    ['till_bill_1', 'till_bill_1 on n1', 'a container of the first Compose'],
    ['shop_cart', 'shop_cart: 1@n1', 'a full Compose service name'],
    ['cart', 'shop_cart: 1@n1', 'a short Compose service name'],
    ['bill', 'till_bill: 1@n1', 'a short service name of the first Compose'],
    ['api', 'my_stack_api: 1@n1', 'a short name in a stack with an underscore'],
    ['stack', 'my_stack_api: 1@n1', 'the original’s name of it'],
    ['style', 'old_style.thing on n1', 'the original’s name of a container'],
    ['nice', 'Cased.Name-1_x on n1', 'a name by label'],
    ['Cased.Name-1_x', 'Cased.Name-1_x on n1', 'capitals, dots, dashes, underscores'],
  ])('%s is %s: %s', (name, answer) => {
    expect(ask({ entries }, name)).toBe(answer)
  })

  test('a label on a service names the service', () => {
    const swarmState = declared({ name: 'demo_web', labels: { 'app-metrics-proxy.name': 'shop' } })
    expect(ask({ entries: web, swarmState }, 'shop')).toBe('demo_web: 1@n1 2@n2')
  })

  test('a service that the managers know has its names before any container of it is known', () => {
    const swarmState = declared({ name: 'demo_web', slots: ['1', '2'] })
    expect(ask({ entries: [], swarmState }, 'web')).toBe('demo_web: 1@nowhere 2@nowhere')
  })
})

describe('ambiguity', () => {
  test.each<[string, readonly Entry[], string, string]>([
    [
      'one service in two stacks',
      [...web, task('n1', 'prod_web', 1)],
      'web',
      'ambiguous; "web" means more than one thing; request one of /demo_web/metrics /prod_web/metrics',
    ],
    [
      'a container that is named like a service, on whatever node',
      [...web, standalone('n3', 'demo_web')],
      'demo_web',
      `ambiguous; "demo_web" means more than one thing; request one of ${[
        ...web,
        standalone('n3', 'demo_web'),
      ]
        .map(({ target }) => `/demo_web/${target.id.slice(0, 12)}/metrics`)
        .join(' ')}`,
    ],
    [
      'two Compose projects on the receiving node',
      [composed('n1', 'a', 'web'), composed('n1', 'b', 'web')],
      'web',
      'ambiguous; "web" means more than one thing; request one of /a_web/metrics /b_web/metrics',
    ],
    [
      'one standalone name on two other nodes',
      [standalone('n2', 'cadvisor'), standalone('n3', 'cadvisor')],
      'cadvisor',
      'ambiguous; "cadvisor" means more than one thing; request one of /cadvisor/two/metrics /cadvisor/three/metrics',
    ],
    [
      'one Compose name on two other nodes',
      [composed('n2', 'a', 'web'), composed('n3', 'a', 'web')],
      'web',
      'ambiguous; "web" means more than one thing; request one of /a_web/two/metrics /a_web/three/metrics',
    ],
  ])('%s', (_what, entries, name, answer) => {
    expect(ask({ entries }, name)).toBe(answer)
  })

  test('what no longer runs gives way to what does', () => {
    const entries = [standalone('n2', 'x', { ended }), standalone('n3', 'x')]
    expect(ask({ entries }, 'x')).toBe('x on n3')
  })

  test('but never the receiving node’s own to another node’s', () => {
    const entries = [standalone('n1', 'x', { ended }), standalone('n3', 'x')]
    expect(ask({ entries }, 'x')).toBe('x on n1')
  })

  test('the receiving node’s own comes first', () => {
    const entries = [standalone('n1', 'x'), standalone('n2', 'x')]
    expect([ask({ entries }, 'x', 'n1'), ask({ entries }, 'x', 'n2')]).toEqual(['x on n1', 'x on n2'])
  })

  test('of many things only the first are listed and the others counted', () => {
    const entries = Array.from({ length: 23 }, (_, n) => task('n1', `s${n + 10}_web`, 1))
    const answer = ask({ entries }, 'web')
    expect(answer).toMatch(/request one of \/s10_web\/metrics .* \/s29_web\/metrics and 3 more$/)
  })

  test('two nodes with one hostname have paths by their ids', () => {
    const nodes = [node('n1', 'one', 'self'), node('n2', 'same'), node('n3', 'same')]
    const entries = [standalone('n2', 'x'), standalone('n3', 'x')]
    expect(ask({ entries, nodes }, 'x')).toContain('request one of /x/n2/metrics /x/n3/metrics')
    expect(ask({ entries, nodes }, 'x/n3')).toBe('x on n3')
    expect(ask({ entries, nodes }, 'x/same', 'n2')).toMatch(/^ambiguous; "x\/same" means more than one thing/)
  })

  test('a hostname means the node that is connected, not what it was before it joined or left a Swarm', () => {
    const nodes = [node('n1', 'one', 'self'), node('new', 'same'), node('old', 'same', 'lost')]
    const entries = ['old', 'new'].flatMap((id) => [standalone(id, 'x'), globalTask(id, 'demo_glob')])
    expect(ask({ entries, nodes }, 'x/same')).toBe('x on new')
    expect(ask({ entries, nodes }, 'x/old')).toBe('x on old')
    expect(ask({ entries, nodes }, 'x')).toContain('request one of /x/old/metrics /x/same/metrics')
    expect(ask({ entries, nodes }, 'demo_glob/same')).toMatch(/ on new$/)
  })
})

describe('the agents’ own name', () => {
  const agent = (owner: string): Entry => {
    const entry = standalone(owner, 'app-metrics-proxy')
    return { ...entry, target: { ...entry.target, id: 'agent' } }
  }
  const agents = [agent('n1'), agent('n2')]
  const impostor = standalone('n1', 'app-metrics-proxy')
  const composedOne = composed('n1', 'app-metrics', 'proxy', 1)
  const entries = [
    impostor,
    ...agents,
    { ...composedOne, target: { ...composedOne.target, name: 'x' } },
    globalTask('n1', 'app-metrics-proxy'),
    standalone('n2', 'y', { labels: { 'app-metrics-proxy.name': 'app-metrics-proxy' } }),
  ]
  const swarmState = declared({ name: 'app-metrics-proxy', mode: 'global', slots: [] })
  const who = (question: string) => {
    const world = createWorld(entries, threeNodes)
    world.declare(swarmState)
    const answer = createNames(world, nameFromLabels).lookUp(queryOf(question, 'n1'))
    return answer.kind === 'one'
      ? `${answer.entry.target.id.slice(0, 12)}@${answer.entry.owner}`
      : textOf(answer)
  }

  test.each([
    ['app-metrics-proxy', 'agent@n1'],
    ['app-metrics-proxy/one', 'agent@n1'],
    ['app-metrics-proxy/n2', 'agent@n2'],
    ['app-metrics-proxy?scope=node', 'agent@n1'],
  ])('%s is always an agent', (question, expected) => {
    expect(who(question)).toBe(expected)
  })

  test('leaves a container of that name its id', () => {
    const id = impostor.target.id.slice(0, 12)
    expect(who(`app-metrics-proxy/${id}`)).toBe(`${id}@n1`)
    expect(who('app-metrics-proxy/nowhere')).toMatch(/^not_found; .*no replica "nowhere"/)
  })
})

describe('the path that /sd gives for a replica', () => {
  const posing = container('n1', 'posing', { kind: 'compose', project: 'demo', service: 'web', number: '1' })
  const added = { labels: { 'app-metrics-proxy.name': 'plain' } }

  test.each([
    ['running', {}, 'demo_web.1.task1n2 on n2'],
    ['ended', { ended }, 'demo_web.1.task1n2 on n2'],
  ])('is of the Swarm service’s slot, %s, whatever Compose’s labels say', (_, traits, expected) => {
    const entries = [posing, task('n2', 'demo_web', 1, traits)]
    expect(ask({ entries }, 'demo_web/1')).toBe(expected)
    expect(ask({ entries, swarmState: declared({}) }, 'demo_web/1')).toBe(expected)
    expect(ask({ entries: [posing], swarmState: declared({}) }, 'demo_web/1')).toMatch(/^stopped/)
  })

  test('is of the container with that name, whatever a label adds', () => {
    const entries = [
      standalone('n1', 'plain'),
      standalone('n1', 'x', added),
      { ...posing, target: { ...posing.target, ...added } },
    ]
    expect(ask({ entries }, 'plain/one')).toBe('plain on n1')
    expect(ask({ entries }, 'plain')).toMatch(/^ambiguous/)
    expect(ask({ entries }, `plain/${entries[1]!.target.id.slice(0, 12)}`)).toBe('x on n1')
  })
})

describe('similar names', () => {
  test('of two projects is never one thing', () => {
    const entries = [composed('n1', 'shop', 'api_db'), composed('n1', 'shop_api', 'db')]
    expect(ask({ entries }, 'shop_api_db')).toMatch(
      /^ambiguous; "shop_api_db" means more than one thing; request one of (\/shop_api_db\/[0-9a-f]{12}\/metrics ?){2}$/,
    )
    expect(ask({ entries }, 'shop_api_db/1')).toMatch(/^ambiguous/)
    for (const { target } of entries)
      expect(ask({ entries }, `shop_api_db/${target.id.slice(0, 12)}`)).toBe(`${target.name} on n1`)
  })

  test('of one node’s id and another’s name is never one thing', () => {
    const entries = [standalone('n1 a', 'b'), standalone('n1', 'a b')]
    const nodes = [node('n1', 'one', 'self'), node('n1 a', 'two')]
    expect(ask({ entries, nodes }, 'b')).toBe('b on n1 a')
    expect(ask({ entries, nodes }, 'a b')).toBe('a b on n1')
  })

  test('two running containers of one number in Compose have paths by their ids, and neither is the number', () => {
    const [one, two] = ['a', 'b'].map((name) =>
      container('n1', name, { kind: 'compose', project: 'shop', service: 'web', number: '1' }),
    )
    const entries = [one!, two!, composed('n1', 'shop', 'web', 2)]
    const ids = [one!, two!].map(({ target }) => target.id.slice(0, 12)).sort()
    const shown = ask({ entries }, 'shop_web').split(': ')[1]!.split(' ')
    expect(shown.sort()).toEqual([...ids, '2'].map((slot) => `${slot}@n1`).sort())
    expect(ask({ entries }, 'shop_web/1')).toMatch(/^ambiguous/)
    expect(ask({ entries }, `shop_web/${two!.target.id.slice(0, 12)}`)).toBe('b on n1')
  })
})

describe('unknown names', () => {
  test.each([
    [
      'demo_wbe',
      'not_found; no container or service is named "demo_wbe"; request one of /demo_web/metrics /web/metrics',
    ],
    [
      'DEMO_WEB',
      'not_found; no container or service is named "DEMO_WEB"; request one of /demo_web/metrics /web/metrics',
    ],
    ['prod_web', 'not_found; no container or service is named "prod_web"; request /web/metrics'],
    ['nothing-like-it', 'not_found; no container or service is named "nothing-like-it"'],
    ['..%2Fetc', 'not_found; no container or service is named "..%2Fetc"'],
    ['__proto__', 'not_found; no container or service is named "__proto__"'],
    ['', 'not_found; no container or service is named ""'],
  ])('%j', (name, answer) => {
    expect(ask({ entries: web }, name)).toBe(answer)
  })

  test('the suggested paths are encoded', () => {
    expect(ask({ entries: [standalone('n1', 'ü #1')] }, 'ü #2')).toBe(
      'not_found; no container or service is named "ü #2"; request /%C3%BC%20%231/metrics',
    )
  })

  test('a very long name is cut in the error', () => {
    const answer = ask({ entries: web }, 'x'.repeat(10_000))
    expect(answer).toBe(`not_found; no container or service is named "${'x'.repeat(200)}…"`)
  })
})

describe('replicas', () => {
  const entries = [
    ...web,
    globalTask('n1', 'demo_node'),
    globalTask('n2', 'demo_node'),
    standalone('n2', 'x'),
  ]
  test.each([
    ['demo_web/2', 'demo_web.2.task2n2 on n2'],
    ['demo_web/two', 'demo_web.2.task2n2 on n2'],
    ['web/n1', 'demo_web.1.task1n1 on n1'],
    ['demo_node', 'demo_node.n1.taskn1 on n1'],
    ['demo_node/two', 'demo_node.n2.taskn2 on n2'],
    ['demo_node/n2', 'demo_node.n2.taskn2 on n2'],
    ['x/two', 'x on n2'],
    [`demo_web/${web[1]!.target.id.slice(0, 12)}`, 'demo_web.2.task2n2 on n2'],
    [`demo_web/${web[1]!.target.id}`, 'demo_web.2.task2n2 on n2'],
    [
      'demo_web/3',
      'not_found; "demo_web" has no replica "3"; request one of /demo_web/1/metrics /demo_web/2/metrics',
    ],
    [
      'node/three',
      'not_found; "node" has no replica "three"; request one of /node/one/metrics /node/two/metrics',
    ],
    ['x/one', 'not_found; "x" has no replica "one"; request /x/two/metrics'],
    ['demo_web?scope=node', 'demo_web: 1@n1'],
    ['demo_node?scope=node', 'demo_node.n1.taskn1 on n1'],
    ['x?scope=node', 'elsewhere'],
  ])('%s', (question, answer) => {
    expect(ask({ entries }, question)).toMatch(answer)
  })

  test('a global service without a task on the receiving node names the nodes that have one', () => {
    expect(ask({ entries }, 'demo_node', 'n3')).toBe(
      'not_found; "demo_node" has no container on three; request one of /demo_node/one/metrics /demo_node/two/metrics',
    )
    expect(ask({ entries }, 'demo_node?scope=node', 'n3')).toBe('elsewhere')
  })

  test('two replicas on one node can’t be distinguished by the node', () => {
    const both = [task('n2', 'demo_web', 1), task('n2', 'demo_web', 2)]
    expect(ask({ entries: both }, 'demo_web/two')).toMatch(/^ambiguous; "demo_web\/two"/)
  })

  test('numbers of Compose belong to the node: the receiving node’s own first', () => {
    const both = [composed('n1', 'a', 'web', 1), composed('n2', 'a', 'web', 1), composed('n2', 'a', 'web', 2)]
    expect(ask({ entries: both }, 'a_web/1')).toBe('a-web-1 on n1')
    expect(ask({ entries: both }, 'a_web/2')).toBe('a-web-2 on n2')
    expect(ask({ entries: both }, 'a_web/two')).toBe('a_web: 1@n2 2@n2')
  })

  test('a slot comes before a node of that name, and a node before a container’s id', () => {
    const id = web[0]!.target.id.slice(0, 12)
    const nodes = [node('n1', '2', 'self'), node('n2', id)]
    expect(ask({ entries: web, nodes }, 'demo_web/2')).toBe('demo_web.2.task2n2 on n2')
    expect(ask({ entries: web, nodes }, `demo_web/${id}`)).toBe('demo_web.2.task2n2 on n2')
  })

  test('an id shorter than Docker shows it matches nothing', () => {
    const answer = ask({ entries: web }, `demo_web/${web[1]!.target.id.slice(0, 11)}`)
    expect(answer).toMatch(/^not_found; "demo_web" has no replica/)
  })

  test('slots come in the order of their numbers', () => {
    const many = [task('n1', 'w', 10), task('n1', 'w', 9), task('n1', 'w', 1)]
    expect(ask({ entries: many }, 'w')).toBe('w: 1@n1 9@n1 10@n1')
  })

  test('a wanted slot without a container is shown; one that is no longer wanted leaves with its container', () => {
    const entries = [
      task('n1', 'demo_web', 1),
      task('n2', 'demo_web', 2, { ended }),
      task('n3', 'demo_web', 4),
    ]
    const swarmState = declared({ slots: ['1', '3'] })
    expect(ask({ entries, swarmState }, 'demo_web')).toBe('demo_web: 1@n1 3@nowhere 4@n3')
  })

  test('without a swarmState a failed one is shown, one that ended well isn’t', () => {
    const entries = [
      task('n1', 'demo_web', 1, { ended }),
      task('n2', 'demo_web', 2, { ended: { at: 5, exitCode: 0, removed: false } }),
    ]
    expect(ask({ entries }, 'demo_web')).toBe('demo_web: 1@n1')
  })
})

test.each(['constructor', '__proto__', 'toString'])(
  'two containers in a slot named %s are looked up',
  (slot) => {
    const place = { kind: 'replicated', service: 'web', serviceId: 'id-web', slot, task: 't' } as const
    const entries = ['a', 'b'].map((name) => container('n1', name, place))
    const world = createWorld(entries, [node('n1')])
    world.declare(declared({ name: 'web', taskOrder: new Map([['1', ['x', 'y']]]) }))
    const names = createNames(world, () => undefined)
    expect(names.lookUp({ name: 'web', replica: slot, node: 'n1' })).toMatchObject({
      kind: 'one',
      fullName: 'web',
    })
  },
)

describe('a slot with several containers', () => {
  const older = task('n1', 'demo_web', 1, { task: 'aaa' })
  const newer = (traits: Parameters<typeof task>[3] = {}) =>
    task('n2', 'demo_web', 1, { task: 'bbb', ...traits })
  const swarmState = declared({ taskOrder: new Map([['1', ['aaa', 'bbb']]]) })
  const provisional = (entry: Entry): Entry => ({
    ...entry,
    target: { ...entry.target, place: { ...(entry.target.place as object), provisional: true } as never },
  })

  test('a container that the managers don’t know never replaces one that they know, and fills an empty slot', () => {
    const known = task('n1', 'demo_web', 1)
    const made = task('n2', 'demo_web', 1, { task: 'made' })
    const claimant = provisional(made)
    const order = declared({ taskOrder: new Map([['1', ['task1n1', 'made']]]) })
    expect(ask({ entries: [known, made], swarmState: order }, 'web/1')).toBe(`${made.target.name} on n2`)
    for (const entries of [
      [known, claimant],
      [claimant, known],
      [task('n1', 'demo_web', 1, { answers: false }), claimant],
    ])
      expect(ask({ entries, swarmState: order }, 'web/1')).toBe(`${known.target.name} on n1`)
    expect(ask({ entries: [task('n1', 'demo_web', 1, { ended }), claimant] }, 'web/1')).toBe(
      `${made.target.name} on n2`,
    )
    // the managers may know its task later, but not without its node
    const swarmOf = (...ids: readonly string[]) => ({ ...declared({}), nodes: swarmStateOf([], ids).nodes })
    expect(ask({ entries: [claimant], swarmState: swarmOf('n1', 'n2') }, 'web')).toBe('demo_web: 1@n2')
    expect(ask({ entries: [claimant], swarmState: swarmOf('n1') }, 'web')).toBe('demo_web: 1@nowhere')
    const nowGlobal = provisional(globalTask('n3', 'demo_web'))
    expect(ask({ entries: [nowGlobal, known], swarmState: declared({}) }, 'web')).toContain('1@n1')
    expect(ask({ entries: [nowGlobal, known] }, 'web')).toContain('1@n1')
  })

  test('the older is active until the newer has metrics', () => {
    expect(ask({ entries: [newer({ answers: false }), older], swarmState }, 'web')).toBe('demo_web: 1@n1')
    expect(ask({ entries: [newer(), older], swarmState }, 'web')).toBe('demo_web: 1@n2')
  })

  test('the older is active again once the newer has ended', () => {
    expect(ask({ entries: [newer({ ended }), older], swarmState }, 'web')).toBe('demo_web: 1@n1')
  })

  test('a container that isn’t meant to run any more is older than all that are', () => {
    const order = declared({ taskOrder: new Map([['1', ['bbb']]]) })
    expect(ask({ entries: [newer(), older], swarmState: order }, 'web')).toBe('demo_web: 1@n2')
  })

  test('a container that isn’t meant to run doesn’t follow while the one that is has no metrics yet', () => {
    const orphan = task('n3', 'demo_web', 1, { task: 'zzz' })
    const world = createWorld([older], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n1')
    world.declare(declared({ taskOrder: new Map([['1', ['bbb']]]) }))
    world.put(newer({ answers: false }))
    world.put(orphan)
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
  })

  test('one that the managers don’t list yet is no older than one that they still list', () => {
    const { nodes } = swarmStateOf([], ['n1', 'n2', 'n3'])
    const orderOf = (...tasks: readonly string[]) => ({
      ...declared({ taskOrder: new Map([['1', tasks]]) }),
      nodes,
    })
    const world = createWorld([provisional(newer())], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    world.declare(orderOf('aaa'))
    expect(active()).toBe('demo_web: 1@n2')
    // restarted late, and replaced meanwhile
    world.put(provisional(older))
    expect(active()).toBe('demo_web: 1@n2')
    world.declare(orderOf('bbb'))
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
  })

  test('of two that the managers don’t list yet, the one that is listed first does not come back', () => {
    const { nodes } = swarmStateOf([], ['n1', 'n2', 'n3'])
    const world = createWorld([provisional(older)], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    world.declare({ ...swarmState, nodes })
    expect(active()).toBe('demo_web: 1@n1')
    world.put(provisional(newer()))
    expect(active()).toBe('demo_web: 1@n1')
    world.put(older)
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
  })

  test('an agent that gets to know two at once shows the one that the managers mean to run', () => {
    const order = declared({ taskOrder: new Map([['1', ['bbb']]]) })
    for (const entries of [
      [older, newer()],
      [newer(), older],
    ])
      expect(ask({ entries, swarmState: order }, 'web')).toBe('demo_web: 1@n2')
    expect(ask({ entries: [newer({ answers: false }), older], swarmState: order }, 'web')).toBe(
      'demo_web: 1@n1',
    )
  })

  test('the last state of a lost node never outranks that of a connected one', () => {
    const nodes = [node('n1', 'one', 'lost'), node('n2', 'two')]
    expect(ask({ entries: [newer(), older], nodes }, 'web')).toBe('demo_web: 1@n2')
    expect(ask({ entries: [older, newer({ answers: false })], nodes }, 'web')).toBe('demo_web: 1@n2')
  })

  test('a container on a lost node gives way to one that is restarted', () => {
    const nodes = [node('n1', 'one', 'lost'), node('n2', 'two'), node('n3', 'three', 'self')]
    const world = createWorld([older, newer()], nodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newer({ ended }))
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
  })

  test.each([
    ['lists both', ['aaa', 'bbb']],
    ['means only the newer to run', ['bbb']],
  ])(
    'an older one that this agent has not shown does not follow a lost newer one while Swarm %s',
    (_, order) => {
      const world = createWorld([older, newer()], threeNodes)
      world.declare(declared({ taskOrder: new Map([['1', order]]) }))
      const names = createNames(world, nameFromLabels)
      const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
      expect(active()).toBe('demo_web: 1@n2')
      const refused = { ok: false, failure: { code: 'connection_refused', reason: 'refused' } } as const
      world.put({ ...newer(), snapshot: { at: 0, durationMs: 1, ...refused } })
      expect(active()).toBe('demo_web: 1@n2')
      world.see(threeNodes.map((one) => (one.self.node === 'n2' ? { ...one, link: 'lost' } : one)))
      expect(active()).toBe('demo_web: 1@n2')
      world.declare(declared({ taskOrder: new Map([['1', ['aaa']]]) }))
      expect(active()).toBe('demo_web: 1@n1')
    },
  )

  test('a newer one that is still being searched is not passed over after a start', () => {
    const world = createWorld([newer({ isSearched: true }), older], threeNodes)
    world.declare(swarmState)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newer({ answers: false }))
    expect(active()).toBe('demo_web: 1@n1')
    // one that starts while the older is shown has to be found first
    world.put(newer({ isSearched: true }))
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
    // its agent has restarted
    world.put(newer({ isSearched: true }))
    expect(active()).toBe('demo_web: 1@n2')
  })

  test('of two on a lost node the one that was shown stays', () => {
    const [first, second] = [
      task('n2', 'demo_web', 1, { task: 'aaa' }),
      task('n2', 'demo_web', 1, { task: 'bbb' }),
    ]
    const world = createWorld([first], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => {
      const found = names.lookUp(queryOf('web', 'n3'))
      return found.kind === 'replicas' ? found.replicas.map(({ entry }) => entry?.target.name) : found
    }
    expect(active()).toEqual(['demo_web.1.aaa'])
    world.put(second)
    world.see(threeNodes.map((one) => (one.self.node === 'n2' ? { ...one, link: 'lost' } : one)))
    expect(active()).toEqual(['demo_web.1.aaa'])
    world.see(threeNodes)
    expect(active()).toEqual(['demo_web.1.aaa'])
  })

  test('a newer one whose node is lost is not passed over after a start', () => {
    const world = createWorld([newer(), older], threeNodes)
    const lost = threeNodes.map((one) => (one.self.node === 'n2' ? { ...one, link: 'lost' as const } : one))
    world.declare(swarmState)
    world.see(lost)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n2')
    world.see(threeNodes)
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newer({ ended }))
    expect(active()).toBe('demo_web: 1@n1')
  })

  test('a container that is meant to run is active again once the node of one that isn’t is lost', () => {
    const world = createWorld([older, newer()], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    world.declare(declared({ taskOrder: new Map([['1', ['bbb']]]) }))
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newer({ ended }))
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n1')
    world.see(threeNodes.map((one) => (one.self.node === 'n1' ? { ...one, link: 'lost' } : one)))
    expect(active()).toBe('demo_web: 1@n2')
  })

  test('a container that returns after its node was lost is not active again', () => {
    const world = createWorld([older], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n1')
    world.remove('n1', older.target.id)
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
    world.put(older)
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newer({ ended }))
    expect(active()).toBe('demo_web: 1@n1')
  })

  test('outside a Swarm a container on a lost node gives way to any on a connected one', () => {
    const world = createWorld([older], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    const lose = (lost: string) =>
      world.see(threeNodes.map((one) => (one.self.node === lost ? { ...one, link: 'lost' } : one)))
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    lose('n1')
    expect(active()).toBe('demo_web: 1@n2')
    world.see(threeNodes)
    expect(active()).toBe('demo_web: 1@n2')
    lose('n2')
    expect(active()).toBe('demo_web: 1@n1')
  })

  test('while its node is lost, a container gives way only to one that was never active before', () => {
    const world = createWorld([older], threeNodes)
    const see = (link: 'up' | 'lost') =>
      world.see(threeNodes.map((one) => (one.self.node === 'n2' ? { ...one, link } : one)))
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n1')
    world.declare(swarmState)
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
    for (const order of [swarmState, declared({})]) {
      world.declare(order)
      see('lost')
      expect(active()).toBe('demo_web: 1@n2')
      see('up')
      expect(active()).toBe('demo_web: 1@n2')
    }
    see('lost')
    world.put(task('n3', 'demo_web', 1, { task: 'ccc' }))
    expect(active()).toBe('demo_web: 1@n3')
  })

  test('a container that is being shut down is active until one that never was has metrics', () => {
    const newest = (answers: boolean) => task('n3', 'demo_web', 1, { task: 'ccc', answers })
    const world = createWorld([older], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n1')
    world.declare(swarmState)
    world.put(newer())
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newest(false))
    world.declare(declared({ taskOrder: new Map([['1', ['aaa', 'ccc']]]) }))
    expect(active()).toBe('demo_web: 1@n2')
    world.put(newest(true))
    expect(active()).toBe('demo_web: 1@n3')
  })

  test('a container that refuses connections gives way before it has ended, and for good', () => {
    const closed = {
      at: 0,
      durationMs: 1,
      ok: false,
      failure: { code: 'connection_refused', reason: 'refused' },
    } as const
    const slow = { ...closed, failure: { code: 'timeout', reason: 'no answer' } } as const
    const world = createWorld([older], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('web', 'n3')))
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer({ answers: false }))
    world.put({ ...older, snapshot: closed })
    expect(active()).toBe('demo_web: 1@n1')
    world.put(newer())
    world.put({ ...older, snapshot: slow })
    expect(active()).toBe('demo_web: 1@n1')
    world.put({ ...older, snapshot: closed })
    expect(active()).toBe('demo_web: 1@n2')
    world.put(older)
    world.put({ ...newer(), snapshot: closed })
    expect(active()).toBe('demo_web: 1@n2')
  })

  test.each([
    ['of the slot', [task('n3', 'demo_web', 2)]],
    ['of the service', []],
  ])('the active container is forgotten with the last container %s', (_, others) => {
    const world = createWorld([older, ...others], threeNodes)
    const names = createNames(world, nameFromLabels)
    const active = () => textOf(names.lookUp(queryOf('demo_web/1', 'n3')))
    expect(active()).toMatch(/ on n1$/)
    world.put(newer())
    expect(active()).toMatch(/ on n1$/)
    world.remove('n1', older.target.id)
    world.remove('n2', newer().target.id)
    expect(active()).toMatch(/^not_found/)
    world.put(older)
    world.put(newer())
    expect(active()).toMatch(/ on n2$/)
  })

  test('counts only for the node of its active container', () => {
    const entries = [newer(), older]
    expect(ask({ entries, swarmState }, 'web?scope=node', 'n1')).toBe('elsewhere')
    expect(ask({ entries, swarmState }, 'web?scope=node', 'n2')).toBe('demo_web: 1@n2')
  })

  test('is the last of those that ended', () => {
    const entries = [
      task('n1', 'demo_web', 1, { ended: { ...ended, at: 9 } }),
      task('n2', 'demo_web', 1, { ended: { ...ended, at: 7 } }),
    ]
    expect(ask({ entries }, 'web')).toBe('demo_web: 1@n1')
  })

  test('a container that is recreated under its name takes it over', () => {
    const gone = { ...standalone('n1', 'x', { ended }), history: [] }
    const former = { ...gone, target: { ...gone.target, id: 'f'.repeat(64) } }
    expect(ask({ entries: [standalone('n1', 'x'), former] }, 'x/one')).toBe('x on n1')
  })
})

describe('changes', () => {
  test('of containers and services change what a name means', () => {
    const world = createWorld([...web], threeNodes)
    const names = createNames(world, nameFromLabels)
    const shown = (question: string) => textOf(names.lookUp(queryOf(question, 'n1')))

    world.put(standalone('n1', 'late'))
    expect(shown('late')).toBe('late on n1')

    const renamed = { ...web[0]!, target: { ...web[0]!.target, name: 'other' } }
    world.put(renamed)
    expect(shown('other')).toBe('other on n1')
    expect(shown('demo_web.1.task1n1')).toMatch(/^not_found/)
    expect(shown('web')).toBe('demo_web: 1@n1 2@n2')

    for (const { owner, target } of [...web]) world.remove(owner, target.id)
    expect(shown('web')).toMatch(/^not_found/)

    world.declare(declared({ name: 'demo_web' }))
    expect(shown('web')).toBe('demo_web: 1@nowhere')
    world.declare(undefined)
    expect(shown('web')).toMatch(/^not_found/)
  })

  test('leave the same as if the index were built after them', () => {
    const entry = fc.constantFrom(
      ...[standalone('n1', 'web'), standalone('n2', 'web'), standalone('n2', 'shop_web')],
      ...[globalTask('n1', 'shop_web'), globalTask('n2', 'shop_web'), composed('n1', 'shop', 'web')],
    )
    const more = fc.constantFrom({}, { labels: { 'app-metrics-proxy.name': 'web' } }, { name: 'shop_web' })
    const put = fc.tuple(entry, more, fc.constantFrom({}, { ended })).map(([entry, target, traits]) => ({
      put: { ...entry, ...traits, target: { ...entry.target, ...target } },
    }))
    const service = fc.constantFrom(undefined, declared({ name: 'shop_web', mode: 'global' }))
    const step = fc.oneof(
      ...[put, put, entry.map((remove) => ({ remove })), service.map((declare) => ({ declare }))],
      fc.constantFrom('up' as const, 'lost' as const).map((link) => ({ link })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const world = createWorld([], threeNodes)
        const names = createNames(world, nameFromLabels)
        for (const step of steps) {
          if ('put' in step) world.put(step.put)
          else if ('remove' in step) world.remove(step.remove.owner, step.remove.target.id)
          else if ('declare' in step) world.declare(step.declare)
          else world.see([threeNodes[0]!, node('n2', 'two', step.link)])
          const rebuilt = createNames(world, nameFromLabels)
          for (const query of ['web', 'shop_web', 'web/two', 'shop_web/n1', 'nothing'].map((text) =>
            queryOf(text, 'n1'),
          ))
            expect(names.lookUp(query)).toEqual(rebuilt.lookUp(query))
          expect(names.ambiguities('n1')).toEqual(rebuilt.ambiguities('n1'))
        }
      }),
    )
  })
})

describe('names that mean more than one thing', () => {
  const ambiguities = (entries: readonly Entry[], swarmState?: SwarmState) => {
    const world = createWorld(entries, threeNodes)
    world.declare(swarmState)
    return createNames(world, nameFromLabels)
      .ambiguities('n1')
      .map(({ reason }) => reason)
  }

  test('are reported, whether or not a container of them is known', () => {
    const entries = [task('n1', 'demo_web', 1), task('n2', 'shop_web', 1)]
    expect(ambiguities(entries)).toEqual(['"web" means more than one thing'])
    const services = declared(
      { name: 'demo_web', labels: { 'com.docker.stack.namespace': 'demo' } },
      { name: 'shop_web', labels: { 'com.docker.stack.namespace': 'shop' } },
    )
    expect(ambiguities([], services)).toEqual(['"web" means more than one thing'])
    expect(ambiguities(entries, services)).toEqual(['"web" means more than one thing'])
  })

  test('are not those that each node has one of, nor those that a full name settles', () => {
    expect(ambiguities([standalone('n2', 'cron'), standalone('n3', 'cron')])).toEqual([])
    expect(ambiguities([task('n1', 'web', 1), task('n2', 'shop_web', 1)])).toEqual([])
  })
})
