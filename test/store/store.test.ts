import { beforeEach, describe, expect, test } from 'vitest'
import { agentTarget, type Change } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { endpoint, found, replica, self, snapshot, swarmState, target } from './samples.ts'

let clock: VirtualClock
let store: Store
let changes: Change[]

beforeEach(() => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfterMs: 300_000, version: '1.0.0' })
  store.identify(self())
  changes = []
  store.subscribe((change) => changes.push(change))
})

const ids = () => [...store.entries()].map((entry) => `${entry.owner}/${entry.target.id}`)
const entry = (id: string, owner = 'n1') => store.entry(owner, id)

describe('the own side', () => {
  test('takes whole sets: what is missing is gone', () => {
    store.replaceTargets([target('a'), target('b')])
    store.replaceTargets([target('b')])
    expect(ids()).toEqual(['n1/b'])
    expect(changes.at(-1)).toEqual({ kind: 'gone', owner: 'n1', id: 'a' })
  })

  test('tells nothing when nothing changed', () => {
    store.replaceTargets([target('a')])
    store.putFinding('a', found)
    changes.length = 0
    store.replaceTargets([target('a')])
    store.putFinding('a', { ...found })
    store.identify(self())
    expect(changes).toEqual([])
  })

  test('keeps the newest endpoint while probing fails', () => {
    store.replaceTargets([target('a')])
    store.putFinding('a', found)
    store.putFinding('a', { kind: 'none', trouble: { code: 'refused', reason: 'refused' } })
    expect(entry('a')).toMatchObject({ finding: { kind: 'none' }, endpoint: { port: 8080 } })
  })

  test('drops what is found of a target that is gone', () => {
    store.putFinding('x', found)
    store.putSnapshot('x', snapshot(1))
    expect(ids()).toEqual([])
  })

  test('keeps the last twenty scrapes as history', () => {
    store.replaceTargets([target('a')])
    for (let durationMs = 1; durationMs <= 25; durationMs += 1)
      store.putSnapshot('a', { ...snapshot(1), durationMs })
    expect(entry('a')?.history.map(({ durationMs }) => durationMs)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 6),
    )
  })

  test('numbers listing and snapshot apart', () => {
    store.replaceTargets([target('a')])
    store.putSnapshot('a', snapshot(1))
    const { listing, snapshot: number } = store.own.entry('a')!
    store.putSnapshot('a', snapshot(2))
    expect(store.own.entry('a')!.listing).toBe(listing)
    expect(store.own.entry('a')!.snapshot).toBeGreaterThan(number)
  })

  test('goes on under another id of the node, with all that was found', () => {
    store.replaceTargets([target('a')])
    store.putFinding('a', found)
    store.putSnapshot('a', snapshot(1))
    const { owner, target: _, ...rest } = entry('a')!
    const before = store.own.entry('a')!
    changes.length = 0
    store.identify(self('n2'))
    expect(ids()).toEqual(['n2/a'])
    expect(entry('a', 'n2')).toEqual({ owner: 'n2', target: target('a', { node: 'n2' }), ...rest })
    expect(store.own.entry('a')).toMatchObject({
      snapshot: before.snapshot,
      generation: before.generation,
    })
    expect(store.own.entry('a')!.listing).toBeGreaterThan(before.listing)
    expect(changes.map(({ kind }) => kind)).toEqual(['nodes', 'entry', 'gone'])
    expect(changes.at(-1)).toEqual({ kind: 'gone', owner: 'n1', id: 'a' })
    changes.length = 0
    store.replaceTargets([target('a', { node: 'n2' })])
    expect(changes).toEqual([])
  })
})

