import { describe, expect, test } from 'vitest'
import type { Entry, NodeView, SwarmState } from '../../src/model.ts'
import type { Answer, Question } from '../../src/names/answer.ts'
import { createNames } from '../../src/names/names.ts'
import { shortened } from '../../src/names/things.ts'
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
const ownName = (labels: Readonly<Record<string, string>>) => labels['app-metrics-proxy.name']

interface Cluster {
  readonly entries: readonly Entry[]
  readonly nodes?: readonly NodeView[]
  readonly swarmState?: SwarmState
}

function ask({ entries, nodes = threeNodes, swarmState }: Cluster, question: string, asked = 'n1'): string {
  const world = createWorld(entries, nodes)
  world.declare(swarmState)
  return told(createNames(world, ownName).lookUp(questionOf(question, asked)))
}

/** `/name/replica?scope=node` */
function questionOf(text: string, asked: string): Question {
  const [path = '', scope] = text.split('?scope=')
  const [name = '', replica] = path.split('/')
  return { name, asked, ...(replica && { replica }), ...(scope === 'node' && { scope }) }
}

/** An answer in one line. */
function told(answer: Answer): string {
  if (answer.kind === 'one') return `${answer.entry.target.name} on ${answer.entry.owner}`
  if (answer.kind === 'elsewhere') return 'elsewhere'
  if (answer.kind === 'replicas')
    return `${answer.full}: ${answer.replicas.map(({ slot, entry }) => `${slot}@${entry?.owner ?? 'nowhere'}`).join(' ')}`
  const { code, reason, hint } = answer.trouble
  return [code, reason, ...(hint ? [hint] : [])].join('; ')
}

const ended = { at: 5, exitCode: 1, removed: false }
const web = [task('n1', 'demo_web', 1), task('n2', 'demo_web', 2)]

