import { describe, expect, test } from 'vitest'
import { type NetworkContext, reachabilityOf } from '../../src/discover/addresses.ts'
import type { Container } from '../../src/discover/container.ts'
import { named, swarm } from './recorded.ts'

const recorded = swarm.containers
const container = (name: string) => named(recorded, name)
const changed = (name: string, changes: Partial<Container>): Container => ({ ...container(name), ...changes })

function contextOf(ownContainer: Container | undefined, ...others: Container[]): NetworkContext {
  const all = [
    ...recorded.map(({ Names }) => container(Names![0]!.slice(1))),
    ...others,
    ...(ownContainer ? [ownContainer] : []),
  ]
  return {
    ownContainer,
    containers: new Map(all.map((one) => [one.id, one])),
    drivers: new Map(swarm.networks.map(({ Id, Driver }) => [Id, Driver ?? ''])),
    gatewayBridge: {
      host: '172.21.0.1',
      addresses: new Map([
        [container('demo_web.1').id, '172.21.0.6'],
        [container('attached').id, '172.21.0.3'],
      ]),
    },
    nodeAddress: '10.99.0.1',
  }
}

const host = undefined
const onMonitor = container('agent')
const onOverlay = container('demo_agent')
const onHostNetwork = changed('hosty', { id: 'agent-on-host-network' })

describe('the addresses of a container', () => {
  test.each<[string, Container | undefined, string, string[]]>([
    [
      'a process of the host reaches every bridge',
      host,
      'two',
      ['inner 172.19.0.2', 'monitor 172.18.0.2', 'web 172.20.0.3'],
    ],
    ['and the default one', host, 'paused', ['bridge 172.17.0.2']],
    [
      'and what is only on an overlay over docker_gwbridge',
      host,
      'demo_web.1',
      ['docker_gwbridge 172.21.0.6'],
    ],
    [
      'a container on the host’s network reaches it the same way',
      onHostNetwork,
      'demo_web.1',
      ['docker_gwbridge 172.21.0.6'],
    ],
    ['and reaches bridges too', onHostNetwork, 'plain', ['web 172.20.0.2']],
    ['and its own host’s network', onHostNetwork, 'hosty', ['host 127.0.0.1', 'host 10.99.0.1']],
    [
      'a container on the host’s network is at 127.0.0.1 for the host',
      host,
      'hosty',
      ['host 127.0.0.1', 'host 10.99.0.1'],
    ],
    ['a container that shares another’s network has its addresses', host, 'shared', ['web 172.20.0.2']],
    ['a container reaches another one on its network', onMonitor, 'two', ['monitor 172.18.0.2']],
    ['and none on another network', onMonitor, 'plain', []],
    ['on an overlay too', onOverlay, 'demo_web.1', ['appnet 10.98.1.2']],
    ['and one that was attached by hand', onOverlay, 'attached', ['appnet 10.98.1.8']],
    ['from a bridge, the host is the gateway', onMonitor, 'hosty', ['host 172.18.0.1', 'host 10.99.0.1']],
    ['from an overlay, docker_gwbridge’s', onOverlay, 'hosty', ['host 172.21.0.1', 'host 10.99.0.1']],
    [
      'a container that shares the agent’s network is at 127.0.0.1',
      container('plain'),
      'shared',
      ['web 127.0.0.1'],
    ],
    ['and so is the one whose network the agent shares', container('shared'), 'plain', ['web 127.0.0.1']],
  ])('%s', (_, own, name, expected) => {
    const { addresses } = reachabilityOf(container(name), contextOf(own))
    expect(addresses.map(({ network, host }) => `${network} ${host}`)).toEqual(expected)
  })

  test('user-defined networks come before those that Docker attaches, whatever the order of the list', () => {
    const attachments = ['ingress', 'bridge', 'zoo', 'alpha'].map((network, at) => ({
      network,
      networkId: network,
      ipv4: `10.0.0.${at}`,
    }))
    const target = changed('two', { attachments })
    const own = changed('agent', { attachments: attachments.toReversed() })
    for (const one of [target, { ...target, attachments: attachments.toReversed() }])
      expect(reachabilityOf(one, contextOf(own)).addresses.map(({ network }) => network)).toEqual([
        'alpha',
        'zoo',
        'bridge',
        'ingress',
      ])
  })

  test.each(['plain', container('plain').id, container('plain').id.slice(0, 12)])(
    'a shared network is found by %s',
    (text) => {
      const { addresses } = reachabilityOf(
        changed('shared', { networkMode: `container:${text}` }),
        contextOf(host),
      )
      expect(addresses).toEqual([{ network: 'web', host: '172.20.0.2' }])
    },
  )

  test('an IPv6 address is used if there is no IPv4 address', () => {
    const [attachment] = container('plain').attachments
    const { ipv4: _, ...bare } = attachment!
    const target = changed('plain', { attachments: [{ ...bare, ipv6: 'fd00::2' }] })
    expect(reachabilityOf(target, contextOf(host)).addresses).toEqual([{ network: 'web', host: 'fd00::2' }])
  })
})

