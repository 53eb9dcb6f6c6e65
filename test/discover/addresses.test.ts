import { describe, expect, test } from 'vitest'
import { reachOf, type Surroundings } from '../../src/discover/addresses.ts'
import type { Container } from '../../src/discover/container.ts'
import { named, swarm } from './recorded.ts'

const recorded = swarm.containers
const container = (name: string) => named(recorded, name)
const changed = (name: string, changes: Partial<Container>): Container => ({ ...container(name), ...changes })

function around(own: Container | undefined, ...others: Container[]): Surroundings {
  const all = [
    ...recorded.map(({ Names }) => container(Names![0]!.slice(1))),
    ...others,
    ...(own ? [own] : []),
  ]
  return {
    own,
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

describe('the way to a container', () => {
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
      'so does a container on the host’s network',
      onHostNetwork,
      'demo_web.1',
      ['docker_gwbridge 172.21.0.6'],
    ],
    ['which reaches bridges too', onHostNetwork, 'plain', ['web 172.20.0.2']],
    ['and its own host’s network', onHostNetwork, 'hosty', ['host 127.0.0.1', 'host 10.99.0.1']],
    ['what shares the host’s network is at home', host, 'hosty', ['host 127.0.0.1', 'host 10.99.0.1']],
    ['what shares a container’s network is where that is', host, 'shared', ['web 172.20.0.2']],
    ['a container reaches what is on its own network', onMonitor, 'two', ['monitor 172.18.0.2']],
    ['and nobody on another', onMonitor, 'plain', []],
    ['on an overlay too', onOverlay, 'demo_web.1', ['appnet 10.98.1.2']],
    ['and one that attached by hand', onOverlay, 'attached', ['appnet 10.98.1.8']],
    ['from a bridge, the host is the gateway', onMonitor, 'hosty', ['host 172.18.0.1', 'host 10.99.0.1']],
    ['from an overlay, docker_gwbridge’s', onOverlay, 'hosty', ['host 172.21.0.1', 'host 10.99.0.1']],
    ['what shares its network with the agent is at home', container('plain'), 'shared', ['web 127.0.0.1']],
    ['also the other way round', container('shared'), 'plain', ['web 127.0.0.1']],
  ])('%s', (_, own, name, expected) => {
    const { addresses } = reachOf(container(name), around(own))
    expect(addresses.map(({ network, host }) => `${network} ${host}`)).toEqual(expected)
  })

  test('a network that somebody made comes before those that Docker attaches, whatever the order of the list', () => {
    const attachments = ['ingress', 'bridge', 'zoo', 'alpha'].map((network, at) => ({
      network,
      networkId: network,
      ipv4: `10.0.0.${at}`,
    }))
    const target = changed('two', { attachments })
    const own = changed('agent', { attachments: attachments.toReversed() })
    for (const one of [target, { ...target, attachments: attachments.toReversed() }])
      expect(reachOf(one, around(own)).addresses.map(({ network }) => network)).toEqual([
        'alpha',
        'zoo',
        'bridge',
        'ingress',
      ])
  })

  test.each(['plain', container('plain').id, container('plain').id.slice(0, 12)])(
    'a shared network is written as %s',
    (text) => {
      const { addresses } = reachOf(changed('shared', { mode: `container:${text}` }), around(host))
      expect(addresses).toEqual([{ network: 'web', host: '172.20.0.2' }])
    },
  )

  test('an IPv6 address is used where there is no other', () => {
    const [attachment] = container('plain').attachments
    const { ipv4: _, ...bare } = attachment!
    const target = changed('plain', { attachments: [{ ...bare, ipv6: 'fd00::2' }] })
    expect(reachOf(target, around(host)).addresses).toEqual([{ network: 'web', host: 'fd00::2' }])
  })
})

describe('no way to a container says why and what to do', () => {
  const gone = changed('shared', { mode: 'container:0123' })
  const endless = changed('shared', { id: 'loop', mode: 'container:loop' })
  const silent = changed('plain', {
    attachments: container('plain').attachments.map(({ network, networkId }) => ({ network, networkId })),
  })
  const onNothing = changed('none', { id: 'agent-without-network' })

  test.each<[string, Container | undefined, Container, string, string]>([
    [
      'on another network',
      onMonitor,
      container('plain'),
      'not on a network shared with the agent',
      'attach it to `monitor`, or attach the agent to `web`',
    ],
    [
      'sharing a network on which the agent is not',
      onMonitor,
      container('shared'),
      'not on a network shared with the agent',
      'attach `plain`, whose network it shares, to `monitor`, or attach the agent to `web`',
    ],
    [
      'a task, which Docker lets nobody attach to its own bridge, on nothing else',
      onMonitor,
      changed('plain', {
        labels: { 'com.docker.swarm.task.id': 'x' },
        attachments: [{ network: 'bridge', networkId: 'b', ipv4: '172.17.0.2' }],
      }),
      'not on a network shared with the agent',
      'attach it to `monitor`, or attach the agent to `bridge`',
    ],
    [
      'a plain one, where the agent is a task',
      changed('agent', { labels: { 'com.docker.swarm.task.id': 'x' } }),
      changed('plain', { attachments: [{ network: 'bridge', networkId: 'b', ipv4: '172.17.0.2' }] }),
      'not on a network shared with the agent',
      'attach it to `monitor`',
    ],
    [
      'the agent has no network',
      onNothing,
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
      gone,
      'the container whose network it shares is not running',
      'start that container',
    ],
    [
      'a circle',
      host,
      endless,
      'the container whose network it shares is not running',
      'start that container',
    ],
    [
      'an address from elsewhere',
      container('two'),
      silent,
      'Docker tells no address for it on `web`',
      'restart the container',
    ],
    [
      'the host, from nowhere',
      { ...onNothing, mode: 'none' },
      container('hosty'),
      'on the host’s network, which the agent cannot reach',
      'attach the agent to a bridge network',
    ],
  ])('%s', (_, own, target, reason, hint) => {
    const surroundings = { ...around(own, target), nodeAddress: undefined }
    expect(reachOf(target, surroundings)).toEqual({
      addresses: [],
      unreachable: { code: 'no_address', reason, hint },
    })
  })
})