describe('what has ended', () => {
  test.each(['constructor', '__proto__', 'hasOwnProperty'])(
    'may call its service, its node or its slot %s',
    (key) => {
      store.identify(self(key))
      const place = { kind: 'replicated', service: key, serviceId: key, slot: key, task: key } as const
      store.replaceTargets([target('a', { place }), target('b', { place: { ...place, kind: 'global' } })])
      for (const id of ['a', 'b']) store.putFinding(id, found)
      store.putSwarmState(swarmState(['1']))
      store.replaceTargets([])
      expect(ids()).toEqual([])
    },
  )

  const stopped = (exitCode: number) => ({ state: 'stopped', exitCode }) as const
  const withEndpoint = (one = target('a')) => {
    store.replaceTargets([one])
    store.putFinding(one.id, found)
  }

  test('stays while it is missed, and no longer than FORGET_AFTER', () => {
    withEndpoint()
    store.replaceTargets([target('a', stopped(1))])
    expect(entry('a')?.ended).toEqual({ at: clock.now(), exitCode: 1, removed: false })
    clock.passSync(299_000)
    expect(ids()).toEqual(['n1/a'])
    clock.passSync(2000)
    expect(ids()).toEqual([])
  })

  test('is an ordinary entry again once it runs again', () => {
    withEndpoint()
    store.replaceTargets([target('a', stopped(1))])
    store.replaceTargets([target('a')])
    expect(entry('a')).toMatchObject({ target: { state: 'running' }, endpoint: { port: 8080 } })
    expect(entry('a')?.ended).toBeUndefined()
  })

  test('leaves at once with exit code 0, without an endpoint, or when removed', () => {
    withEndpoint()
    store.replaceTargets([target('a', stopped(0))])
    expect(ids()).toEqual([])
    store.replaceTargets([target('b')])
    store.replaceTargets([target('b', stopped(1))])
    expect(ids()).toEqual([])
    withEndpoint()
    store.replaceTargets([])
    expect(ids()).toEqual([])
  })

  test('a removed replica stays while its slot is wanted', () => {
    store.putSwarmState(swarmState(['1', '2']))
    withEndpoint(replica('a', '2'))
    store.replaceTargets([])
    expect(entry('a')).toMatchObject({ target: { state: 'stopped' }, ended: { removed: true } })
    store.putSwarmState(swarmState(['1']))
    expect(ids()).toEqual([])
  })

  test.each([
    ['job', ['1'], 1, false],
    ['replicated', ['1'], 0, true],
    ['global', [], 1, true],
  ] as const)('a replica of a %s service with slots %j and exit code %d', (mode, slots, exitCode, stays) => {
    store.putSwarmState(swarmState(slots, mode))
    const place =
      mode === 'global'
        ? ({ kind: 'global', service: 'demo_web', serviceId: 'web', task: 't' } as const)
        : replica('a').place
    withEndpoint(target('a', { place }))
    store.replaceTargets([target('a', { place, ...stopped(exitCode) })])
    expect(ids()).toEqual(stays ? ['n1/a'] : [])
  })
})