describe('the original’s shortening', () => {
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
    expect(shortened(name)).toBe(short)
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
      'ambiguous; "web" means more than one thing; ask for one of /demo_web/metrics /prod_web/metrics',
    ],
    [
      'a container that is called like a service, on whatever node',
      [...web, standalone('n3', 'demo_web')],
      'demo_web',
      `ambiguous; "demo_web" means more than one thing; ask for one of ${[
        ...web,
        standalone('n3', 'demo_web'),
      ]
        .map(({ target }) => `/demo_web/${target.id.slice(0, 12)}/metrics`)
        .join(' ')}`,
    ],
    [
      'two Compose projects on the asked node',
      [composed('n1', 'a', 'web'), composed('n1', 'b', 'web')],
      'web',
      'ambiguous; "web" means more than one thing; ask for one of /a_web/metrics /b_web/metrics',
    ],
    [
      'one standalone name on two other nodes',
      [standalone('n2', 'cadvisor'), standalone('n3', 'cadvisor')],
      'cadvisor',
      'ambiguous; "cadvisor" means more than one thing; ask for one of /cadvisor/two/metrics /cadvisor/three/metrics',
    ],
    [
      'one Compose name on two other nodes',
      [composed('n2', 'a', 'web'), composed('n3', 'a', 'web')],
      'web',
      'ambiguous; "web" means more than one thing; ask for one of /a_web/two/metrics /a_web/three/metrics',
    ],
  ])('%s', (_what, entries, name, answer) => {
    expect(ask({ entries }, name)).toBe(answer)
  })

  test('what no longer runs gives way to what does', () => {
    const entries = [standalone('n2', 'x', { ended }), standalone('n3', 'x')]
    expect(ask({ entries }, 'x')).toBe('x on n3')
  })

  test('but never the asked node’s own to another node’s', () => {
    const entries = [standalone('n1', 'x', { ended }), standalone('n3', 'x')]
    expect(ask({ entries }, 'x')).toBe('x on n1')
  })

  test('the asked node’s own comes first', () => {
    const entries = [standalone('n1', 'x'), standalone('n2', 'x')]
    expect([ask({ entries }, 'x', 'n1'), ask({ entries }, 'x', 'n2')]).toEqual(['x on n1', 'x on n2'])
  })

  test('among more things than anyone reads, the first are named and the others counted', () => {
    const entries = Array.from({ length: 23 }, (_, n) => task('n1', `s${n + 10}_web`, 1))
    const answer = ask({ entries }, 'web')
    expect(answer).toMatch(/ask for one of \/s10_web\/metrics .* \/s29_web\/metrics and 3 more$/)
  })

  test('two nodes with one hostname are told apart by id', () => {
    const nodes = [node('n1', 'one', 'self'), node('n2', 'same'), node('n3', 'same')]
    const entries = [standalone('n2', 'x'), standalone('n3', 'x')]
    expect(ask({ entries, nodes }, 'x')).toContain('ask for one of /x/n2/metrics /x/n3/metrics')
    expect(ask({ entries, nodes }, 'x/n3')).toBe('x on n3')
    expect(ask({ entries, nodes }, 'x/same', 'n2')).toMatch(/^ambiguous; "x\/same" means more than one thing/)
  })

  test('a hostname means the node that is connected, not what it was before it joined or left a Swarm', () => {
    const nodes = [node('n1', 'one', 'self'), node('new', 'same'), node('old', 'same', 'lost')]
    const entries = ['old', 'new'].flatMap((id) => [standalone(id, 'x'), globalTask(id, 'demo_glob')])
    expect(ask({ entries, nodes }, 'x/same')).toBe('x on new')
    expect(ask({ entries, nodes }, 'x/old')).toBe('x on old')
    expect(ask({ entries, nodes }, 'x')).toContain('ask for one of /x/old/metrics /x/same/metrics')
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
    const answer = createNames(world, ownName).lookUp(questionOf(question, 'n1'))
    return answer.kind === 'one'
      ? `${answer.entry.target.id.slice(0, 12)}@${answer.entry.owner}`
      : told(answer)
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
    expect(who('app-metrics-proxy/nowhere')).toMatch(/^unknown; .*no replica "nowhere"/)
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

describe('what only looks alike', () => {
  test('of two projects is never one thing', () => {
    const entries = [composed('n1', 'shop', 'api_db'), composed('n1', 'shop_api', 'db')]
    expect(ask({ entries }, 'shop_api_db')).toMatch(
      /^ambiguous; "shop_api_db" means more than one thing; ask for one of (\/shop_api_db\/[0-9a-f]{12}\/metrics ?){2}$/,
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

  test('two running containers of one number in Compose are told apart, and neither is the number', () => {
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
      'unknown; no container or service is called "demo_wbe"; ask for one of /demo_web/metrics /web/metrics',
    ],
    [
      'DEMO_WEB',
      'unknown; no container or service is called "DEMO_WEB"; ask for one of /demo_web/metrics /web/metrics',
    ],
    ['prod_web', 'unknown; no container or service is called "prod_web"; ask for /web/metrics'],
    ['nothing-like-it', 'unknown; no container or service is called "nothing-like-it"'],
    ['..%2Fetc', 'unknown; no container or service is called "..%2Fetc"'],
    ['__proto__', 'unknown; no container or service is called "__proto__"'],
    ['', 'unknown; no container or service is called ""'],
  ])('%j', (name, answer) => {
    expect(ask({ entries: web }, name)).toBe(answer)
  })

  test('the paths that are named can be asked as they stand', () => {
    expect(ask({ entries: [standalone('n1', 'ü #1')] }, 'ü #2')).toBe(
      'unknown; no container or service is called "ü #2"; ask for /%C3%BC%20%231/metrics',
    )
  })

  test('a name as long as a client likes isn’t repeated as a whole', () => {
    const answer = ask({ entries: web }, 'x'.repeat(10_000))
    expect(answer).toBe(`unknown; no container or service is called "${'x'.repeat(200)}…"`)
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
      'unknown; "demo_web" has no replica "3"; ask for one of /demo_web/1/metrics /demo_web/2/metrics',
    ],
    [
      'node/three',
      'unknown; "node" has no replica "three"; ask for one of /node/one/metrics /node/two/metrics',
    ],
    ['x/one', 'unknown; "x" has no replica "one"; ask for /x/two/metrics'],
    ['demo_web?scope=node', 'demo_web: 1@n1'],
    ['demo_node?scope=node', 'demo_node.n1.taskn1 on n1'],
    ['x?scope=node', 'elsewhere'],
  ])('%s', (question, answer) => {
    expect(ask({ entries }, question)).toMatch(answer)
  })

  test('a global service without a task on the asked node names the nodes that have one', () => {
    expect(ask({ entries }, 'demo_node', 'n3')).toBe(
      'unknown; "demo_node" has no container on three; ask for one of /demo_node/one/metrics /demo_node/two/metrics',
    )
    expect(ask({ entries }, 'demo_node?scope=node', 'n3')).toBe('elsewhere')
  })

  test('two replicas on one node aren’t told apart by the node', () => {
    const both = [task('n2', 'demo_web', 1), task('n2', 'demo_web', 2)]
    expect(ask({ entries: both }, 'demo_web/two')).toMatch(/^ambiguous; "demo_web\/two"/)
  })

  test('numbers of Compose belong to the node: the asked node’s own first', () => {
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

  test('less of an id than Docker shows is none', () => {
    const answer = ask({ entries: web }, `demo_web/${web[1]!.target.id.slice(0, 11)}`)
    expect(answer).toMatch(/^unknown; "demo_web" has no replica/)
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
  'two containers in a slot called %s are looked up',
  (slot) => {
    const place = { kind: 'replicated', service: 'web', serviceId: 'id-web', slot, task: 't' } as const
    const entries = ['a', 'b'].map((name) => container('n1', name, place))
    const world = createWorld(entries, [node('n1')])
    world.declare(declared({ name: 'web', contested: new Map([['1', ['x', 'y']]]) }))
    const names = createNames(world, () => undefined)
    expect(names.lookUp({ name: 'web', replica: slot, asked: 'n1' })).toMatchObject({
      kind: 'one',
      full: 'web',
    })
  },
)

describe('one slot, several containers', () => {
  const older = task('n1', 'demo_web', 1, { task: 'aaa' })
  const newer = (traits: Parameters<typeof task>[3] = {}) =>
    task('n2', 'demo_web', 1, { task: 'bbb', ...traits })
  const swarmState = declared({ contested: new Map([['1', ['aaa', 'bbb']]]) })

  test('one that the managers don’t know takes the place of none that they know, and fills an empty one', () => {
    const known = task('n1', 'demo_web', 1)
    const made = task('n2', 'demo_web', 1, { task: 'made' })
    const provisional = (entry: Entry): Entry => ({
      ...entry,
      target: { ...entry.target, place: { ...(entry.target.place as object), provisional: true } as never },
    })
    const claimant = provisional(made)
    const order = declared({ contested: new Map([['1', ['task1n1', 'made']]]) })
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
    const nowGlobal = provisional(globalTask('n3', 'demo_web'))
    expect(ask({ entries: [nowGlobal, known], swarmState: declared({}) }, 'web')).toContain('1@n1')
    expect(ask({ entries: [nowGlobal, known] }, 'web')).toContain('1@n1')
  })

  test('the older stands until the newer answers', () => {
    expect(ask({ entries: [newer({ answers: false }), older], swarmState }, 'web')).toBe('demo_web: 1@n1')
    expect(ask({ entries: [newer(), older], swarmState }, 'web')).toBe('demo_web: 1@n2')
  })

  test('a newer one that fails to stay leaves the older', () => {
    expect(ask({ entries: [newer({ ended }), older], swarmState }, 'web')).toBe('demo_web: 1@n1')
  })

  test('one that isn’t meant to run any more is older than all that are', () => {
    const order = declared({ contested: new Map([['1', ['bbb']]]) })
    expect(ask({ entries: [newer(), older], swarmState: order }, 'web')).toBe('demo_web: 1@n2')
  })

  test('nor does another that isn’t meant to run take its place while the one that is does not answer yet', () => {
    const orphan = task('n3', 'demo_web', 1, { task: 'zzz' })
    const world = createWorld([older], threeNodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.declare(declared({ contested: new Map([['1', ['bbb']]]) })))
    names.changed(world.put(newer({ answers: false })))
    names.changed(world.put(orphan))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.put(newer()))
    expect(say()).toBe('demo_web: 1@n2')
  })

  test('nor is it ever shown by an agent that comes to know both at once, where managers know one', () => {
    const order = declared({ contested: new Map([['1', ['bbb']]]) })
    for (const entries of [
      [older, newer()],
      [newer(), older],
    ])
      expect(ask({ entries, swarmState: order }, 'web')).toBe('demo_web: 1@n2')
    expect(ask({ entries: [newer({ answers: false }), older], swarmState: order }, 'web')).toBe(
      'demo_web: 1@n1',
    )
  })

  test('what a cut-off node last said never outranks what can be seen', () => {
    const nodes = [node('n1', 'one', 'lost'), node('n2', 'two')]
    expect(ask({ entries: [newer(), older], nodes }, 'web')).toBe('demo_web: 1@n2')
    expect(ask({ entries: [older, newer({ answers: false })], nodes }, 'web')).toBe('demo_web: 1@n2')
  })

  test('nor does it keep its place before one that is restarted meanwhile', () => {
    const nodes = [node('n1', 'one', 'lost'), node('n2', 'two'), node('n3', 'three', 'self')]
    const world = createWorld([older, newer()], nodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(newer({ ended })))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.put(newer()))
    expect(say()).toBe('demo_web: 1@n2')
  })

  test('one that is meant to run takes its place again from one that isn’t, once that can’t be asked', () => {
    const world = createWorld([older, newer()], threeNodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    names.changed(world.declare(declared({ contested: new Map([['1', ['bbb']]]) })))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(newer({ ended })))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.put(newer()))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(
      world.see(threeNodes.map((one) => (one.self.node === 'n1' ? { ...one, link: 'lost' } : one))),
    )
    expect(say()).toBe('demo_web: 1@n2')
  })

  test('one that came back after its node was cut off doesn’t take its place again', () => {
    const world = createWorld([older], threeNodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.remove('n1', older.target.id))
    names.changed(world.put(newer()))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(older))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(newer({ ended })))
    expect(say()).toBe('demo_web: 1@n1')
  })

  test('one whose agent restarts isn’t left for an older one that still runs, only for one that never stood', () => {
    const nodes = [...threeNodes]
    const world = createWorld([older], nodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.declare(swarmState))
    names.changed(world.put(newer()))
    expect(say()).toBe('demo_web: 1@n2')
    for (const order of [swarmState, declared({})]) {
      names.changed(world.declare(order))
      nodes[1] = node('n2', 'two', 'lost')
      expect(say()).toBe('demo_web: 1@n2')
      nodes[1] = threeNodes[1]!
      expect(say()).toBe('demo_web: 1@n2')
    }
    nodes[1] = node('n2', 'two', 'lost')
    names.changed(world.put(task('n3', 'demo_web', 1, { task: 'ccc' })))
    expect(say()).toBe('demo_web: 1@n3')
  })

  test('one that is being ended stands until one that never stood answers', () => {
    const newest = (answers: boolean) => task('n3', 'demo_web', 1, { task: 'ccc', answers })
    const world = createWorld([older], threeNodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.declare(swarmState))
    names.changed(world.put(newer()))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(newest(false)))
    names.changed(world.declare(declared({ contested: new Map([['1', ['aaa', 'ccc']]]) })))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(newest(true)))
    expect(say()).toBe('demo_web: 1@n3')
  })

  test('one that no longer listens gives way before it has ended, and for good', () => {
    const closed = {
      at: 0,
      durationMs: 1,
      ok: false,
      trouble: { code: 'refused', reason: 'refused' },
    } as const
    const slow = { ...closed, trouble: { code: 'timeout', reason: 'no answer' } } as const
    const world = createWorld([older], threeNodes)
    const names = createNames(world, ownName)
    const say = () => told(names.lookUp(questionOf('web', 'n3')))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.put(newer({ answers: false })))
    names.changed(world.put({ ...older, snapshot: closed }))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.put(newer()))
    names.changed(world.put({ ...older, snapshot: slow }))
    expect(say()).toBe('demo_web: 1@n1')
    names.changed(world.put({ ...older, snapshot: closed }))
    expect(say()).toBe('demo_web: 1@n2')
    names.changed(world.put(older))
    names.changed(world.put({ ...newer(), snapshot: closed }))
    expect(say()).toBe('demo_web: 1@n2')
  })

  test('it counts for the node on which it stands, and for no other', () => {
    const entries = [newer(), older]
    expect(ask({ entries, swarmState }, 'web?scope=node', 'n1')).toBe('elsewhere')
    expect(ask({ entries, swarmState }, 'web?scope=node', 'n2')).toBe('demo_web: 1@n2')
  })

  test('of several that ended, the last', () => {
    const entries = [
      task('n1', 'demo_web', 1, { ended: { ...ended, at: 9 } }),
      task('n2', 'demo_web', 1, { ended: { ...ended, at: 7 } }),
    ]
    expect(ask({ entries }, 'web')).toBe('demo_web: 1@n1')
  })

  test('a container that was made anew under its name takes it over', () => {
    const gone = { ...standalone('n1', 'x', { ended }), history: [] }
    const former = { ...gone, target: { ...gone.target, id: 'f'.repeat(64) } }
    expect(ask({ entries: [standalone('n1', 'x'), former] }, 'x/one')).toBe('x on n1')
  })
})

