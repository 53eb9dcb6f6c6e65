import { describe, expect, test } from 'vitest'
import { nodesOf } from '../../src/status/nodes.ts'
import { type ProblemSources, problemsOf } from '../../src/status/problems.ts'
import { unixTime } from '../../src/status/target.ts'
import { node, swarmState } from '../helpers/cluster.ts'

const healthy: ProblemSources = {
  nodes: nodesOf([node('node1', { link: 'self' }), node('node2')], undefined),
  peers: [],
  rules: [],
  discovery: { warnings: [] },
  webConfig: undefined,
  swarmStateAgeMs: undefined,
  memory: undefined,
  internalErrors: undefined,
  ambiguities: [],
  warnings: [],
}
const texts = (sources: Partial<ProblemSources>) =>
  problemsOf({ ...healthy, ...sources }).map(({ severity, about, text }) => `${severity} ${about} ${text}`)

describe('problems', () => {
  test('a healthy cluster has none', () => {
    expect(texts({})).toEqual([])
  })

  test('a lost link, a node with a problem, a node without an agent', () => {
    const views = [
      node('node1', { link: 'self' }),
      node('node2', { link: 'lost' }),
      { ...node('node3'), failure: { code: 'protocol' as const, reason: 'its id is claimed twice' } },
    ]
    const nodes = nodesOf(views, swarmState([], ['node1', 'node4']))
    expect(texts({ nodes })).toEqual([
      'error node node2: the link is lost',
      'error node node3: its id is claimed twice',
      'warning node node4: no agent has connected from this node, so its containers are unknown',
    ])
  })

  test('a lost link has its reason, and always a hint', () => {
    const failure = { code: 'timeout' as const, reason: 'the peer was silent for 2.3 s' }
    const nodes = nodesOf([{ ...node('node2', { link: 'lost' }), failure }], undefined)
    expect(problemsOf({ ...healthy, nodes })).toEqual([
      {
        key: 'node node2',
        severity: 'error',
        about: 'node',
        since: unixTime(0),
        text: 'node2: the link is lost (the peer was silent for 2.3 s)',
        hint: expect.stringContaining('check that node2 is up'),
      },
    ])
  })

  test('Docker cannot be read, and lesser problems with it', () => {
    const failure = { code: 'unreachable' as const, reason: 'the socket is gone' }
    expect(texts({ discovery: { failure, warnings: [{ ...failure, reason: 'no services' }] } })).toEqual([
      'error discovery the socket is gone',
      'warning discovery no services',
    ])
  })

  test.each([
    ['a node that is down is a problem, whether or not its agent ever connected', { state: 'down' }, 2],
    ['a node that is drained needs no agent', { availability: 'drain' }, 0],
  ])('%s', (_, state, count) => {
    const known = swarmState([], ['node1', 'node3', 'node4'])
    const nodesOfSwarm = new Map(
      [...known.nodes].map(([id, one]) => [id, id === 'node1' ? one : { ...one, ...state }]),
    )
    const views = [node('node1', { link: 'self' }), node('node3', { link: 'lost' })]
    const nodes = nodesOf(views, { ...known, nodes: nodesOfSwarm })
    expect(problemsOf({ ...healthy, nodes })).toHaveLength(count)
  })

  test('a stopped peer is a problem of its node and of its address', () => {
    const failure = { code: 'unreachable' as const, reason: 'nothing listens there' }
    const peer = { address: '10.0.0.2:2140', node: 'node2', sentBytes: 0, receivedBytes: 0 }
    expect(
      texts({
        nodes: nodesOf([node('node1', { link: 'self' }), node('node2', { link: 'lost' })], undefined),
        peers: [{ ...peer, state: 'failed', failure }],
      }),
    ).toEqual(['error node node2: the link is lost', 'error peer 10.0.0.2:2140: nothing listens there'])
  })

  test.each<[ProblemSources['swarmStateAgeMs'], readonly string[]]>([
    [undefined, []],
    [0, []],
    [120_000, []],
    [120_001, ['no manager has sent the swarm state for more than two minutes']],
    ['none', ['no manager has sent the list of services']],
  ])('swarm state that is %s ms old', (swarmStateAgeMs, expected) => {
    expect(texts({ swarmStateAgeMs }).map((text) => text.split(':')[0])).toEqual(
      expected.map((text) => `warning swarm ${text}`),
    )
  })

  test('internal errors, with the time and place of the last one and a hint', () => {
    const internalErrors = {
      count: 1,
      lastAt: 1_800_000_000_000 - performance.timeOrigin,
      lastWhere: 'scrape',
    }
    const [one] = problemsOf({ ...healthy, internalErrors })
    expect(one).toMatchObject({
      ...{ key: 'internal', severity: 'error', about: 'internal', since: 1_800_000_000 },
      text: 'an internal error at 2027-01-15T08:00:00Z (scrape)',
      hint: expect.stringContaining('find "internal error" in the log'),
    })
    const [more] = problemsOf({ ...healthy, internalErrors: { ...internalErrors, count: 3 } })
    expect(more?.text).toMatch(/^3 internal errors, the last one at /)
  })

  test('each has its own key, which does not depend on its text', () => {
    const peers = ['a:1', 'b:1'].map((address) => ({
      address,
      state: 'failed' as const,
      sentBytes: 0,
      receivedBytes: 0,
    }))
    const nodes = nodesOf(
      ['a', 'b'].map((id) => node(id, { link: 'lost' })),
      undefined,
    )
    const keys = problemsOf({ ...healthy, peers, nodes }).map(({ key }) => key)
    expect(new Set(keys)).toEqual(new Set(['node a', 'node b', 'peer a:1', 'peer b:1']))
  })

  test('a wrong secret has a hint', () => {
    const failure = { code: 'protocol' as const, reason: 'the secret differs', hint: 'give both the same' }
    const peers = [
      { address: '10.0.0.2:2140', state: 'failed' as const, failure, sentBytes: 0, receivedBytes: 0 },
    ]
    expect(problemsOf({ ...healthy, peers })).toEqual([
      {
        key: 'peer 10.0.0.2:2140',
        severity: 'error',
        about: 'peer',
        text: '10.0.0.2:2140: the secret differs',
        hint: 'give both the same',
      },
    ])
  })

  test('a peer without an agent is named once, with what to check', () => {
    const failure = { code: 'unreachable' as const, reason: 'no agent listens at 10.0.0.2:2140' }
    const peers = [
      { address: '10.0.0.2:2140', state: 'failed' as const, failure, sentBytes: 0, receivedBytes: 0 },
    ]
    expect(problemsOf({ ...healthy, peers })).toMatchObject([
      { text: failure.reason, hint: expect.stringContaining('check that an agent runs there') },
    ])
  })

  test('different versions are listed with their nodes', () => {
    const views = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => node(id))
    const nodes = nodesOf([...views, { ...node('old'), version: '0.9.0' }], undefined)
    expect(texts({ nodes })).toEqual([
      'warning version agents run different versions: 1.0.0 on a, b, c, d, e and 1 more; 0.9.0 on old',
    ])
  })

  test('a hostname shared with a lost node is no problem', () => {
    const views = [node('a'), node('former', { hostname: 'a', link: 'lost' })]
    expect(texts({ nodes: nodesOf(views, undefined) }).join('\n')).not.toContain('have the hostname')
  })

  test('rejected rules, shared hostnames, ambiguous names and warnings, errors first', () => {
    const nodes = nodesOf([node('a'), node('b', { hostname: 'a' })], undefined)
    expect(
      texts({
        nodes,
        rules: [
          {
            service: 'web',
            label: 'com.df.alertIf',
            reason: 'parse error',
            position: 4,
            text: 'web: com.df.alertIf, character 4: parse error',
          },
        ],
        ambiguities: [{ code: 'ambiguous', reason: '"web" means more than one thing' }],
        webConfig: { code: 'internal', reason: 'web.yml: no such certificate' },
        memory: { code: 'overloaded', reason: 'memory is short', hint: 'raise the limit' },
        warnings: ['the secret is short'],
      }),
    ).toEqual([
      'error rule web: com.df.alertIf, character 4: parse error',
      'error configuration web.yml: no such certificate',
      'warning memory memory is short',
      'warning configuration the secret is short',
      'warning name 2 nodes have the hostname a',
      'notice name "web" means more than one thing',
    ])
  })
})