describe('the peers’ side', () => {
  const speaker = (epoch = 'e1') => ({ self: self('n2'), version: '1.0.0', epoch })
  const list = (id: string, number: number, generation = number) =>
    store.peers.update('n2', id, {
      ...{ kind: 'listing', number },
      value: { target: target(id, { node: 'n2' }), finding: found, endpoint, generation },
    })
  const show = (id: string, number: number) =>
    store.peers.update('n2', id, { kind: 'snapshot', number, value: snapshot(number) })

  test('a restarted owner’s former pages stand until it has told all', () => {
    store.peers.up(speaker('e1'))
    for (const id of ['a', 'b']) {
      list(id, 1)
      show(id, 2)
    }
    store.peers.up(speaker('e2'))
    expect([...store.peers.records('n2').values()].some(({ listing }) => listing)).toBe(false)
    store.peers.update('n2', 'a', {
      ...{ kind: 'listing', number: 1 },
      value: { target: target('a', { node: 'n2' }), finding: { kind: 'searching' }, generation: 1 },
    })
    expect(entry('a', 'n2')).toMatchObject({ endpoint: { port: 8080 }, snapshot: { ok: true, at: 2 } })
    expect(entry('b', 'n2')).toMatchObject({ snapshot: { ok: true } })
    store.peers.complete('n2')
    expect(ids()).toEqual(['n2/a'])
    expect(entry('a', 'n2')?.snapshot).toBeUndefined()
  })

  test('an agent that is known by another node id is the same one, with all that it said', () => {
    store.peers.up(speaker('e1'))
    list('a', 1)
    show('a', 2)
    const { owner: _, target: __, ...rest } = entry('a', 'n2')!
    changes.length = 0
    store.peers.up({ self: self('n9'), version: '1.0.0', epoch: 'e1' })
    expect(ids()).toEqual(['n9/a'])
    expect(entry('a', 'n9')).toEqual({ owner: 'n9', target: target('a', { node: 'n9' }), ...rest })
    expect(store.nodes().map((node) => [node.self.node, node.link])).toEqual([
      ['n1', 'self'],
      ['n9', 'up'],
    ])
    expect(changes.map(({ kind }) => kind)).toEqual(['nodes', 'entry', 'gone'])
    store.peers.lost('n2')
    expect(store.nodes()).toHaveLength(2)
  })

  test('an epoch that speaks again after another one loses what it does not send again', () => {
    store.peers.up(speaker('e1'))
    for (const id of ['a', 'removed']) list(id, 1)
    store.peers.up(speaker('e2'))
    store.peers.up(speaker('e1'))
    list('a', 1)
    expect(ids().sort()).toEqual(['n2/a', 'n2/removed'])
    store.peers.complete('n2')
    expect(ids()).toEqual(['n2/a'])
  })

  test('what an agent sent under its former node id is held of it under the new one, and so in the digest', () => {
    store.peers.up(speaker('e1'))
    list('a', 1)
    show('a', 3)
    store.peers.up({ self: self('n9'), version: '1.0.0', epoch: 'e1' })
    expect(store.peers.records('n9').get('a')).toMatchObject({ listing: { number: 1 }, page: { number: 3 } })
    expect(store.peers.records('n2').size).toBe(0)
  })

  test('a node id that becomes our own is nobody else’s any more', () => {
    store.peers.up(speaker('e1'))
    list('a', 1)
    store.peers.lost('n2')
    store.replaceTargets([target('a')])
    changes.length = 0
    store.identify(self('n2'))
    expect(store.nodes().map(({ self, link }) => [self.node, link])).toEqual([['n2', 'self']])
    clock.passSync(302_000)
    expect(ids()).toEqual(['n2/a'])
    const last = changes.findLast((change) => change.kind !== 'nodes' && change.kind !== 'swarmState')
    expect(changes.indexOf(last!)).toBeGreaterThan(0)
    expect(last).toEqual({ kind: 'gone', owner: 'n1', id: 'a' })
  })

  describe('a lost node whose agent the Swarm expects', () => {
    const node = { hostname: 'n2', address: '10.0.0.2', role: 'worker', state: 'down' } as const
    const swarm = (availability?: string) => ({
      ...swarmState(['1']),
      nodes: new Map(availability === undefined ? [] : [['n2', { ...node, availability }]]),
    })
    const forget = () => clock.passSync(302_000)
    beforeEach(() => {
      store.putSwarmState(swarm('active'))
      store.peers.up(speaker())
      list('a', 1)
      list(agentTarget, 2)
      store.peers.lost('n2')
    })
    const links = () => store.nodes().map(({ self, link }) => `${self.node} ${link}`)

    test('keeps its agent, not its containers, however long it is lost', () => {
      forget()
      forget()
      expect([links(), ids()]).toEqual([['n1 self', 'n2 lost'], [`n2/${agentTarget}`]])
    })

    test.each([
      ['drained', 'drain'],
      ['removed', undefined],
    ])('is forgotten once it is %s', (_, availability) => {
      forget()
      store.putSwarmState(swarm(availability))
      clock.passSync(1000)
      expect([links(), ids()]).toEqual([['n1 self'], []])
    })

    test('that is drained while it goes has no agent to be missed from then on', () => {
      store.putSwarmState(swarm('drain'))
      clock.passSync(1000)
      expect([links(), ids()]).toEqual([['n1 self', 'n2 lost'], ['n2/a']])
    })

    test('is as before once it comes back', () => {
      forget()
      store.peers.up(speaker('e2'))
      list('a', 1)
      list(agentTarget, 2)
      store.peers.complete('n2')
      expect([links(), ids().sort()]).toEqual([
        ['n1 self', 'n2 up'],
        ['n2/a', `n2/${agentTarget}`],
      ])
    })
  })

  test('a lost node at an address where an agent is to be keeps its agent', () => {
    let addressed = true
    store = createStore({ clock, forgetAfterMs: 300_000, version: '1', isAddressed: () => addressed })
    store.identify(self('n1', { swarm: false }))
    store.peers.up(speaker())
    list(agentTarget, 1)
    store.peers.lost('n2')
    clock.passSync(302_000)
    expect(ids()).toEqual([`n2/${agentTarget}`])
    addressed = false
    clock.passSync(1000)
    expect([ids(), store.nodes().length]).toEqual([[], 1])
  })

  test('has nothing of a node whose id is our own from now on', () => {
    store.peers.up(speaker())
    list('a', 1)
    store.identify(self('n2', { hostname: 'ours' }))
    expect([ids(), store.nodes().map((one) => one.self.hostname)]).toEqual([[], ['ours']])
  })

  test('forgets a lost node after FORGET_AFTER', () => {
    store.peers.up(speaker())
    list('a', 1)
    store.peers.lost('n2', { code: 'owner_lost', reason: 'gone' })
    expect(store.nodes().at(-1)).toMatchObject({ link: 'lost', trouble: { reason: 'gone' } })
    clock.passSync(299_000)
    expect(ids()).toEqual(['n2/a'])
    clock.passSync(2000)
    expect(ids()).toEqual([])
    expect(store.nodes()).toHaveLength(1)
  })

  test('a target that is withdrawn and comes back shows nothing of what it showed before', () => {
    store.peers.up(speaker())
    list('a', 1)
    show('a', 2)
    store.peers.remove('n2', 'a')
    expect(ids()).toEqual([])
    list('a', 4)
    expect(entry('a', 'n2')?.snapshot).toBeUndefined()
  })

  test('a node lists only so many containers', () => {
    store.peers.up(speaker())
    for (let n = 1; n <= 20_000; n += 1) list(`c${n}`, n)
    expect(() => list('one more', 20_001)).toThrow('more than 20000 containers')
    list('c1', 20_001, 1)
    expect(ids()).toHaveLength(20_000)
  })

  test('a replica that the managers don’t list is provisional, until they do; then it stays known', () => {
    const listReplica = (number: number) =>
      store.peers.update('n2', 'a', {
        ...{ kind: 'listing', number },
        value: { target: replica('a', '1', { node: 'n2' }), finding: found, endpoint, generation: 1 },
      })
    const isProvisional = () => 'provisional' in entry('a', 'n2')!.target.place
    const swarm = (...ids: readonly string[]) => ({
      ...swarmState(['1']),
      containers: new Map([['n2', ids]]),
    })
    store.peers.up(speaker())
    listReplica(1)
    expect(isProvisional()).toBe(false)
    store.putSwarmState(swarm())
    expect(isProvisional()).toBe(true)
    listReplica(2)
    expect(isProvisional()).toBe(true)
    store.putSwarmState(swarm('a'))
    expect(isProvisional()).toBe(false)
    store.putSwarmState(swarm())
    listReplica(3)
    expect(isProvisional()).toBe(false)
  })
})