describe('changes', () => {
  test('are followed one by one', () => {
    const world = createWorld([...web], threeNodes)
    const names = createNames(world, ownName)
    const say = (question: string) => told(names.lookUp(questionOf(question, 'n1')))

    names.changed(world.put(standalone('n1', 'late')))
    expect(say('late')).toBe('late on n1')

    const renamed = { ...web[0]!, target: { ...web[0]!.target, name: 'other' } }
    names.changed(world.put(renamed))
    expect(say('other')).toBe('other on n1')
    expect(say('demo_web.1.task1n1')).toMatch(/^unknown/)
    expect(say('web')).toBe('demo_web: 1@n1 2@n2')

    for (const { owner, target } of [...web]) names.changed(world.remove(owner, target.id))
    expect(say('web')).toMatch(/^unknown/)

    names.changed(world.declare(declared({ name: 'demo_web' })))
    expect(say('web')).toBe('demo_web: 1@nowhere')
    names.changed(world.declare(undefined))
    expect(say('web')).toMatch(/^unknown/)
  })
})

describe('names that mean more than one thing', () => {
  const ambiguities = (entries: readonly Entry[], swarmState?: SwarmState) => {
    const world = createWorld(entries, threeNodes)
    world.declare(swarmState)
    return createNames(world, ownName)
      .ambiguities('n1')
      .map(({ reason }) => reason)
  }

  test('are told, whether or not a container of them is known', () => {
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
