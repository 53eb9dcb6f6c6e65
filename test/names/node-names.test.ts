import { describe, expect, test } from 'vitest'
import { nodeNamesOf } from '../../src/names/node-names.ts'
import { swarmState } from '../helpers/cluster.ts'
import { node } from '../store/world.ts'

/** What each node is named, and which nodes that name means. */
function namesOf(...nodes: Parameters<typeof nodeNamesOf>) {
  const { nameOf, nodesNamed } = nodeNamesOf(...nodes)
  return nodes[0].map(({ self }) => [nameOf(self.node), nodesNamed(nameOf(self.node))])
}

describe('a node is named', () => {
  test('by its hostname', () => {
    expect(namesOf([node('n1', 'one', 'self'), node('n2', 'two', 'lost')], undefined)).toEqual([
      ['one', ['n1']],
      ['two', ['n2']],
    ])
  })

  test('by its id where two that are connected, or two that are lost, have one hostname', () => {
    for (const link of ['up', 'lost'] as const) {
      const nodes = [node('n1', 'same', link), node('n2', 'same', link)]
      expect(namesOf(nodes, undefined)).toEqual([
        ['n1', ['n1']],
        ['n2', ['n2']],
      ])
      expect(nodeNamesOf(nodes, undefined).nodesNamed('same')).toEqual(['n1', 'n2'])
    }
  })

  test('by its hostname if the others that have it are lost, and those by their ids', () => {
    const nodes = [node('old', 'same', 'lost'), node('new', 'same'), node('older', 'same', 'lost')]
    expect(namesOf(nodes, undefined)).toEqual([
      ['old', ['old']],
      ['same', ['new']],
      ['older', ['older']],
    ])
  })

  test('by its id where its hostname is the id of another', () => {
    expect(namesOf([node('n1', 'one'), node('n2', 'n1')], undefined)).toEqual([
      ['one', ['n1']],
      ['n2', ['n2']],
    ])
  })

  test('by what its agent says, or while that is lost by what the managers say', () => {
    const known = swarmState([], ['n1', 'n2'])
    const hosts = [...known.nodes].map(([id, one]) => [id, { ...one, hostname: 'managers' }] as const)
    const namesFor = (link: 'up' | 'lost') =>
      nodeNamesOf([node('n1', 'own', link)], { ...known, nodes: new Map(hosts) })
    expect(namesFor('up').nameOf('n1')).toBe('own')
    expect(namesFor('up').nodesNamed('managers')).toEqual([])
    expect(namesFor('lost').nameOf('n1')).toBe('managers')
    expect(namesFor('lost').nodesNamed('own')).toEqual([])
  })

  test('a node without an agent takes a hostname from none', () => {
    const known = swarmState([], ['n1', 'n2'])
    const hosts = [...known.nodes].map(([id, one]) => [id, { ...one, hostname: 'same' }] as const)
    const names = nodeNamesOf([node('n1', 'same')], { ...known, nodes: new Map(hosts) })
    expect([names.nameOf('n1'), names.nameOf('n2')]).toEqual(['same', 'n2'])
    expect(names.nodesNamed('same')).toEqual(['n1'])
  })
})