describe('a swarmState from a peer', () => {
  test('is used only if the local engine lists the peer as a manager', () => {
    expect(store.putRemoteSwarmState(swarmState(['1']), 'n2', 0)).toBe(false)
    expect(store.swarmState()).toBeUndefined()
    store.identify(self(), new Set(['n2']))
    expect(store.swarmState()).toMatchObject({ from: 'n2' })
    expect(store.putRemoteSwarmState(swarmState(['1', '2']), 'n2', 0)).toBe(true)
    expect(store.putRemoteSwarmState(swarmState([]), 'n3', 0)).toBe(false)
    expect(store.swarmState()).toMatchObject({ from: 'n2' })
    store.identify(self(), new Set())
    expect(store.swarmState()).toBeUndefined()
  })
})

describe('what is told of the peers’ side', () => {
  const speaker = { self: self('n2'), version: '1.0.0', epoch: 'e1' }
  const list = (id: string, number: number, generation = number) =>
    store.peers.update('n2', id, {
      ...{ kind: 'listing', number },
      value: { target: target(id, { node: 'n2' }), finding: found, endpoint, generation },
    })
  const show = (id: string, number: number) =>
    store.peers.update('n2', id, { kind: 'snapshot', number, value: snapshot(number) })
  const withdraw = (id: string) => store.peers.remove('n2', id)
  /** The changes since the last look. */
  const told = () => changes.splice(0)
  const view = () => store.nodes().find(({ self }) => self.node === 'n2')

  beforeEach(() => {
    store.peers.up(speaker)
    told()
  })

  test('is each change of an entry, with what stood before it', () => {
    list('a', 1)
    const first = entry('a', 'n2')!
    expect(told()).toStrictEqual([{ kind: 'entry', entry: first }])
    show('a', 2)
    expect(told()).toStrictEqual([{ kind: 'entry', entry: entry('a', 'n2'), before: first }])
    withdraw('a')
    expect(told()).toEqual([{ kind: 'gone', owner: 'n2', id: 'a' }])
  })

  test('is nothing where nothing changed', () => {
    list('a', 1)
    show('b', 3)
    told()
    list('a', 1)
    withdraw('b')
    store.peers.remove('n3', 'a')
    store.peers.lost('n3')
    store.peers.measured('n3', 5)
    store.peers.complete('n3')
    store.peers.trouble('n3', undefined)
    expect(told()).toEqual([])
    expect(ids()).toEqual(['n2/a'])
  })

  test('is the link, and since when it stands or is lost', () => {
    const linkedAt = clock.now()
    clock.passSync(1000)
    store.peers.up({ ...speaker, version: '2.0.0' }, { code: 'timeout', reason: 'black hole' })
    expect(view()).toEqual({
      self: self('n2'),
      version: '2.0.0',
      link: 'up',
      since: linkedAt,
      trouble: { code: 'timeout', reason: 'black hole' },
    })
    store.peers.measured('n2', 7)
    expect(view()).toMatchObject({ roundTrip: 7 })
    expect(told()).toEqual([{ kind: 'nodes' }])
    store.peers.lost('n2')
    expect(view()).toStrictEqual({ self: self('n2'), version: '2.0.0', link: 'lost', since: clock.now() })
    expect(told()).toEqual([{ kind: 'nodes' }])
    clock.passSync(1000)
    store.peers.lost('n2', { code: 'reset', reason: 'reset' })
    expect(view()).toMatchObject({ since: clock.now() - 1000, trouble: { code: 'reset' } })
    store.peers.up(speaker)
    expect(view()).toStrictEqual({ self: self('n2'), version: '1.0.0', link: 'up', since: clock.now() })
  })

  test('is that a lost node is forgotten, with all that it had', () => {
    list('a', 1)
    list('b', 2)
    withdraw('b')
    store.peers.lost('n2')
    clock.passSync(299_000)
    told()
    clock.passSync(2000)
    expect(told()).toEqual([{ kind: 'gone', owner: 'n2', id: 'a' }, { kind: 'nodes' }])
    expect(view()).toBeUndefined()
  })

  test('is that a former epoch’s targets are forgotten, though the present one never tells all', () => {
    list('a', 1)
    list('b', 2)
    store.peers.up({ ...speaker, epoch: 'e2' })
    list('b', 1, 1)
    clock.passSync(299_000)
    store.peers.up({ ...speaker, epoch: 'e2' })
    expect(ids().sort()).toEqual(['n2/a', 'n2/b'])
    told()
    clock.passSync(2000)
    expect(told()).toMatchObject([
      { kind: 'gone', owner: 'n2', id: 'a' },
      { kind: 'entry', entry: { target: { id: 'b' } } },
    ])
    clock.passSync(10_000)
    expect(told()).toEqual([])
  })

  test('a link that comes back in the same epoch keeps all', () => {
    list('a', 1)
    store.peers.lost('n2')
    clock.passSync(200_000)
    store.peers.up(speaker)
    clock.passSync(200_000)
    expect(ids()).toEqual(['n2/a'])
  })
})

