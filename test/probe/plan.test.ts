import { describe, expect, test } from 'vitest'
import { settingsOf } from '../../src/labels/settings.ts'
import type { Target } from '../../src/model.ts'
import { planOf } from '../../src/probe/plan.ts'

const config = { metricsPath: '/metrics', ports: [443, 1201, 8080] }
const target: Target = {
  id: 'c1',
  node: 'n1',
  name: 'web',
  place: { kind: 'standalone' },
  image: 'web:1',
  labels: {},
  state: 'running',
  addresses: [
    { network: 'demo_apps', host: '10.0.1.7' },
    { network: 'bridge', host: '172.17.0.7' },
  ],
}

function plan(labels: Record<string, string> = {}, changes: Partial<Target> = {}, ports = config.ports) {
  return planOf({ ...target, ...changes }, settingsOf(labels), { ...config, ports })
}

function urls(...given: Parameters<typeof plan>) {
  const made = plan(...given)
  return made.kind === 'probe' ? made.candidates.map(({ url }) => url) : made.failure
}

describe('what is probed, and in which order', () => {
  test.each<[string, Parameters<typeof plan>, string[]]>([
    [
      'the usual ports, then PORTS, each once; https on 443',
      [],
      [
        'http://10.0.1.7:80/metrics',
        'http://10.0.1.7:8080/metrics',
        'http://10.0.1.7:9100/metrics',
        'https://10.0.1.7:443/metrics',
        'http://10.0.1.7:1201/metrics',
      ],
    ],
    ['only the port of a label', [{ 'app-metrics-proxy.port': '9' }], ['http://10.0.1.7:9/metrics']],
    [
      'not by scanning what labels give to another endpoint',
      [
        {
          'app-metrics-proxy.port.2': '9100',
          'app-metrics-proxy.port.3': '80',
          'app-metrics-proxy.path.3': '/b',
        },
        {},
        [],
      ],
      ['http://10.0.1.7:80/metrics', 'http://10.0.1.7:8080/metrics'],
    ],
    [
      'of another endpoint the port of its label',
      [{ 'app-metrics-proxy.port.2': '9100', 'app-metrics-proxy.port': '9100' }, { id: 'c1/2' }],
      ['http://10.0.1.7:9100/metrics'],
    ],
    [
      'of one with only a path the port of the first, or all but those of others',
      [
        {
          'app-metrics-proxy.path.2': '/b',
          'app-metrics-proxy.port.3': '80',
          'app-metrics-proxy.path.3': '/b',
        },
        { id: 'c1/2' },
        [],
      ],
      ['http://10.0.1.7:8080/b', 'http://10.0.1.7:9100/b'],
    ],
    [
      'https on 8443 without a label',
      [{ 'app-metrics-proxy.port': '8443' }],
      ['https://10.0.1.7:8443/metrics'],
    ],
    [
      'path and scheme by label',
      [{ 'prometheus.io/port': '9', 'prometheus.io/path': '/m?x=1', 'prometheus.io/scheme': 'https' }],
      ['https://10.0.1.7:9/m?x=1'],
    ],
    [
      'parameters by label, encoded',
      [{ 'app-metrics-proxy.port': '9', 'app-metrics-proxy.param.module': 'a b&c' }],
      ['http://10.0.1.7:9/metrics?module=a+b%26c'],
    ],
    [
      'the network of a label',
      [{ 'app-metrics-proxy.port': '9', 'app-metrics-proxy.network': 'bridge' }],
      ['http://172.17.0.7:9/metrics'],
    ],
    [
      'the network by its name in the stack file',
      [{ 'app-metrics-proxy.port': '9', 'app-metrics-proxy.network': 'apps' }],
      ['http://10.0.1.7:9/metrics'],
    ],
    [
      'an IPv6 address, bracketed',
      [{ 'app-metrics-proxy.port': '9' }, { addresses: [{ network: 'six', host: 'fd00::7' }] }],
      ['http://[fd00::7]:9/metrics'],
    ],
    [
      'a fixed URL as it stands',
      [{ 'app-metrics-proxy.port': '9' }, { url: 'https://web.example/stats?x=1', addresses: [] }],
      ['https://web.example/stats?x=1'],
    ],
  ])('%s', (_, given, expected) => {
    expect(urls(...given)).toEqual(expected)
  })

  test('what to connect to for a fixed URL', () => {
    expect(plan({}, { url: 'https://[::1]/stats' })).toMatchObject({
      candidates: [{ host: '::1', port: 443, source: 'listed in TARGETS' }],
    })
  })

  test('why this port and path', () => {
    const why = (labels: Record<string, string>) => {
      const made = plan(labels)
      return made.kind === 'probe' ? made.candidates[0]?.source : undefined
    }
    expect(why({})).toBe('scanned')
    expect(why({ 'prometheus.io/path': '/m' })).toBe('scanned; prometheus.io/path, container label')
    expect(why({ 'app-metrics-proxy.port': '9' })).toBe('app-metrics-proxy.port, container label')
  })
})

describe('why nothing is probed', () => {
  test.each<[string, Parameters<typeof plan>, object]>([
    [
      'opted out',
      [{ 'app-metrics-proxy.enable': 'false' }],
      { code: 'disabled', reason: 'switched off by app-metrics-proxy.enable, container label' },
    ],
    ['paused', [{}, { state: 'paused' }], { code: 'paused', reason: 'the container is paused' }],
    [
      'stopped',
      [{}, { state: 'stopped', exitCode: 137 }],
      { code: 'stopped', reason: 'the container has stopped with exit code 137' },
    ],
    [
      'no address, for the reason that discovery gave',
      [
        {},
        { addresses: [], unreachable: { code: 'no_address', reason: 'only on network x', hint: 'join x' } },
      ],
      { code: 'no_address', reason: 'only on network x', hint: 'join x' },
    ],
    [
      'a network that is not shared',
      [{ 'app-metrics-proxy.network': 'backend' }],
      {
        code: 'no_address',
        reason:
          'the network backend (app-metrics-proxy.network, container label) is not one that the container and this agent share',
        hint: 'attach the agent to that network, or name one that they share: demo_apps, bridge',
      },
    ],
  ])('%s', (_, given, expected) => {
    expect(urls(...given)).toEqual(expected)
  })
})

test('nothing where labels give all to other endpoints, or none of them to this one', () => {
  const all = {
    'app-metrics-proxy.port.2': '80',
    'app-metrics-proxy.port.3': '8080',
    'app-metrics-proxy.port.4': '9100',
  }
  expect(urls(all, {}, [])).toMatchObject({
    code: 'no_metrics',
    reason: expect.stringContaining('another endpoint'),
  })
  expect(urls(all, { id: 'c1/5' })).toEqual({ code: 'disabled', reason: 'no label configures it' })
})
