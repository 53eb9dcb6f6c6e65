import { describe, expect, test } from 'vitest'
import { nodesOf } from '../../../src/serve/status/nodes.ts'
import { type ProblemSources, problemsOf } from '../../../src/serve/status/problems.ts'
import { catalogue, node } from '../../helpers/cluster.ts'

const unix = (at: number) => at
const calm: ProblemSources = {
  nodes: nodesOf([node('node1', { link: 'self' }), node('node2')], undefined, unix),
  peers: [],
  rules: [],
  discovery: { warnings: [] },
  webConfig: undefined,
  memory: undefined,
  ambiguities: [],
  warnings: [],
}
const texts = (sources: Partial<ProblemSources>) =>
  problemsOf({ ...calm, ...sources }).map(({ severity, about, text }) => `${severity} ${about} ${text}`)

describe('problems', () => {
  test('a calm cluster has none', () => {
    expect(texts({})).toEqual([])
  })

  test('a lost link, a node in trouble, a node without an agent', () => {
    const views = [
      node('node1', { link: 'self' }),
      node('node2', { link: 'lost' }),
      { ...node('node3'), trouble: { code: 'protocol' as const, reason: 'its id is claimed twice' } },
    ]
    const nodes = nodesOf(views, catalogue([], ['node1', 'node4']), unix)
    expect(texts({ nodes })).toEqual([
      'error node node2: the link is lost',
      'error node node3: its id is claimed twice',
      'warning node node4: no agent has been heard there, so its containers are unknown',
    ])
  })

  test('why a link is lost, and always what to do', () => {
    const trouble = { code: 'timeout' as const, reason: 'the peer was silent for 2.3 s' }
    const nodes = nodesOf([{ ...node('node2', { link: 'lost' }), trouble }], undefined, unix)
    expect(problemsOf({ ...calm, nodes })).toEqual([
      {
        severity: 'error',
        about: 'node',
        text: 'node2: the link is lost (the peer was silent for 2.3 s)',
        mend: expect.stringContaining('see whether node2 is up'),
      },
    ])
  })

  test('Docker that cannot be read, and what else is amiss there', () => {
    const trouble = { code: 'unreachable' as const, reason: 'the socket is gone' }
    expect(texts({ discovery: { trouble, warnings: [{ ...trouble, reason: 'no services' }] } })).toEqual([
      'error discovery the socket is gone',
      'warning discovery no services',
    ])
  })

  test('a drained or downed node needs no agent', () => {
    const known = catalogue([], ['node1', 'node4'])
    const nodes = new Map([...known.nodes, ['node4', { ...known.nodes.get('node4')!, state: 'down' }]])
    expect(texts({ nodes: nodesOf([node('node1')], { ...known, nodes }, unix) })).toEqual([])
  })

  test('a wrong secret is told with its mend', () => {
    const trouble = { code: 'protocol' as const, reason: 'the secret differs', mend: 'give both the same' }
    const peers = [{ address: '10.0.0.2:2140', state: 'failed' as const, trouble, sent: 0, received: 0 }]
    expect(problemsOf({ ...calm, peers })).toEqual([
      {
        severity: 'error',
        about: 'peer',
        text: '10.0.0.2:2140: the secret differs',
        mend: 'give both the same',
      },
    ])
  })

  test('versions that differ are named with their nodes', () => {
    const views = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => node(id))
    const nodes = nodesOf([...views, { ...node('old'), version: '0.9.0' }], undefined, unix)
    expect(texts({ nodes })).toEqual([
      'warning version the agents differ in version: 1.0.0 on a, b, c, d, e and 1 more; 0.9.0 on old',
    ])
  })

  test('rejected rules, shared hostnames, ambiguous names and warnings, the worst first', () => {
    const nodes = nodesOf([node('a'), node('b', { hostname: 'a' })], undefined, unix)
    expect(
      texts({
        nodes,
        rules: [{ service: 'web', label: 'com.df.alertIf', reason: 'parse error', position: 4 }],
        ambiguities: [{ code: 'ambiguous', reason: '"web" means more than one thing' }],
        webConfig: { code: 'internal', reason: 'web.yml: no such certificate' },
        memory: { code: 'overloaded', reason: 'memory is short', mend: 'raise the limit' },
        warnings: ['the secret is short'],
      }),
    ).toEqual([
      'error rule web: com.df.alertIf, character 4: parse error',
      'error configuration web.yml: no such certificate',
      'warning memory memory is short',
      'warning configuration the secret is short',
      'warning name 2 nodes are called a',
      'notice name "web" means more than one thing',
    ])
  })
})
