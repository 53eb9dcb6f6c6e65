import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOurs } from '../../src/labels/prefixes.ts'
import { settingsOf } from '../../src/labels/settings.ts'

const notified = { 'com.df.notify': 'true' }

describe('which label counts', () => {
  test.each([
    [
      'own first',
      { 'prometheus.port': '1', 'app-metrics-proxy.port': '2' },
      {},
      2,
      'app-metrics-proxy.port, container label',
    ],
    [
      'prometheus before io.prometheus',
      { 'io.prometheus.scrape_port': '1', 'prometheus-port': '2' },
      {},
      2,
      'prometheus-port, container label',
    ],
    [
      'io.prometheus before Docker Flow',
      { ...notified, 'com.df.scrapePort': '1', 'io.prometheus.scrape_port': '2' },
      {},
      2,
      'io.prometheus.scrape_port, container label',
    ],
    ['the slash form', { 'prometheus.io/port': '9102' }, {}, 9102, 'prometheus.io/port, container label'],
    [
      'a service label with its origin',
      {},
      { ...notified, 'com.df.scrapePort': '9102' },
      9102,
      'com.df.scrapePort, service label',
    ],
    [
      'the service before the container',
      { 'prometheus.port': '1' },
      { 'prometheus.io/port': '2' },
      2,
      'prometheus.io/port, service label',
    ],
    [
      'the family before the service',
      { 'app-metrics-proxy.port': '1' },
      { 'prometheus.port': '2' },
      1,
      'app-metrics-proxy.port, container label',
    ],
    [
      'quotes as Compose passes them on',
      { 'prometheus.port': '"9102"' },
      {},
      9102,
      'prometheus.port, container label',
    ],
    [
      'the next where one is invalid',
      { 'app-metrics-proxy.port': 'x', 'prometheus.port': '2' },
      {},
      2,
      'prometheus.port, container label',
    ],
    [
      'the next where one is empty',
      { 'app-metrics-proxy.port': '', 'prometheus.port': '2' },
      {},
      2,
      'prometheus.port, container label',
    ],
  ])('%s', (_, container, service, value, source) => {
    expect(settingsOf(container, service).port).toEqual({ value, source })
  })

  test('every field, from every family', () => {
    expect(
      settingsOf(
        {
          'app-metrics-proxy.enabled': 'true',
          'app-metrics-proxy.max-age': '30',
          'app-metrics-proxy.network': 'front',
          'app-metrics-proxy.name': 'shop-web',
          'prometheus.io/scheme': 'HTTPS',
          'prometheus-job': 'shop',
          'io.prometheus.metrics_path': 'stats?all=1',
        },
        {
          ...notified,
          'com.df.scrapeInterval': '15',
          'com.df.scrapeTimeout': '2s',
          'com.df.shortName': 'true',
        },
      ),
    ).toMatchObject({
      enabled: { value: true },
      maxAgeMs: { value: 30_000 },
      network: { value: 'front' },
      name: { value: 'shop-web' },
      scheme: { value: 'https' },
      job: { value: 'shop' },
      path: { value: '/stats?all=1' },
      intervalMs: { value: 15_000, source: 'com.df.scrapeInterval, service label' },
      timeoutMs: { value: 2000 },
      shortName: { value: true },
      remarks: [],
    })
  })

  test.each([
    [{ 'prometheus.scrape': 'false' }, false],
    [{ 'prometheus.enable': '1' }, true],
    [{ 'io.prometheus.enabled': 'false' }, false],
    [{ 'prometheus.ignore': '' }, false],
    [{ 'prometheus.ignore': 'true', 'app-metrics-proxy.enabled': 'true' }, false],
    [{ 'prometheus.ignore': 'false' }, undefined],
    [{}, undefined],
  ])('%j is enabled: %s', (labels, enabled) => {
    expect(settingsOf(labels).enabled?.value).toBe(enabled)
  })

  test('the same two objects are resolved once', () => {
    const [container, service] = [{ 'prometheus.port': '1' }, { 'prometheus.path': '/x' }]
    expect(settingsOf(container, service)).toBe(settingsOf(container, service))
    const [withService, alone] = [settingsOf(container, service), settingsOf(container)]
    expect(settingsOf(container, { ...service })).not.toBe(withService)
    // in turns, as names are made of a container's own labels
    expect(settingsOf(container, service)).toBe(withService)
    expect(settingsOf(container)).toBe(alone)
  })
})