describe('the swarmState', () => {
  test('of a manager that has left its Swarm gives way to another one’s, and else there is none', () => {
    const epoch = 'e1'
    store.identify(self(), new Set(['n2', 'n3']))
    store.peers.up({ self: self('n2', { manager: true }), version: '1.0.0', epoch })
    store.putRemoteSwarmState(swarmState(['1', '2']), 'n3', 9000)
    store.putRemoteSwarmState(swarmState(['1']), 'n2', 5000)
    expect(store.swarmState()).toMatchObject({ from: 'n2', value: swarmState(['1']) })
    store.peers.up({ self: self('engine', { swarm: false }), version: '1.0.0', epoch })
    expect(store.swarmState()).toMatchObject({ from: 'n3', value: swarmState(['1', '2']) })
    store.putSwarmState(swarmState(['1']))
    expect(store.swarmState()).toMatchObject({ from: 'n1' })
    store.identify(self('n8'), new Set(['n3']))
    expect(store.swarmState()).toMatchObject({ from: 'n3' })
    expect(store.own.swarmState()).toBeUndefined()
  })

  test('of this node alone is gone once it has left its Swarm', () => {
    store.putSwarmState(swarmState(['1']))
    changes.length = 0
    store.identify(self('engine', { swarm: false }))
    expect(store.swarmState()).toBeUndefined()
    expect(changes.map(({ kind }) => kind)).toEqual(['nodes', 'swarmState'])
  })

  test('is the youngest of all managers’, and ages', () => {
    store.identify(self(), new Set(['n3', 'n4']))
    changes.length = 0
    store.putRemoteSwarmState(swarmState(['1']), 'n3', 5000)
    store.putRemoteSwarmState(swarmState([]), 'n4', 9000)
    expect(store.swarmState()).toEqual({ value: swarmState(['1']), age: 5000, from: 'n3' })
    clock.passSync(1000)
    expect(store.swarmState()?.age).toBe(6000)
    expect(changes).toHaveLength(1)
    store.putSwarmState(swarmState(['1']))
    expect(store.swarmState()).toMatchObject({ age: 0, from: 'n1' })
    expect(changes).toHaveLength(1)
  })
})
