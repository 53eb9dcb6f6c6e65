import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { snapshot, swarmState, target } from '../store/samples.ts'
import { type Agent, type Cluster, createCluster } from './cluster.ts'

let cluster: Cluster
afterEach(async () => {
  for (const host of [...cluster.agents.keys()]) await cluster.kill(host)
})

function three() {
  cluster = createCluster(['n1', 'n2', 'n3'])
  return [cluster.start('n1'), cluster.start('n2'), cluster.start('n3')] as const
}

const agree = () => {
  const [first, ...others] = [...cluster.agents.keys()].map(cluster.view)
  for (const other of others) expect(other).toEqual(first)
}

const page = (value: number) =>
  Array.from({ length: 50 }, (_, n) => `metric_${n}{a="b"} ${n === 7 ? value : n}`).join('\n')

describe('in the steady state', () => {
  test('every agent holds every page, over one link a pair', async () => {
    const agents = three()
    for (const agent of agents) {
      agent.run(`c-${agent.node}`)
      agent.show(`c-${agent.node}`, page(1))
    }
    await cluster.clock.pass(2000)
    agree()
    expect(agents[0].text('n3', 'c-n3')).toBe(page(1))
    for (const [a, b] of [
      ['n1', 'n2'],
      ['n1', 'n3'],
      ['n2', 'n3'],
    ] as const)
      expect(cluster.network.links(a, b)).toBe(1)
    expect(agents[0].mesh.isComplete()).toBe(true)
    expect(agents[0].mesh.peers().map(({ address, state }) => [address, state])).toEqual([
      ['n2', 'connected'],
      ['n3', 'connected'],
    ])
  })

  test('a new page is visible at once, as a delta, and what is withdrawn is gone at once', async () => {
    const [n1, n2] = three()
    n1.run('a', 'b')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    const before = n2.mesh.peers().find(({ node }) => node === 'n1')!.receivedBytes
    n1.show('a', page(2))
    await cluster.clock.pass(30)
    expect(n2.text('n1', 'a')).toBe(page(2))
    expect(n2.mesh.peers().find(({ node }) => node === 'n1')!.receivedBytes - before).toBeLessThan(500)
    n1.run('b')
    await cluster.clock.pass(30)
    expect(n2.store.entry('n1', 'a')).toBeUndefined()
  })

  test('a new page is shown, also with the length and the CRC-32 of the one before it', async () => {
    const [n1, n2] = three()
    const pages = ['x 9668669156977664\n', 'x 9679236465741824\n'] as const
    expect(new Set(pages.map((text) => crc32(text))).size).toBe(1)
    n1.run('a')
    n1.show('a', pages[0])
    await cluster.clock.pass(2000)
    n1.show('a', pages[1])
    await cluster.clock.pass(30)
    expect(n2.text('n1', 'a')).toBe(pages[1])
  })

  test('where nothing else is about to change, a new page waits for nothing', async () => {
    const [n1, n2] = three()
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    n1.show('a', page(2))
    n1.mesh.flush()
    await cluster.clock.pass(2)
    expect(n2.text('n1', 'a')).toBe(page(2))
  })

  test('what was there before sync started is sent too', async () => {
    cluster = createCluster(['n1', 'n2'])
    cluster.start('n1', {
      before(store) {
        store.replaceTargets([target('a')])
        store.putSnapshot('a', snapshot(0, 'early 1'))
      },
    })
    const n2 = cluster.start('n2')
    await cluster.clock.pass(2000)
    expect(n2.text('n1', 'a')).toBe('early 1')
  })

  test('a failure is sent, and the page after it is a delta again', async () => {
    const [n1, n2] = three()
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    n1.fail('a')
    await cluster.clock.pass(30)
    expect(n2.store.entry('n1', 'a')?.snapshot).toMatchObject({
      ok: false,
      failure: { code: 'connection_refused' },
    })
    n1.show('a', page(3))
    await cluster.clock.pass(30)
    expect(n2.text('n1', 'a')).toBe(page(3))
    expect(n2.delays).toHaveLength(1)
  })

  test('a page that has no room at a peer is a failure there, also for who reads it live, until it has', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1', { maxPeerPageBytes: 3000 })
    const random = () => randomBytes(2000).toString('base64')
    const shown = random()
    const n2 = cluster.start('n2', { refreshOwn: async (agent, id) => agent.show(id, shown) })
    n2.run('a', 'b')
    n2.show('a', random())
    n2.show('b', random())
    await cluster.clock.pass(2000)
    const failed = { ok: false, failure: { code: 'overloaded' } }
    expect(n1.store.entry('n2', 'a')?.snapshot).toMatchObject({ ok: true })
    expect(n1.store.entry('n2', 'b')?.snapshot).toMatchObject(failed)
    const read = n1.mesh.refresh('n2', 'b', 500)
    await cluster.clock.pass(100)
    await read
    expect(n1.store.entry('n2', 'b')?.snapshot).toMatchObject(failed)
    n2.run('b')
    await cluster.clock.pass(100)
    const reread = n1.mesh.refresh('n2', 'b', 500)
    await cluster.clock.pass(100)
    await reread
    expect(n1.text('n2', 'b')).toBe(shown)
  })

  test('managers share the swarmState, and its age keeps low', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1', { self: { manager: true } })
    const n2 = cluster.start('n2')
    n1.store.putSwarmState(swarmState(['1']))
    await cluster.clock.pass(2000)
    expect(n2.store.swarmState()).toMatchObject({ from: 'n1', value: swarmState(['1']) })
    await cluster.clock.pass(28_000)
    n1.store.putSwarmState(swarmState(['1']))
    await cluster.clock.pass(12_000)
    expect(n2.store.swarmState()!.ageMs).toBeLessThan(13_000)
  })

  test('what a manager learns is known at once, and so is that it has become one', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1')
    const n2 = cluster.start('n2')
    await cluster.clock.pass(2000)
    n1.store.identify({ ...n1.store.ownNode.self(), manager: true }, new Set(['n1']))
    await cluster.clock.pass(50)
    expect(n2.store.nodes()[1]).toMatchObject({ self: { manager: true } })
    n1.store.putSwarmState(swarmState(['1']))
    await cluster.clock.pass(50)
    expect(n2.store.swarmState()).toMatchObject({ from: 'n1' })
  })

  test('a manager that the engine did not list yet is used as soon as the engine has been read again', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1')
    const reads: number[] = []
    const n2 = cluster.start('n2', {
      managers: [],
      rereadManagers({ store }) {
        reads.push(cluster.clock.now())
        // the engine learns of it some time after the promotion
        store.identify({ ...store.ownNode.self() }, new Set(reads.length > 1 ? ['n1'] : []))
      },
    })
    await cluster.clock.pass(2000)
    n1.store.identify({ ...n1.store.ownNode.self(), manager: true }, new Set(['n1']))
    n1.store.putSwarmState(swarmState(['1']))
    await cluster.clock.pass(100)
    expect(reads).toHaveLength(1)
    expect(n2.store.swarmState()).toBeUndefined()
    await cluster.clock.pass(5900)
    expect(n2.store.swarmState()).toMatchObject({ from: 'n1' })
    await cluster.clock.pass(60_000)
    expect(reads.length).toBeLessThanOrEqual(4)
    expect(n2.logged).toEqual([])
  })

  test('a peer that is never listed as a manager makes the engine be read every 5 s at most, and no longer than 45 s', async () => {
    cluster = createCluster(['n1', 'n2', 'n3'])
    const managers = ['n1', 'n3'].map((host) => cluster.start(host, { self: { manager: true } }))
    let reads = 0
    const n2 = cluster.start('n2', { managers: [], rereadManagers: () => (reads += 1) })
    for (const { store } of managers) store.putSwarmState(swarmState(['1']))
    await cluster.clock.pass(120_000)
    expect(reads).toBeGreaterThanOrEqual(8)
    expect(reads).toBeLessThanOrEqual(10)
    expect(n2.store.swarmState()).toBeUndefined()
    expect(n2.logged.join()).toContain('does not list it as a manager')
  })

  test('a node that gets another id is linked anew under that, with its containers', async () => {
    const [n1, n2] = three()
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    n1.store.identify({ ...n1.store.ownNode.self(), node: 'n9' })
    for (let ms = 0; ms < 2000; ms += 1) {
      const known = [...n2.store.entries()].map(({ target, snapshot }) => [target.id, snapshot?.ok])
      expect(known).toEqual([['a', true]])
      await cluster.clock.pass(1)
    }
    n1.store.replaceTargets(['a', 'b'].map((id) => target(id, { node: 'n9' })))
    n1.show('a', page(2))
    await cluster.clock.pass(8000)
    const links = n2.store.nodes().map(({ self, link }) => [self.node, link])
    expect(links).toEqual([
      ['n2', 'self'],
      ['n3', 'up'],
      ['n9', 'up'],
    ])
    expect(n2.text('n9', 'a')).toBe(page(2))
    expect(n2.store.entry('n9', 'b')).toBeDefined()
    agree()
    expect(n2.logged).toHaveLength(1)
    expect(n2.logged[0]).toContain('the peer ended the link: the node has got another id')
    expect(cluster.network.links('n1', 'n2')).toBe(1)
  })

  test('a node that goes to and fro between two ids is known by one at a time, by every other agent', async () => {
    const [n1, n2, n3] = three()
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    for (let round = 1; round <= 4; round += 1) {
      const node = round % 2 === 0 ? 'n1' : 'engine'
      n1.store.identify({ ...n1.store.ownNode.self(), node })
      await cluster.clock.pass(5000)
      n1.show('a', page(10 + round))
      await cluster.clock.pass(50)
      for (const agent of [n2, n3]) {
        expect([...agent.store.entries()].map(({ owner }) => owner)).toEqual([node])
        expect(agent.text(node, 'a')).toBe(page(10 + round))
      }
      agree()
    }
  })

  test('clocks that differ make no difference', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1', { skew: 1e9 })
    const n2 = cluster.start('n2', { skew: -5e8 })
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(3000)
    const { snapshot } = n2.store.entry('n1', 'a')!
    expect(n2.clock.now() - snapshot!.at).toBeGreaterThan(2900)
    expect(n2.clock.now() - snapshot!.at).toBeLessThanOrEqual(3000)
  })
})