describe('an invalid label is reported and affects no other', () => {
  test.each([
    [
      { 'com.df.notify': 'true', 'com.df.scrapePort': '70000' },
      'com.df.scrapePort="70000" (container label): must be a port from 1 to 65535',
    ],
    [
      { 'app-metrics-proxy.name': '../x' },
      'app-metrics-proxy.name="../x" (container label): must be letters, digits, dots, dashes and underscores',
    ],
    [
      { 'prometheus.path': '/a b' },
      'prometheus.path="/a b" (container label): must be a path such as /metrics',
    ],
    [
      { 'prometheus.path': '//evil.example/x' },
      'prometheus.path="//evil.example/x" (container label): must be a path such as /metrics',
    ],
    [{ 'prometheus.scheme': 'ftp' }, 'prometheus.scheme="ftp" (container label): must be one of http, https'],
    [{ 'prometheus.scrape': 'maybe' }, 'prometheus.scrape="maybe" (container label): must be true or false'],
    [
      { 'app-metrics-proxy.interval': 'soon' },
      'app-metrics-proxy.interval="soon" (container label): must be a duration from 50ms to 86400s, such as 15s or 1m30s, or a number of seconds',
    ],
    [
      { 'app-metrics-proxy.max-age': 'x' },
      'app-metrics-proxy.max-age="x" (container label): must be a duration from 0s to 86400s, such as 15s or 1m30s, or a number of seconds, or off',
    ],
    [
      { 'app-metrics-proxy.prot': '80' },
      'app-metrics-proxy.prot (container label): not a label that is read; see the list in docs/LABELS.md',
    ],
    [
      { 'prometheus.port': '80', 'prometheus-port': '81' },
      'prometheus.port (container label): the same label as prometheus-port, whose value counts',
    ],
    [{ 'com.df.scrapePort': '80' }, 'com.df.notify is not set to true: the other com.df labels are not read'],
    [
      { 'app-metrics-proxy.label.cluster': 'x' },
      'app-metrics-proxy.label.cluster="cluster" (container label): must be another name than job, instance, cluster, service, stack, slot, node, alertname, le, quantile',
    ],
    [
      { 'app-metrics-proxy.label.__address__': 'x' },
      'app-metrics-proxy.label.__address__="__address__" (container label): must be a label name that doesn’t begin with __',
    ],
    [
      { 'app-metrics-proxy.label.team': 'a\nb' },
      'app-metrics-proxy.label.team="a\\nb" (container label): must be one line of at most 1024 characters',
    ],
    [
      { 'com.df.notify': 'true', 'com.df.alertName.11': 'x' },
      'com.df.alertName.11 (container label): indexes go from 1 to 10',
    ],
  ])('%j', (labels, problem) => {
    expect(settingsOf(labels).remarks).toEqual([problem])
  })

  test.each(['.', '..', '-', 'a/b', 'a b'])(
    '%j is refused as a name, since it can’t be part of a path',
    (name) => {
      const { name: taken, remarks } = settingsOf({ 'app-metrics-proxy.name': name })
      expect([taken, remarks.length]).toEqual([undefined, 1])
    },
  )

  test('a timeout longer than its interval is shortened, since Prometheus would drop the target', () => {
    const settings = settingsOf({ 'prometheus.interval': '5s', 'prometheus.timeout': '10s' })
    expect(settings.timeoutMs?.value).toBe(5000)
    expect(settings.remarks).toEqual([
      'prometheus.timeout, container label: longer than the interval (prometheus.interval, container label), which counts',
    ])
  })

  test('Docker Flow’s labels on the container count where the service has notify', () => {
    expect(settingsOf({ 'com.df.scrapePort': '80' }, notified).port?.value).toBe(80)
    expect(
      settingsOf({ ...notified, 'com.df.scrapePort': '80' }, { 'com.df.notify': 'false' }).port,
    ).toBeUndefined()
  })

  test('labels and parameters are bounded in number', () => {
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`app-metrics-proxy.label.l${at}`, 'x']),
    )
    const settings = settingsOf(many)
    expect(Object.keys(settings.labels)).toHaveLength(32)
    expect(settings.remarks).toHaveLength(8)
  })

  test('no labels make the resolver throw or set an invalid label name', () => {
    const keys = fc.oneof(
      fc.constantFrom(
        'app-metrics-proxy.port',
        'prometheus.io/path',
        'com.df.notify',
        'com.df.alertIf.1',
        '__proto__',
      ),
      fc.string({ unit: 'binary' }).map((tail) => `app-metrics-proxy.label.${tail}`),
      fc.string({ unit: 'binary' }).map((tail) => `app-metrics-proxy.param.${tail}`),
      fc.string({ unit: 'binary' }).map((tail) => `app-metrics-proxy.label.2.${tail}`),
      fc.constantFrom('app-metrics-proxy.port.2', 'app-metrics-proxy.path.9'),
    )
    fc.assert(
      fc.property(fc.dictionary(keys, fc.string({ unit: 'binary' })), (labels) => {
        const settings = settingsOf(labels)
        const all = [settings, ...settings.endpoints.values()]
        for (const name of all.flatMap(({ labels, params }) => Object.keys({ ...labels, ...params })))
          expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/)
      }),
    )
  })
})