describe('an unreachable container has a reason and a hint', () => {
  const orphaned = changed('shared', { networkMode: 'container:0123' })
  const circular = changed('shared', { id: 'loop', networkMode: 'container:loop' })
  const withoutAddress = changed('plain', {
    attachments: container('plain').attachments.map(({ network, networkId }) => ({ network, networkId })),
  })
  const withoutNetwork = changed('none', { id: 'agent-without-network' })

  test.each<[string, Container | undefined, Container, string, string]>([
    [
      'on another network',
      onMonitor,
      container('plain'),
      'not on a network shared with the agent',
      'attach it to `monitor`, or attach the agent to `web`',
    ],
    [
      'sharing the network of one that is on another network',
      onMonitor,
      container('shared'),
      'not on a network shared with the agent',
      'attach `plain`, whose network it shares, to `monitor`, or attach the agent to `web`',
    ],
    [
      'on the default bridge, to which a task cannot be attached',
      onMonitor,
      changed('plain', {
        labels: { 'com.docker.swarm.task.id': 'x' },
        attachments: [{ network: 'bridge', networkId: 'b', ipv4: '172.17.0.2' }],
      }),
      'not on a network shared with the agent',
      'attach it to `monitor`, or attach the agent to `bridge`',
    ],
    [
      'on the default bridge, where the agent is a task',
      changed('agent', { labels: { 'com.docker.swarm.task.id': 'x' } }),
      changed('plain', { attachments: [{ network: 'bridge', networkId: 'b', ipv4: '172.17.0.2' }] }),
      'not on a network shared with the agent',
      'attach it to `monitor`',
    ],
    [
      'the agent has no network',
      withoutNetwork,
      container('plain'),
      'not on a network shared with the agent',
      'attach the agent to `web`',
    ],
    [
      'no network at all',
      host,
      container('none'),
      'it has no network',
      'attach it to a network, or set the label app-metrics-proxy.enable=false',
    ],
    [
      'an internal overlay, from the host',
      host,
      container('demo_hidden'),
      'on no network that the host reaches (`innernet`)',
      'attach it to a bridge network, or run the agent as a container on `innernet`',
    ],
    [
      'the container whose network it shares is gone',
      host,
      orphaned,
      'the container whose network it shares is not running',
      'start that container',
    ],
    [
      'a cycle of shared networks',
      host,
      circular,
      'the container whose network it shares is not running',
      'start that container',
    ],
    [
      'no address on the shared network',
      container('two'),
      withoutAddress,
      'Docker gives no address for it on `web`',
      'restart the container',
    ],
    [
      'on the host’s network, from an agent without network',
      { ...withoutNetwork, networkMode: 'none' },
      container('hosty'),
      'on the host’s network, which the agent cannot reach',
      'attach the agent to a bridge network',
    ],
  ])('%s', (_, own, target, reason, hint) => {
    const context = { ...contextOf(own, target), nodeAddress: undefined }
    expect(reachabilityOf(target, context)).toEqual({
      addresses: [],
      unreachable: { code: 'no_address', reason, hint },
    })
  })
})