describe('finding each other', () => {
  test('several addresses of one agent still give one link, and no link is given up for another', async () => {
    cluster = createCluster(['n1', 'n2', 'n2-by-another-network'])
    const n1 = cluster.start('n1')
    const n2 = cluster.start('n2')
    cluster.network.listen('n2-by-another-network', n2.mesh.accept)
    await cluster.clock.pass(2000)
    const since = n1.store.nodes().find(({ self }) => self.node === 'n2')?.since
    await cluster.clock.pass(70_000)
    expect(n1.store.nodes().find(({ self }) => self.node === 'n2')).toMatchObject({ link: 'up', since })
    expect(cluster.network.links('n1', 'n2') + cluster.network.links('n1', 'n2-by-another-network')).toBe(1)
    expect(n1.mesh.peers().map(({ node, state }) => [node, state])).toEqual([
      ['n2', 'connected'],
      ['n2', 'connected'],
    ])
  })

  test('one that nobody finds calls the others', async () => {
    cluster = createCluster([])
    const n1 = cluster.start('n1', { addresses: [] })
    cluster.start('n2', { addresses: ['n1'] })
    await cluster.clock.pass(2000)
    expect(n1.mesh.peers()).toMatchObject([{ node: 'n2', state: 'connected' }])
  })
})