describe('further endpoints', () => {
  const endpointsOf = (container: Record<string, string>, service: Record<string, string> = {}) => {
    const { endpoints, remarks } = settingsOf(container, service)
    return { endpoints: Object.fromEntries(endpoints), remarks }
  }

  test('have what their labels set, and what is about the container', () => {
    const labels = {
      ...{
        'app-metrics-proxy.port': '8443',
        'app-metrics-proxy.path': '/first',
        'prometheus.interval': '30s',
      },
      ...{
        'app-metrics-proxy.scheme': 'https',
        'app-metrics-proxy.network': 'back',
        'prometheus.job': 'shop',
      },
      ...{ 'app-metrics-proxy.label.team': 'web', 'app-metrics-proxy.param.module': 'http' },
      ...{ 'app-metrics-proxy.port.2': '9113', 'app-metrics-proxy.interval-2': '5s' },
      ...{ 'app-metrics-proxy.label.2.part': 'nginx', 'app-metrics-proxy.param.2.deep': '1' },
    }
    const value = (value: unknown, key: string) => ({ value, source: `${key}, container label` })
    expect(endpointsOf(labels)).toEqual({
      endpoints: {
        2: {
          instanceSuffix: ':9113',
          port: value(9113, 'app-metrics-proxy.port.2'),
          intervalMs: value(5000, 'app-metrics-proxy.interval-2'),
          network: value('back', 'app-metrics-proxy.network'),
          job: value('shop', 'prometheus.job'),
          params: { deep: '1' },
          labels: { team: 'web', part: 'nginx' },
        },
      },
      remarks: [],
    })
    expect(settingsOf(labels)).toMatchObject({ labels: { team: 'web' }, params: { module: 'http' } })
  })

  test('with a path alone are at the port of the first', () => {
    const labels = {
      'prometheus.port': '8443',
      'prometheus.scheme': 'https',
      'app-metrics-proxy.path.2': 'b',
    }
    expect(endpointsOf(labels).endpoints).toMatchObject({
      2: {
        port: { value: 8443 },
        scheme: { value: 'https' },
        path: { value: '/b' },
        instanceSuffix: '?endpoint=2',
      },
    })
  })

  test('are distinguished by their port only if no other one has it', () => {
    const labels = {
      ...{ 'app-metrics-proxy.port': '1', 'app-metrics-proxy.port.2': '1', 'app-metrics-proxy.port.3': '3' },
      ...{
        'app-metrics-proxy.port.9': '3',
        'app-metrics-proxy.path.9': '/b',
        'app-metrics-proxy.path.4': '/c',
      },
    }
    const suffixes = Object.entries(endpointsOf(labels).endpoints).map(([number, { instanceSuffix }]) => [
      number,
      instanceSuffix,
    ])
    expect(suffixes).toEqual([
      ['2', '?endpoint=2'],
      ['3', ':3'],
      ['4', '?endpoint=4'],
      ['9', '?endpoint=9'],
    ])
  })

  test('are set by the service before the container, and off each for itself', () => {
    const container = {
      'app-metrics-proxy.port.2': '2',
      'app-metrics-proxy.port.3': '3',
      'prometheus.ignore': '',
    }
    const service = { 'app-metrics-proxy.port.2': '22', 'app-metrics-proxy.enabled.2': 'yes' }
    expect(endpointsOf(container, service).endpoints).toMatchObject({
      2: { port: { value: 22, source: 'app-metrics-proxy.port.2, service label' }, enabled: { value: true } },
      3: { enabled: { value: false } },
    })
    expect(endpointsOf({ ...container, 'app-metrics-proxy.ignore.2': '' }, service).endpoints).toMatchObject({
      2: { enabled: { value: false } },
    })
  })

  test('keep the timeout within their own interval, and say so if it is their own', () => {
    const labels = {
      'prometheus.timeout': '9',
      'app-metrics-proxy.port.2': '2',
      'app-metrics-proxy.interval.2': '5',
    }
    expect(endpointsOf(labels)).toMatchObject({
      endpoints: { 2: { timeoutMs: { value: 5000 } } },
      remarks: [],
    })
    expect(endpointsOf({ ...labels, 'app-metrics-proxy.timeout.2': '8' })).toMatchObject({
      endpoints: { 2: { timeoutMs: { value: 5000 } } },
      remarks: [expect.stringMatching(/^app-metrics-proxy\.timeout\.2, .*: longer than the interval/)],
    })
  })

  test.each<readonly [Record<string, string>, readonly unknown[]]>([
    [
      { 'app-metrics-proxy.port.2': '0' },
      ['app-metrics-proxy.port.2="0" (container label): must be a port from 1 to 65535'],
    ],
    [
      { 'app-metrics-proxy.job.3': 'x' },
      [
        'there is no endpoint 3, though labels configure it: set app-metrics-proxy.port.3 or app-metrics-proxy.path.3',
      ],
    ],
    [
      { 'app-metrics-proxy.param.2.module': 'x' },
      [
        'there is no endpoint 2, though labels configure it: set app-metrics-proxy.port.2 or app-metrics-proxy.path.2',
      ],
    ],
    ...['port.1', 'port.10', 'port.02', 'name.2', 'port.2.3', 'port.constructor'].map(
      (key) =>
        [
          { [`app-metrics-proxy.${key}`]: '80' },
          [
            `app-metrics-proxy.${key} (container label): not a label that is read; see the list in docs/LABELS.md`,
          ],
        ] as const,
    ),
    [{ 'prometheus.port.2': '80', 'io.prometheus.scrape_port.2': '80', 'com.df.scrapePort.2': '80' }, []],
    [{ 'app-metrics-proxy.label.team.2': 'a label named team_2' }, []],
    [
      { 'app-metrics-proxy.port.2': '80', 'app-metrics-proxy.label.2.job': 'x' },
      [expect.stringMatching(/^app-metrics-proxy\.label\.2\.job="job" .*: must be another name/)],
    ],
  ])('%j is reported', (labels, remarks) => {
    expect(endpointsOf(labels).remarks).toEqual(remarks)
  })
})

