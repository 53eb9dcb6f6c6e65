import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { agentTarget, type Change, type Place, streamId } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { endpoint, found, replica, self, snapshot, swarmState, target } from './samples.ts'

let clock: VirtualClock
let store: Store
let changes: Change[]

beforeEach(() => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfterMs: 300_000, version: '1.0.0' })
  store.identify(self('n1', { manager: true }))
  changes = []
  store.subscribe((change) => changes.push(change))
})

const ids = () => [...store.entries()].map((entry) => `${entry.owner}/${entry.target.id}`)
const entry = (id: string, owner = 'n1') => store.entry(owner, id)

describe('own entries', () => {
  test('are replaced as a complete set: what is missing is gone', () => {
    store.replaceTargets([target('a'), target('b')])
    store.replaceTargets([target('b')])
    expect(ids()).toEqual(['n1/b'])
    expect(changes.at(-1)).toEqual({ kind: 'deleted', owner: 'n1', id: 'a' })
  })

  test('report no change when nothing changed', () => {
    store.replaceTargets([target('a')])
    store.putProbeResult('a', found)
    changes.length = 0
    store.replaceTargets([target('a')])
    store.putProbeResult('a', { ...found })
    store.identify(self('n1', { manager: true }))
    expect(changes).toEqual([])
  })

  test('keep the newest endpoint while probing fails', () => {
    store.replaceTargets([target('a')])
    store.putProbeResult('a', found)
    store.putProbeResult('a', {
      kind: 'not_found',
      failure: { code: 'connection_refused', reason: 'refused' },
    })
    expect(entry('a')).toMatchObject({ probeResult: { kind: 'not_found' }, endpoint: { port: 8080 } })
  })

  test('lose their metrics, in text and protobuf, with the endpoint that they are of, but not before', () => {
    store.replaceTargets([target('a')])
    store.putProbeResult('a', found)
    store.openStream('a')
    const ids = ['a', streamId('a', 'protobuf')]
    for (const id of ids) store.putSnapshot(id, snapshot(1))
    const before = ids.map((id) => store.ownNode.entry(id)!.generation)
    store.putProbeResult('a', { kind: 'searching' })
    store.putProbeResult('a', { kind: 'found', endpoint: { ...endpoint, source: 'a label' } })
    for (const id of ids) expect(entry(id)?.snapshot).toEqual(snapshot(1))
    store.putProbeResult('a', {
      kind: 'found',
      endpoint: { ...endpoint, url: 'http://10.0.0.3:8080/metrics' },
    })
    for (const [at, id] of ids.entries()) {
      expect(entry(id)).toMatchObject({ history: [{ ok: true }] })
      expect(entry(id)?.snapshot).toBeUndefined()
      const { generation, snapshotNumber } = store.ownNode.entry(id)!
      expect([generation > before[at]!, snapshotNumber]).toEqual([true, 0])
    }
  })

  test('ignore findings and snapshots of a target that is gone', () => {
    store.putProbeResult('x', found)
    store.putSnapshot('x', snapshot(1))
    expect(ids()).toEqual([])
  })

  test('keep the last twenty scrapes as history', () => {
    store.replaceTargets([target('a')])
    for (let durationMs = 1; durationMs <= 25; durationMs += 1)
      store.putSnapshot('a', { ...snapshot(1), durationMs })
    expect(entry('a')?.history.map(({ durationMs }) => durationMs)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 6),
    )
  })

  test('number listing and snapshot independently', () => {
    store.replaceTargets([target('a')])
    store.putSnapshot('a', snapshot(1))
    const { listingNumber, snapshotNumber: number } = store.ownNode.entry('a')!
    store.putSnapshot('a', snapshot(2))
    expect(store.ownNode.entry('a')!.listingNumber).toBe(listingNumber)
    expect(store.ownNode.entry('a')!.snapshotNumber).toBeGreaterThan(number)
  })

  test('stay when the node gets another id, with all that was found', () => {
    store.replaceTargets([target('a')])
    store.putProbeResult('a', found)
    store.putSnapshot('a', snapshot(1))
    const { owner, target: _, ...rest } = entry('a')!
    const before = store.ownNode.entry('a')!
    changes.length = 0
    store.identify(self('n2'))
    expect(ids()).toEqual(['n2/a'])
    expect(entry('a', 'n2')).toEqual({ owner: 'n2', target: target('a', { node: 'n2' }), ...rest })
    expect(store.ownNode.entry('a')).toMatchObject({
      snapshotNumber: before.snapshotNumber,
      generation: before.generation,
    })
    expect(store.ownNode.entry('a')!.listingNumber).toBeGreaterThan(before.listingNumber)
    expect(changes.map(({ kind }) => kind)).toEqual(['nodes', 'entry', 'deleted'])
    expect(changes.at(-1)).toEqual({ kind: 'deleted', owner: 'n1', id: 'a' })
    changes.length = 0
    store.replaceTargets([target('a', { node: 'n2' })])
    expect(changes).toEqual([])
  })
})