test('a slow peer gets the newest page when it can take more, not all that were missed', async () => {
  const [n1, n2, n3] = three()
  n1.run('a')
  n1.show('a', page(0))
  await cluster.clock.pass(2000)
  cluster.network.wire('n1', 'n2').full = true
  const sent = () => n1.mesh.peers().find(({ node }) => node === 'n2')!.sentBytes
  await cluster.clock.pass(1000)
  const before = sent()
  for (let value = 1; value <= 500; value += 1) {
    n1.show('a', page(value))
    await cluster.clock.pass(2)
  }
  await cluster.clock.pass(30)
  expect(n3.text('n1', 'a')).toBe(page(500))
  expect(sent() - before).toBeLessThan(500)
  cluster.network.release('n1', 'n2')
  await cluster.clock.pass(30)
  expect(n2.text('n1', 'a')).toBe(page(500))
})

describe('a refresh', () => {
  test('brings the new snapshot before its reply', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1', { refreshOwn: async (agent, id) => agent.show(id, page(9)) })
    const n2 = cluster.start('n2')
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    const requested = n2.mesh.refresh('n1', 'a', 1000).then(() => n2.text('n1', 'a'))
    await cluster.clock.pass(30)
    expect(await requested).toBe(page(9))
  })

  test('reports the owner’s failure, and ends with its budget', async () => {
    cluster = createCluster(['n1', 'n2'])
    cluster.start('n1', {
      refreshOwn: (agent, id) =>
        id === 'slow'
          ? agent.clock.sleep(60_000)
          : Promise.reject(new ProxyError('not_found', 'no such container')),
    })
    const n2 = cluster.start('n2')
    await cluster.clock.pass(2000)
    const [unknown, slow] = ['x', 'slow'].map((id) => n2.mesh.refresh('n1', id, 1000).catch((error) => error))
    await cluster.clock.pass(1500)
    expect(await unknown).toMatchObject({ code: 'not_found', message: 'no such container' })
    expect(await slow).toMatchObject({ code: 'timeout' })
  })

  test('fails at once without a link, and when the link is lost', async () => {
    cluster = createCluster(['n1', 'n2'])
    cluster.start('n1', { refreshOwn: (agent) => agent.clock.sleep(60_000) })
    const n2 = cluster.start('n2')
    await expect(n2.mesh.refresh('n1', 'a', 1000)).rejects.toMatchObject({ code: 'owner_lost' })
    await cluster.clock.pass(2000)
    const requested = n2.mesh.refresh('n1', 'a', 50_000).catch((error) => error)
    await cluster.clock.pass(30)
    await cluster.kill('n1')
    await cluster.clock.pass(30)
    expect(await requested).toMatchObject({ code: 'owner_lost' })
  })
})