describe('extra labels, parameters and alerts', () => {
  test('by the rest of the key', () => {
    expect(
      settingsOf(
        {
          'app-metrics-proxy.label.team': 'web',
          'app-metrics-proxy.param.module': 'http',
          'prometheus.io/param-module': 'other',
        },
        { 'app-metrics-proxy.label.team': 'shop', 'prometheus.io/param-deep': '1' },
      ),
    ).toMatchObject({ labels: { team: 'shop' }, params: { deep: '1', module: 'http' }, remarks: [] })
  })

  test('alerts keep their index and origin', () => {
    const alerts = settingsOf(
      { 'com.df.alertName': 'image', 'com.df.alertIf': 'up' },
      { ...notified, 'com.df.alertName.2': 'two', 'com.df.alertIf.2': '@x', 'com.df.alertName': 'plain' },
    ).alerts
    expect(alerts).toEqual([
      { origin: 'service label', index: '', parts: { Name: 'plain' } },
      { origin: 'service label', index: '2', parts: { Name: 'two', If: '@x' } },
      { origin: 'container label', index: '', parts: { Name: 'image', If: 'up' } },
    ])
  })
})

test.each([
  ['com.df.scrapePort', true],
  ['com.df.alertIf.3', true],
  ['prometheus.io/port', true],
  ['prometheus-job', true],
  ['app-metrics-proxy.anything', true],
  ['com.df.password', false],
  ['prometheus.password', false],
  ['io.prometheus.token', false],
  ['maintainer', false],
])('%s may leave the node: %s', (key, ours) => {
  expect(isOurs(key)).toBe(ours)
})