describe('an ended container', () => {
  test.each(['constructor', '__proto__', 'hasOwnProperty'])(
    'may name its service, its node or its slot %s',
    (key) => {
      store.identify(self(key, { manager: true }))
      const place = { kind: 'replicated', service: key, serviceId: key, slot: key, task: key } as const
      store.replaceTargets([target('a', { place }), target('b', { place: { ...place, kind: 'global' } })])
      for (const id of ['a', 'b']) store.putProbeResult(id, found)
      store.putSwarmState(swarmState(['1']))
      store.replaceTargets([])
      expect(ids()).toEqual([])
    },
  )

  const stopped = (exitCode: number) => ({ state: 'stopped', exitCode }) as const
  const withEndpoint = (one = target('a')) => {
    store.replaceTargets([one])
    store.putProbeResult(one.id, found)
  }

  test('stays after a failure, and no longer than FORGET_AFTER', () => {
    withEndpoint()
    store.replaceTargets([target('a', stopped(1))])
    expect(entry('a')?.ended).toEqual({ at: clock.now(), exitCode: 1, removed: false })
    clock.passSync(299_000)
    expect(ids()).toEqual(['n1/a'])
    clock.passSync(2000)
    expect(ids()).toEqual([])
  })

  test('has its entry back once it runs again', () => {
    withEndpoint()
    store.replaceTargets([target('a', stopped(1))])
    store.replaceTargets([target('a')])
    expect(entry('a')).toMatchObject({ target: { state: 'running' }, endpoint: { port: 8080 } })
    expect(entry('a')?.ended).toBeUndefined()
  })

  test('has no metrics from before its end once it runs again, in text or protobuf', () => {
    withEndpoint()
    store.openStream('a')
    const ids = ['a', streamId('a', 'protobuf')]
    for (const id of ids) store.putSnapshot(id, snapshot(clock.now()))
    const before = ids.map((id) => store.ownNode.entry(id)!.generation)
    store.replaceTargets([target('a', stopped(1))])
    store.replaceTargets([target('a')])
    for (const [at, id] of ids.entries()) {
      expect(entry(id)).toMatchObject({ history: [{ ok: true }] })
      expect(entry(id)?.snapshot).toBeUndefined()
      const { generation, snapshotNumber } = store.ownNode.entry(id)!
      expect([generation > before[at]!, snapshotNumber]).toEqual([true, 0])
    }
  })

  test('is dropped at once with exit code 0, without an endpoint, or when removed', () => {
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

  test('keeps all its endpoints if one of them had metrics, and loses one that labels no longer set', () => {
    store.replaceTargets(['a', 'a/2', 'a/3'].map((id) => target(id)))
    store.putProbeResult('a/2', found)
    store.replaceTargets(['a', 'a/2'].map((id) => target(id)))
    expect(ids()).toEqual(['n1/a', 'n1/a/2'])
    store.replaceTargets(['a', 'a/2'].map((id) => target(id, stopped(1))))
    expect(['a', 'a/2'].map((id) => entry(id)?.ended?.exitCode)).toEqual([1, 1])
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

describe('peer entries', () => {
  const agent = (epoch = 'e1') => ({ self: self('n2'), version: '1.0.0', epoch })
  const list = (id: string, number: number, generation = number) =>
    store.peers.update('n2', id, {
      ...{ kind: 'listing', number },
      value: { target: target(id, { node: 'n2' }), probeResult: found, endpoint, generation },
    })
  const show = (id: string, number: number) =>
    store.peers.update('n2', id, { kind: 'snapshot', number, value: snapshot(number) })

  test('a restarted owner’s entries stay until it has sent everything', () => {
    store.peers.setAgent(agent('e1'))
    for (const id of ['a', 'b']) {
      list(id, 1)
      show(id, 2)
    }
    store.peers.setAgent(agent('e2'))
    expect([...store.peers.records('n2').values()].some(({ listing }) => listing)).toBe(false)
    store.peers.update('n2', 'a', {
      ...{ kind: 'listing', number: 1 },
      value: { target: target('a', { node: 'n2' }), probeResult: { kind: 'searching' }, generation: 1 },
    })
    expect(entry('a', 'n2')).toMatchObject({ endpoint: { port: 8080 }, snapshot: { ok: true, at: 2 } })
    expect(entry('b', 'n2')).toMatchObject({ snapshot: { ok: true } })
    store.peers.complete('n2')
    expect(ids()).toEqual(['n2/a'])
    expect(entry('a', 'n2')?.snapshot).toBeUndefined()
  })

  test('an agent that gets another node id keeps all that it sent', () => {
    store.peers.setAgent(agent('e1'))
    list('a', 1)
    show('a', 2)
    const { owner: _, target: __, ...rest } = entry('a', 'n2')!
    changes.length = 0
    store.peers.setAgent({ self: self('n9'), version: '1.0.0', epoch: 'e1' })
    expect(ids()).toEqual(['n9/a'])
    expect(entry('a', 'n9')).toEqual({ owner: 'n9', target: target('a', { node: 'n9' }), ...rest })
    expect(store.nodes().map((node) => [node.self.node, node.link])).toEqual([
      ['n1', 'self'],
      ['n9', 'up'],
    ])
    expect(changes.map(({ kind }) => kind)).toEqual(['nodes', 'entry', 'deleted'])
    store.peers.lost('n2')
    expect(store.nodes()).toHaveLength(2)
  })

  test('an epoch that returns after another one loses what it does not send again', () => {
    store.peers.setAgent(agent('e1'))
    for (const id of ['a', 'removed']) list(id, 1)
    store.peers.setAgent(agent('e2'))
    store.peers.setAgent(agent('e1'))
    list('a', 1)
    expect(ids().sort()).toEqual(['n2/a', 'n2/removed'])
    store.peers.complete('n2')
    expect(ids()).toEqual(['n2/a'])
  })

  test('what an agent sent under its previous node id is in the digest under the new one', () => {
    store.peers.setAgent(agent('e1'))
    list('a', 1)
    show('a', 3)
    store.peers.setAgent({ self: self('n9'), version: '1.0.0', epoch: 'e1' })
    expect(store.peers.records('n9').get('a')).toMatchObject({ listing: { number: 1 }, page: { number: 3 } })
    expect(store.peers.records('n2').size).toBe(0)
  })

  test('a lost node’s id that becomes our own takes its entries away', () => {
    store.peers.setAgent(agent('e1'))
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
    expect(last).toEqual({ kind: 'deleted', owner: 'n1', id: 'a' })
  })

  describe('a lost node whose agent the Swarm expects', () => {
    const facts = { engineVersion: '28.5.2', labels: {} }
    const node = { hostname: 'n2', address: '10.0.0.2', role: 'worker', state: 'down', ...facts } as const
    const swarm = (availability?: string) => ({
      ...swarmState(['1']),
      nodes: new Map(availability === undefined ? [] : [['n2', { ...node, availability }]]),
    })
    const forget = () => clock.passSync(302_000)
    beforeEach(() => {
      store.putSwarmState(swarm('active'))
      store.peers.setAgent(agent())
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

    test('that is drained has no agent that is missing', () => {
      store.putSwarmState(swarm('drain'))
      clock.passSync(1000)
      expect([links(), ids()]).toEqual([['n1 self', 'n2 lost'], ['n2/a']])
    })

    test('has all its entries again once it returns', () => {
      forget()
      store.peers.setAgent(agent('e2'))
      list('a', 1)
      list(agentTarget, 2)
      store.peers.complete('n2')
      expect([links(), ids().sort()]).toEqual([
        ['n1 self', 'n2 up'],
        ['n2/a', `n2/${agentTarget}`],
      ])
    })
  })

  test('a lost node with a configured address keeps its agent', () => {
    let addressed = true
    store = createStore({ clock, forgetAfterMs: 300_000, version: '1', isAddressed: () => addressed })
    store.identify(self('n1', { swarm: false }))
    store.peers.setAgent(agent())
    list(agentTarget, 1)
    store.peers.lost('n2')
    clock.passSync(302_000)
    expect(ids()).toEqual([`n2/${agentTarget}`])
    addressed = false
    clock.passSync(1000)
    expect([ids(), store.nodes().length]).toEqual([[], 1])
  })

  test('of a node whose id becomes our own are gone', () => {
    store.peers.setAgent(agent())
    list('a', 1)
    store.identify(self('n2', { hostname: 'ours' }))
    expect([ids(), store.nodes().map((one) => one.self.hostname)]).toEqual([[], ['ours']])
  })

  test('a target that is withdrawn and returns has no old snapshot', () => {
    store.peers.setAgent(agent())
    list('a', 1)
    show('a', 2)
    store.peers.delete('n2', 'a')
    expect(ids()).toEqual([])
    list('a', 4)
    expect(entry('a', 'n2')?.snapshot).toBeUndefined()
  })

  test('are bounded per node', () => {
    store.peers.setAgent(agent())
    for (let n = 1; n <= 40_000; n += 1) list(`c${n}`, n)
    expect(() => list('one more', 40_001)).toThrow('more than 40000 targets')
    list('c1', 40_001, 1)
    // what comes late of one that was withdrawn changes nothing
    store.peers.update('n2', 'withdrawn', { kind: 'unusable' })
    expect(ids()).toHaveLength(40_000)
  })

  describe('whose pages are bounded in the sum', () => {
    function open(maxPeerPageBytes = 8000): void {
      store = createStore({ clock, forgetAfterMs: 300_000, version: '1.0.0', maxPeerPageBytes })
      store.identify(self())
      store.peers.setAgent(agent())
    }
    beforeEach(() => open())
    const showBytes = (id: string, number: number, bytes: number) =>
      store.peers.update('n2', id, {
        ...{ kind: 'snapshot', number },
        value: snapshot(number, 'x'.repeat(bytes)),
      })
    const failed = () =>
      [...store.entries()].flatMap(({ target, snapshot }) =>
        snapshot && !snapshot.ok ? [`${target.id} ${snapshot.failure.code}`] : [],
      )
    const fill = () => {
      for (const [at, id] of [...'abcdefgh'].entries()) {
        list(id, at + 1)
        showBytes(id, at + 11, 1000)
      }
    }

    test('a new one that has no room is a failure, and those that are here stay', () => {
      fill()
      expect(failed()).toEqual(['h overloaded'])
      expect(entry('h', 'n2')).toMatchObject({
        snapshot: { at: 18, durationMs: 3, failure: { reason: expect.stringContaining('other nodes') } },
        history: [{ ok: false }],
      })
      // what a refresh waits for has arrived
      expect(store.peers.records('n2').get('h')).toMatchObject({ snapshot: { number: 18 } })
    })

    test('those that are here may grow until all is full; one that can’t leaves its room to others', () => {
      fill()
      showBytes('a', 20, 2000)
      expect(failed()).toEqual(['h overloaded'])
      showBytes('b', 21, 1001)
      expect(failed()).toEqual(['b overloaded', 'h overloaded'])
      expect(store.peers.records('n2').get('b')).not.toHaveProperty('page')
      showBytes('c', 22, 2000)
      expect(failed()).toEqual(['b overloaded', 'h overloaded'])
      store.peers.delete('n2', 'c')
      showBytes('b', 23, 1000)
      expect(failed()).toEqual(['h overloaded'])
    })

    test('large ones have half of it', () => {
      const mebi = 2 ** 20
      open(8 * mebi)
      for (const [at, id] of ['a', 'b', 'c'].entries()) {
        list(id, at + 1)
        showBytes(id, at + 11, 1.5 * mebi)
      }
      list('small', 4)
      showBytes('small', 14, mebi)
      expect(failed()).toEqual(['c overloaded'])
    })

    test('a restarted owner has room for what it had', () => {
      fill()
      store.peers.setAgent(agent('e2'))
      fill()
      expect(failed()).toEqual(['h overloaded'])
    })

    test('all of it is free again once all are gone, whatever happened', () => {
      const id = fc.constantFrom('a', 'b')
      const step = fc.oneof(
        fc.record({ kind: fc.constant('list'), id }),
        fc.record({ kind: fc.constant('show'), id, bytes: fc.integer({ min: 0, max: 5000 }) }),
        fc.record({ kind: fc.constant('remove'), id }),
        fc.record({ kind: fc.constantFrom('unusable', 'fail', 'repacked'), id }),
        fc.record({ kind: fc.constantFrom('complete', 'restart', 'move') }),
      )
      let number = 100
      let epoch = 0
      function restart(): void {
        epoch += 1
        store.peers.setAgent(agent(`e${epoch}`))
      }
      function play({ kind, id = '', bytes = 0 }: { kind: string; id?: string; bytes?: number }): void {
        const { peers } = store
        number += 1
        const failure = { code: 'connection_refused', reason: 'no' } as const
        const page = peers.records('n2').get(id)?.page
        if (kind === 'list') list(id, number)
        else if (kind === 'show') showBytes(id, number, bytes)
        else if (kind === 'remove') peers.delete('n2', id)
        else if (kind === 'unusable') peers.update('n2', id, { kind })
        else if (kind === 'fail')
          peers.update('n2', id, {
            ...{ kind: 'snapshot', number },
            value: { ok: false, at: 0, durationMs: 1, failure },
          })
        else if (kind === 'repacked' && page) {
          const value = { ...page.value, content: { kind: 'plain' as const, bytes: new Uint8Array(300) } }
          peers.update('n2', id, { kind, number: page.number, value })
        } else if (kind === 'complete') peers.complete('n2')
        else if (kind === 'restart') restart()
        else if (kind === 'move')
          for (const node of ['n9', 'n2']) peers.setAgent({ ...agent(`e${epoch}`), self: self(node) })
      }
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
          open()
          restart()
          for (const one of steps) play(one)
          restart()
          store.peers.complete('n2')
          expect([...store.entries()]).toEqual([])
          fill()
          expect(failed()).toEqual(['h overloaded'])
        }),
      )
    })
  })

  test('a replica that the managers don’t list is provisional, until they do; then it stays known', () => {
    const listReplica = (number: number) =>
      store.peers.update('n2', 'a', {
        ...{ kind: 'listing', number },
        value: { target: replica('a', '1', { node: 'n2' }), probeResult: found, endpoint, generation: 1 },
      })
    const isProvisional = () => 'provisional' in entry('a', 'n2')!.target.place
    const swarm = (...ids: readonly string[]) => ({
      ...swarmState(['1']),
      containers: new Map([['n2', ids]]),
    })
    store.peers.setAgent(agent())
    listReplica(1)
    expect(isProvisional()).toBe(false)
    store.putSwarmState(swarm())
    expect(isProvisional()).toBe(true)
    listReplica(2)
    expect(isProvisional()).toBe(true)
    changes.length = 0
    store.putSwarmState(swarm('other'))
    expect(changes).toEqual([{ kind: 'swarmState' }])
    store.putSwarmState(swarm('a'))
    expect(isProvisional()).toBe(false)
    store.putSwarmState(swarm())
    listReplica(3)
    expect(isProvisional()).toBe(false)
  })

  test('a replica that the managers don’t list is provisional, also if only an earlier start of its agent had it', () => {
    store.peers.setAgent(agent())
    store.peers.update('n2', 'a', {
      ...{ kind: 'listing', number: 1 },
      value: { target: replica('a', '1', { node: 'n2' }), probeResult: found, endpoint, generation: 1 },
    })
    store.peers.setAgent(agent('e2'))
    expect(entry('a', 'n2')!.target.place).not.toHaveProperty('provisional')
    store.putSwarmState({ ...swarmState(['1']), containers: new Map([['n2', ['a']]]) })
    expect(entry('a', 'n2')!.target.place).not.toHaveProperty('provisional')
    store.putSwarmState({ ...swarmState(['1']), containers: new Map([['n2', []]]) })
    expect(entry('a', 'n2')!.target.place).toHaveProperty('provisional')
  })

  test('a replica that its owner sends as provisional is known if the managers list it', () => {
    const place = { ...replica('a').place, provisional: true } as Place
    const listProvisional = (number: number) =>
      store.peers.update('n2', 'a', {
        ...{ kind: 'listing', number },
        value: { target: target('a', { node: 'n2', place }), probeResult: found, endpoint, generation: 1 },
      })
    store.peers.setAgent(agent())
    listProvisional(1)
    expect(entry('a', 'n2')!.target.place).toHaveProperty('provisional')
    store.putSwarmState({ ...swarmState(['1']), containers: new Map([['n2', ['a']]]) })
    expect(entry('a', 'n2')!.target.place).not.toHaveProperty('provisional')
    listProvisional(2)
    expect(entry('a', 'n2')!.target.place).not.toHaveProperty('provisional')
  })
})

describe('a swarm state from a peer', () => {
  test('is used only if the local engine lists the peer as a manager', () => {
    expect(store.putRemoteSwarmState(swarmState(['1']), 'n2', 0)).toBe(false)
    expect(store.swarmState()).toBeUndefined()
    store.identify(self(), new Set(['n2']))
    expect(store.swarmState()).toMatchObject({ from: 'n2' })
    expect(store.putRemoteSwarmState(swarmState(['1', '2']), 'n2', 0)).toBe(true)
    expect(store.putRemoteSwarmState(swarmState([]), 'n3', 0)).toBe(false)
    expect(store.swarmState()).toMatchObject({ from: 'n2' })
  })

  test('of the last manager is used until another has sent one, but nothing that it sends as a worker', () => {
    store.identify(self(), new Set(['n2']))
    store.putRemoteSwarmState(swarmState(['1']), 'n2', 0)
    store.identify(self(), new Set(['n3']))
    expect(store.swarmState()).toMatchObject({ from: 'n2', value: swarmState(['1']) })
    store.putRemoteSwarmState(swarmState(['1', '2']), 'n3', 9000)
    expect(store.swarmState()).toMatchObject({ from: 'n3' })
    store.identify(self(), new Set(['n1']))
    store.putRemoteSwarmState(swarmState([]), 'n2', 0)
    expect(store.swarmState()).toMatchObject({ from: 'n3' })
  })
})

test('a reported scrape has the unpacked body, which the entry doesn’t keep', () => {
  store.replaceTargets([target('a')])
  changes.splice(0)
  const unpacked = Buffer.from('a 1\n')
  store.putSnapshot('a', snapshot(1), unpacked)
  expect(changes).toMatchObject([{ kind: 'entry', unpacked }])
  expect(entry('a')).not.toHaveProperty('unpacked')
})

describe('reported changes of peers', () => {
  const agent = { self: self('n2'), version: '1.0.0', epoch: 'e1' }
  const list = (id: string, number: number, generation = number) =>
    store.peers.update('n2', id, {
      ...{ kind: 'listing', number },
      value: { target: target(id, { node: 'n2' }), probeResult: found, endpoint, generation },
    })
  const show = (id: string, number: number) =>
    store.peers.update('n2', id, { kind: 'snapshot', number, value: snapshot(number) })
  const withdraw = (id: string) => store.peers.delete('n2', id)
  /** The changes since the last call. */
  const reported = () => changes.splice(0)
  const view = () => store.nodes().find(({ self }) => self.node === 'n2')

  beforeEach(() => {
    store.peers.setAgent(agent)
    reported()
  })

  test('are each change of an entry, with the entry before it', () => {
    list('a', 1)
    const first = entry('a', 'n2')!
    expect(reported()).toStrictEqual([{ kind: 'entry', entry: first }])
    show('a', 2)
    expect(reported()).toStrictEqual([{ kind: 'entry', entry: entry('a', 'n2'), before: first }])
    withdraw('a')
    expect(reported()).toEqual([{ kind: 'deleted', owner: 'n2', id: 'a' }])
  })

  test('are none where nothing changed', () => {
    list('a', 1)
    show('b', 3)
    reported()
    list('a', 1)
    withdraw('b')
    store.peers.delete('n3', 'a')
    store.peers.lost('n3')
    store.peers.setRoundTrip('n3', 5)
    store.peers.complete('n3')
    store.peers.setFailure('n3', undefined)
    expect(reported()).toEqual([])
    expect(ids()).toEqual(['n2/a'])
  })

  test('include the link, and since when it is up or lost', () => {
    const linkedAt = clock.now()
    clock.passSync(1000)
    store.peers.setAgent({ ...agent, version: '2.0.0' }, { code: 'timeout', reason: 'black hole' })
    expect(view()).toEqual({
      self: self('n2'),
      version: '2.0.0',
      link: 'up',
      since: linkedAt,
      failure: { code: 'timeout', reason: 'black hole' },
    })
    store.peers.setRoundTrip('n2', 7)
    expect(view()).toMatchObject({ roundTripMs: 7 })
    expect(reported()).toEqual([{ kind: 'nodes' }])
    store.peers.lost('n2')
    expect(view()).toStrictEqual({ self: self('n2'), version: '2.0.0', link: 'lost', since: clock.now() })
    expect(reported()).toEqual([{ kind: 'nodes' }])
    clock.passSync(1000)
    store.peers.lost('n2', { code: 'reset', reason: 'reset' })
    expect(view()).toMatchObject({ since: clock.now() - 1000, failure: { code: 'reset' } })
    store.peers.setAgent(agent)
    expect(view()).toStrictEqual({ self: self('n2'), version: '1.0.0', link: 'up', since: clock.now() })
  })

  test('include that a lost node is forgotten, with all its entries', () => {
    list('a', 1)
    list('b', 2)
    withdraw('b')
    store.peers.lost('n2')
    clock.passSync(299_000)
    reported()
    clock.passSync(2000)
    expect(reported()).toEqual([{ kind: 'deleted', owner: 'n2', id: 'a' }, { kind: 'nodes' }])
    expect(view()).toBeUndefined()
  })

  test('include that a previous epoch’s targets are forgotten, though the present one never completes', () => {
    list('a', 1)
    list('b', 2)
    store.peers.setAgent({ ...agent, epoch: 'e2' })
    list('b', 1, 1)
    clock.passSync(299_000)
    store.peers.setAgent({ ...agent, epoch: 'e2' })
    expect(ids().sort()).toEqual(['n2/a', 'n2/b'])
    reported()
    clock.passSync(2000)
    expect(reported()).toMatchObject([
      { kind: 'deleted', owner: 'n2', id: 'a' },
      { kind: 'entry', entry: { target: { id: 'b' } } },
    ])
    clock.passSync(10_000)
    expect(reported()).toEqual([])
  })

  test('are none when a link returns in the same epoch', () => {
    list('a', 1)
    store.peers.lost('n2')
    clock.passSync(200_000)
    store.peers.setAgent(agent)
    clock.passSync(200_000)
    expect(ids()).toEqual(['n2/a'])
  })
})

describe('the swarm state', () => {
  test('of a manager that has left its Swarm is replaced by another manager’s', () => {
    const epoch = 'e1'
    store.identify(self('n1', { manager: true }), new Set(['n2', 'n3']))
    store.peers.setAgent({ self: self('n2', { manager: true }), version: '1.0.0', epoch })
    store.putRemoteSwarmState(swarmState(['1', '2']), 'n3', 9000)
    store.putRemoteSwarmState(swarmState(['1']), 'n2', 5000)
    expect(store.swarmState()).toMatchObject({ from: 'n2', value: swarmState(['1']) })
    store.peers.setAgent({ self: self('engine', { swarm: false }), version: '1.0.0', epoch })
    expect(store.swarmState()).toMatchObject({ from: 'n3', value: swarmState(['1', '2']) })
    store.putSwarmState(swarmState(['1']))
    expect(store.swarmState()).toMatchObject({ from: 'n1' })
    store.identify(self('n8'), new Set(['n3']))
    expect(store.swarmState()).toMatchObject({ from: 'n3' })
    expect(store.ownNode.swarmState()).toBeUndefined()
  })

  test('of this node gives way to any manager’s once the node is none, however new it is', () => {
    store.identify(self('n1', { manager: true }), new Set(['n2']))
    store.putSwarmState(swarmState(['1']))
    store.identify(self(), new Set(['n2']))
    expect(store.swarmState()).toMatchObject({ from: 'n1' })
    store.putRemoteSwarmState(swarmState(['1', '2']), 'n2', 9000)
    expect(store.swarmState()).toMatchObject({ from: 'n2' })
  })

  test('that a peer sent as another node is not this node’s own when it gets that node’s id', () => {
    store.identify(self('engine', { swarm: false }))
    store.peers.setAgent({ self: self('n1', { manager: true }), version: '1.0.0', epoch: 'e1' })
    store.putRemoteSwarmState(swarmState(['invented']), 'n1', 0)
    store.identify(self('n1', { manager: true }), new Set(['n1']))
    expect(store.swarmState()).toBeUndefined()
  })

  test('of a manager that is gone for long is not used again', () => {
    store.identify(self(), new Set(['n2', 'n3']))
    store.putRemoteSwarmState(swarmState([]), 'n3', 0)
    clock.passSync(61_000)
    store.putRemoteSwarmState(swarmState(['1']), 'n2', 0)
    store.identify(self(), new Set(['n3']))
    expect(store.swarmState()).toMatchObject({ from: 'n2' })
  })

  test('of this node alone is gone once it has left its Swarm', () => {
    store.putSwarmState(swarmState(['1']))
    changes.length = 0
    store.identify(self('engine', { swarm: false }))
    expect(store.swarmState()).toBeUndefined()
    expect(changes.map(({ kind }) => kind)).toEqual(['nodes', 'swarmState'])
  })

  test('that is read again unchanged is the same object', () => {
    store.putSwarmState(swarmState(['1']))
    const { value } = store.ownNode.swarmState()!
    clock.passSync(5000)
    store.putSwarmState(swarmState(['1']))
    expect(store.ownNode.swarmState()).toEqual({ value, ageMs: 0, from: 'n1' })
    expect(store.ownNode.swarmState()!.value).toBe(value)
    expect(store.swarmState()!.value).toBe(value)
    store.putSwarmState(swarmState(['1', '2']))
    expect(store.swarmState()!.value).toEqual(swarmState(['1', '2']))
  })

  test('is the newest of all managers’, and ages', () => {
    store.identify(self('n1', { manager: true }), new Set(['n3', 'n4']))
    changes.length = 0
    store.putRemoteSwarmState(swarmState(['1']), 'n3', 5000)
    store.putRemoteSwarmState(swarmState([]), 'n4', 9000)
    expect(store.swarmState()).toEqual({ value: swarmState(['1']), ageMs: 5000, from: 'n3' })
    clock.passSync(1000)
    expect(store.swarmState()?.ageMs).toBe(6000)
    expect(changes).toHaveLength(1)
    store.putSwarmState(swarmState(['1']))
    expect(store.swarmState()).toMatchObject({ ageMs: 0, from: 'n1' })
    expect(changes).toHaveLength(1)
  })
})