describe('losses', () => {
  test('a dead wire is noticed within 3 s, and heals in seconds', async () => {
    const [n1, n2] = three()
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(5000)
    cluster.network.wire('n1', 'n2').cut = true
    await cluster.clock.pass(3000)
    expect(n2.store.nodes().find(({ self }) => self.node === 'n1')).toMatchObject({
      link: 'lost',
      failure: { code: 'timeout' },
    })
    n1.show('a', page(2))
    await cluster.clock.pass(20_000)
    expect(n2.text('n1', 'a')).toBe(page(1))
    cluster.network.wire('n1', 'n2').cut = false
    await cluster.clock.pass(9000)
    expect(n2.text('n1', 'a')).toBe(page(2))
    agree()
  })

  test('after a short break only the difference crosses the wire', async () => {
    const [n1, n2] = three()
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(15_000)
    cluster.network.reset('n1', 'n2')
    n1.show('a', page(2))
    await cluster.clock.pass(2000)
    expect(n2.text('n1', 'a')).toBe(page(2))
    expect(n2.delays).toHaveLength(1)
  })

  test('a restarted agent is used at once, and its former pages stay until it has sent all', async () => {
    const [n1, n2] = three()
    n1.run('a', 'b')
    n1.show('a', page(1))
    await cluster.clock.pass(12_000)
    await cluster.kill('n1')
    await cluster.clock.pass(1000)
    expect(n2.text('n1', 'a')).toBe(page(1))
    const again = cluster.start('n1', { whole: false })
    again.run('a')
    await cluster.clock.pass(1000)
    expect(n2.store.nodes().find(({ self }) => self.node === 'n1')).toMatchObject({ link: 'up' })
    expect(n2.text('n1', 'a')).toBe(page(1))
    expect(n2.store.entry('n1', 'b')).toBeDefined()
    expect(n2.mesh.isComplete()).toBe(false)
    again.show('a', page(5))
    again.store.markComplete()
    await cluster.clock.pass(100)
    expect(n2.text('n1', 'a')).toBe(page(5))
    expect(n2.store.entry('n1', 'b')).toBeUndefined()
    agree()
  })

  test.each(['the page', 'nothing large'])(
    'a network that drops large packets is named as such, until a link lasts; then it carries %s',
    async (next) => {
      const [n1] = three()
      cluster.network.wire('n1', 'n2').mtu = 1300
      n1.run('a')
      n1.show('a', Array.from({ length: 400 }, () => Math.random()).join('\n'))
      const failure = () => n1.store.nodes().find(({ self }) => self.node === 'n2')?.failure
      await cluster.clock.pass(20_000)
      expect(failure()?.reason).toMatch(/drops large packets/)
      expect(failure()?.hint).toMatch(/MTU/)
      if (next === 'nothing large') n1.run()
      cluster.network.wire('n1', 'n2').mtu = 1e9
      await cluster.clock.pass(20_000)
      expect(failure()).toBeUndefined()
      agree()
    },
  )

  test('a link that falls silent once, or is reset, says nothing about large packets', async () => {
    const [n1] = three()
    const failure = () => JSON.stringify(n1.store.nodes())
    await cluster.clock.pass(2000)
    for (let n = 0; n < 4; n += 1) {
      cluster.network.reset('n1', 'n2')
      await cluster.clock.pass(1000)
      expect(failure()).not.toContain('large packets')
    }
    cluster.network.wire('n1', 'n2').cut = true
    await cluster.clock.pass(20_000)
    expect(failure()).toContain('silent')
    expect(failure()).not.toContain('large packets')
  })

  test('everything is live again within 5 s of a partition’s end, however long it was and however many hosts are gone', async () => {
    const dead = Array.from({ length: 100 }, (_, n) => `dead${n}`)
    const hosts = [...dead, 'n1', 'n2', 'n3']
    cluster = createCluster(hosts)
    const [n1, n2, n3] = [cluster.start('n1'), cluster.start('n2'), cluster.start('n3')]
    for (const host of ['n1', 'n2', 'n3'])
      for (const gone of dead) cluster.network.wire(host, gone).cut = true
    n3.run('a')
    n3.show('a', page(1))
    await cluster.clock.pass(5000)
    for (let round = 0; round < 20; round += 1) {
      for (const host of ['n1', 'n2']) cluster.network.wire(host, 'n3').cut = true
      await cluster.clock.pass(30_000 + 170 * round)
      n3.show('a', page(10 + round))
      for (const host of ['n1', 'n2']) cluster.network.wire(host, 'n3').cut = false
      await cluster.clock.pass(4500)
      for (const agent of [n1, n2]) expect(agent.text('n3', 'a')).toBe(page(10 + round))
    }
  })

  test('a peer that answers and closes is not dialled in a hot loop', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1')
    let calls = 0
    cluster.network.listen('n2', (channel) => {
      calls += 1
      channel.close()
    })
    await cluster.clock.pass(30_000)
    expect(calls).toBeLessThan(25)
    expect(calls).toBeGreaterThan(5)
    expect(n1.logged).toHaveLength(1)
  })

  test('what keeps a link from coming up is logged again once there was one', async () => {
    cluster = createCluster(['n1', 'n2'])
    const n1 = cluster.start('n1')
    const refusals = () => n1.logged.filter((line) => line.includes('connection refused')).length
    await cluster.clock.pass(20_000)
    expect(refusals()).toBe(1)
    cluster.start('n2', { addresses: [] })
    await cluster.clock.pass(10_000)
    expect(n1.store.nodes()[1]).toMatchObject({ link: 'up' })
    await cluster.kill('n2')
    await cluster.clock.pass(20_000)
    expect(refusals()).toBe(2)
    expect(n1.losses).toEqual({ links: 1, searches: 1 })
  })
})

describe('a node id claimed twice', () => {
  const nodeOf = ({ store }: Agent, node = 'n1') => store.nodes().find(({ self }) => self.node === node)
  const reports = ({ logged }: Agent) => logged.filter((line) => line.startsWith('a peer sends what')).length

  async function claimed() {
    cluster = createCluster(['n1', 'twin', 'n2'])
    const n1 = cluster.start('n1')
    const n2 = cluster.start('n2')
    n1.run('a')
    n1.show('a', page(1))
    await cluster.clock.pass(2000)
    const twin = cluster.start('twin', { self: { node: 'n1', hostname: 'clone' } })
    twin.run('a', 'evil')
    twin.show('a', page(666))
    await cluster.clock.pass(1000)
    return { n1, n2, twin }
  }

  test('stays the first one’s as long as that answers, and is reported by all', async () => {
    const { n1, n2, twin } = await claimed()
    await cluster.clock.pass(10_000)
    expect(nodeOf(n2)).toMatchObject({ link: 'up', self: { hostname: 'host-n1' } })
    expect(nodeOf(n2)?.failure?.reason).toMatch(/claimed twice: by host-n1 at .*, and by clone at/)
    expect(n2.text('n1', 'a')).toBe(page(1))
    expect(n2.store.entry('n1', 'evil')).toBeUndefined()
    for (const agent of [n1, twin]) expect(agent.store.nodes()[0]?.failure?.reason).toMatch(/claimed twice/)
    expect([n1, n2, twin].map(reports)).toEqual([1, 1, 1])
  })

  test('is reported no longer once only one is left', async () => {
    const { n1, n2 } = await claimed()
    await cluster.kill('twin')
    await cluster.clock.pass(45_000)
    for (const agent of [n1, n2]) expect(nodeOf(agent)?.failure).toBeUndefined()
    expect(n2.text('n1', 'a')).toBe(page(1))
  })

  test('is the other one’s right after the first one’s end', async () => {
    const { n2 } = await claimed()
    await cluster.kill('n1')
    await cluster.clock.pass(100)
    expect(nodeOf(n2)).toMatchObject({ link: 'up', self: { hostname: 'clone' } })
    expect(n2.text('n1', 'a')).toBe(page(666))
  })

  test('is the other one’s two seconds after the first one fell silent', async () => {
    cluster = createCluster(['n1', 'twin', 'n2'])
    cluster.start('n1')
    const n2 = cluster.start('n2')
    await cluster.clock.pass(2000)
    cluster.network.wire('n1', 'n2').cut = true
    cluster.start('twin', { self: { node: 'n1', hostname: 'clone' } })
    await cluster.clock.pass(1000)
    expect(nodeOf(n2)).toMatchObject({ self: { hostname: 'host-n1' } })
    await cluster.clock.pass(1500)
    expect(nodeOf(n2)).toMatchObject({ link: 'up', self: { hostname: 'clone' } })
  })

  test('is the first one’s again as soon as that is back', async () => {
    const { n1, n2 } = await claimed()
    cluster.network.wire('n1', 'n2').cut = true
    await cluster.clock.pass(8000)
    expect(nodeOf(n2)).toMatchObject({ link: 'up', self: { hostname: 'clone' } })
    cluster.network.wire('n1', 'n2').cut = false
    await cluster.clock.pass(8000)
    expect(nodeOf(n2)).toMatchObject({ link: 'up', self: { hostname: 'host-n1' } })
    n1.show('a', page(2))
    await cluster.clock.pass(50)
    expect(n2.text('n1', 'a')).toBe(page(2))
  })

  test('leaves what the first has become since its hello as it is', async () => {
    cluster = createCluster(['n1', 'twin', 'n2'])
    const n1 = cluster.start('n1')
    const n2 = cluster.start('n2')
    await cluster.clock.pass(2000)
    n1.store.identify({ ...n1.store.ownNode.self(), manager: true })
    await cluster.clock.pass(100)
    cluster.start('twin', { self: { node: 'n1', hostname: 'clone' } })
    await cluster.clock.pass(1000)
    await cluster.kill('twin')
    await cluster.clock.pass(5000)
    expect(nodeOf(n2)).toMatchObject({ self: { hostname: 'host-n1', manager: true }, link: 'up' })
  })
})

test('a restarted agent is used within seconds, though its former link is dead and nobody has noticed', async () => {
  cluster = createCluster(['n1', 'again', 'n2'])
  cluster.start('n1')
  const n2 = cluster.start('n2')
  await cluster.clock.pass(2000)
  cluster.network.wire('n1', 'n2').cut = true
  const again = cluster.start('again', { self: { node: 'n1' } })
  again.run('a')
  again.show('a', page(1))
  await cluster.clock.pass(2500)
  expect(n2.text('n1', 'a')).toBe(page(1))
})

test('who we have become since our hello is sent, however long the link took to be used', async () => {
  cluster = createCluster(['n1', 'n2'])
  cluster.network.wire('n1', 'n2').delay = 1000
  const n1 = cluster.start('n1')
  const n2 = cluster.start('n2')
  await cluster.clock.pass(1500)
  n1.store.identify({ ...n1.store.ownNode.self(), hostname: 'renamed' })
  n2.store.identify({ ...n2.store.ownNode.self(), hostname: 'renamed too' })
  await cluster.clock.pass(8000)
  expect(n2.store.nodes()[1]).toMatchObject({ link: 'up', self: { hostname: 'renamed' } })
  expect(n1.store.nodes()[1]).toMatchObject({ link: 'up', self: { hostname: 'renamed too' } })
})
