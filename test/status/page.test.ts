// The parts of the page that need no browser.

import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Code } from '../../src/errors.ts'
import { settingsOf } from '../../src/labels/settings.ts'
import type { ServiceStatus, Status, TargetStatus } from '../../src/status/shape.ts'
import { clusterJob, joinBlock, labelBlock } from '../../src/status/ui/blocks.js'
import { age, bytes, durationText } from '../../src/status/ui/format.js'
import {
  attentionItems,
  clusterStatus,
  healthText,
  matcher,
  missingOf,
  replicasText,
  runText,
  sinceText,
  stateCountsText,
  updateText,
} from '../../src/status/ui/model.js'
import { nextSort, sortGroups } from '../../src/status/ui/order.js'
import { isFiltered, noFilters, printQuery, readQuery } from '../../src/status/ui/query.js'

const target = (name: string, more: Partial<TargetStatus> = {}): TargetStatus => ({
  key: `n1/${name}`,
  id: name,
  nodeId: 'n1',
  node: 'node1',
  name,
  kind: 'standalone',
  replica: 'node1',
  job: name,
  instance: `${name}@node1`,
  image: 'image:1',
  path: `/${name}/node1/metrics`,
  state: 'up',
  history: [],
  remarks: [],
  ...more,
})

const replica = (service: string, slot: string, more: Partial<TargetStatus> = {}) =>
  target(`${service}.${slot}`, {
    ...{ kind: 'replicated', service, stack: 'shop', replica: slot },
    ...{ job: service, instance: `${service}.${slot}`, ...more },
  })

const response = (more: Partial<Status>): Status => ({
  version: '1.0.0',
  time: 100,
  cluster: 'demo',
  nodeId: 'n1',
  config: {
    scrapeInterval: 10,
    maxAge: 0.1,
    staleAfter: 30,
    forgetAfter: 300,
    advertise: 'h:2137',
  },
  nodes: [],
  services: [],
  problems: [],
  clients: [],
  targets: [],
  ...more,
})

describe('targets in groups', () => {
  const first = clusterStatus(
    response({ targets: [target('b'), replica('shop_web', '10'), replica('shop_web', '9')] }),
  )
  const listed = ({ groups }: typeof first) => groups.map(({ name, members }) => [name, ...members])

  test('are sorted by name, replicas by number', () => {
    expect(listed(first)).toEqual([
      ['b', 'n1/b'],
      ['shop_web', 'n1/shop_web.9', 'n1/shop_web.10'],
    ])
  })

  test('a change of state moves nothing', () => {
    const targets = [...first.targets.values()].map((one) => ({ ...one, state: 'down' as const }))
    expect(clusterStatus(response({ targets: targets.toReversed() })).groups).toEqual(first.groups)
  })

  test('a service without containers is listed, too', () => {
    const services = [{ name: 'shop_db', mode: 'replicated' as const, replicas: 1, running: 0, slots: ['1'] }]
    const { groups } = clusterStatus(response({ services }))
    expect(groups).toMatchObject([{ name: 'shop_db', members: [] }])
    expect(missingOf(groups[0]?.swarmService, [])).toEqual(['1'])
    expect(missingOf(groups[0]?.swarmService, [replica('shop_db', '1')])).toEqual([])
  })
})

describe('attention items', () => {
  const itemsOf = (...targets: TargetStatus[]) =>
    attentionItems(clusterStatus(response({ targets }))).map(({ severity, title }) => `${severity} ${title}`)
  const failure = (code: NonNullable<TargetStatus['failure']>['code']) => ({
    failure: { code, reason: 'because' },
  })

  test('are targets that are down, unreachable or crashed', () => {
    expect(
      itemsOf(
        target('crashed', { state: 'ended', ended: { time: 1, exitCode: 137, removed: false } }),
        target('hidden', { state: 'unscraped', ...failure('no_address') }),
        replica('shop_web', '1', { state: 'down', ...failure('connection_refused') }),
      ),
    ).toEqual(['error shop_web.1', 'warning crashed@node1', 'warning hidden@node1'])
  })

  test('with the same reason are one, the most frequent reason first', () => {
    const down = (name: string, reason: string, more: Partial<TargetStatus> = {}) =>
      target(name, { state: 'down', failure: { code: 'connection_refused', reason }, ...more })
    const items = attentionItems(
      clusterStatus(
        response({
          targets: [
            down('a', 'timeout', { downSince: 10, lastSuccess: 9 }),
            down('c', 'refused', { downSince: 40, lastSuccess: 39 }),
            down('b', 'refused', { downSince: 30, lastSuccess: 29 }),
          ],
        }),
      ),
    )
    expect(items.map(({ title, text, since }) => [title, text, since])).toEqual([
      ['2 × refused', '', 30],
      ['a@node1', 'timeout', 10],
    ])
    expect(items[0]?.targets.map(({ name }) => name)).toEqual(['b', 'c'])
    expect(items.map(({ since, isOlder }) => sinceText(since, 100, isOlder))).toEqual([
      'for 1 min',
      'for 1 min',
    ])
    expect(sinceText(40, 100, true)).toBe('for 1 min or longer')
  })

  test('are not targets without metrics, disabled, finished or stopped ones', () => {
    expect(
      itemsOf(
        target('db', { state: 'unscraped', ...failure('no_metrics') }),
        target('off', { state: 'off', ...failure('disabled') }),
        target('done', { state: 'ended', ended: { time: 1, exitCode: 0, removed: false } }),
        target('updated', { state: 'ended', ended: { time: 1, exitCode: 143, removed: false } }),
        target('well'),
      ),
    ).toEqual([])
  })
})

describe('the order of the table', () => {
  const status = clusterStatus(
    response({
      targets: [
        replica('web', '1', { series: 5, bytes: 10 }),
        replica('web', '2', { series: 7, bytes: 900, state: 'down' }),
        target('api', { series: 9, bytes: 50, node: 'node3' }),
        target('db', { series: 1, bytes: 60, node: 'node2' }),
      ],
    }),
  )
  const ordered = (sort: string) =>
    sortGroups(status, sort).flatMap(({ members }) => members.map((key) => key.slice(3)))

  test.each([
    ['', ['web.2', 'web.1', 'api', 'db']],
    ['target', ['api', 'db', 'web.1', 'web.2']],
    ['-target', ['web.1', 'web.2', 'db', 'api']],
    ['-series', ['web.2', 'web.1', 'api', 'db']],
    ['series', ['db', 'api', 'web.1', 'web.2']],
    ['size', ['api', 'db', 'web.1', 'web.2']],
    ['node', ['web.1', 'web.2', 'db', 'api']],
    ['constructor', ['web.2', 'web.1', 'api', 'db']],
  ])('by %j', (sort, expected) => {
    expect(ordered(sort)).toEqual(expected)
  })

  test('has the worst first: by state, then the newest failure, then by name', () => {
    const unscraped = (name: string, code: Code) =>
      target(name, { state: 'unscraped', failure: { code, reason: code } })
    const ended = (name: string, exitCode: number) =>
      target(name, { state: 'ended', ended: { time: 3000, exitCode, removed: false } })
    const targets = [
      ...[target('a-up'), target('b-off', { state: 'off' }), ended('c-replaced', 143)],
      ...[target('d-searching', { state: 'searching' }), unscraped('e-no-metrics', 'no_metrics')],
      ...[
        unscraped('f-unreachable', 'no_address'),
        ended('g-crashed', 1),
        target('h-lost', { state: 'lost' }),
      ],
      target('i-down-for-long', { state: 'down', downSince: 1000 }),
      target('j-down-together', { state: 'down', downSince: 2010 }),
      target('k-down-together', { state: 'down', downSince: 2005 }),
    ]
    const groups = sortGroups(clusterStatus(response({ targets })), '')
    expect(groups.map(({ name }) => name)).toEqual([
      ...['j-down-together', 'k-down-together', 'i-down-for-long', 'h-lost', 'f-unreachable', 'g-crashed'],
      ...['e-no-metrics', 'd-searching', 'a-up', 'b-off', 'c-replaced'],
    ])
  })

  test('a service that lacks a replica comes first, too', () => {
    const services = [
      { name: 'web', mode: 'replicated' as const, replicas: 2, running: 1, slots: ['1', '2'] },
    ]
    const targets = [target('api'), replica('web', '1')]
    const groups = sortGroups(clusterStatus(response({ targets, services })), '')
    expect(groups.map(({ name }) => name)).toEqual(['web', 'api'])
  })

  test('clicks on a heading go from one direction to the other, then to failures first', () => {
    expect(['', '-size', 'size'].map((sort) => nextSort(sort, 'size'))).toEqual(['-size', 'size', ''])
    expect(['-size', 'target', '-target'].map((sort) => nextSort(sort, 'target'))).toEqual([
      'target',
      '-target',
      '',
    ])
  })
})

describe('blocks to copy', () => {
  const cluster = 'a"\n  - job_name: evil'
  const { config } = response({})

  test('have the job of the cluster, at the address that is advertised', () => {
    expect(parse(clusterJob({ cluster, config }, false))).toEqual({
      scrape_configs: [{ job_name: cluster, http_sd_configs: [{ url: 'http://h:2137/sd' }] }],
    })
    expect(parse(clusterJob({ cluster, config }, true))).toEqual({
      scrape_configs: [
        { job_name: cluster, scheme: 'https', http_sd_configs: [{ url: 'https://h:2137/sd' }] },
      ],
    })
  })

  test('have labels that the agent reads, where it reads them', () => {
    const labels = { 'app-metrics-proxy.port': 9187, 'app-metrics-proxy.path': '/stats/metrics' }
    expect(parse(labelBlock(false)).services.shop).toEqual({ labels })
    expect(parse(labelBlock(true)).services.shop).toEqual({ deploy: { labels } })
    const given = Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, `${value}`]))
    expect(settingsOf(given)).toMatchObject({
      port: { value: 9187 },
      path: { value: '/stats/metrics' },
      remarks: [],
    })
    expect(parse(joinBlock).networks).toEqual({ monitor: { external: true } })
  })
})

describe('filters', () => {
  const web = replica('shop_web', '2', {
    state: 'down',
    failure: { code: 'connection_refused', reason: 'connection refused' },
  })
  test.each([
    [{ search: 'WEB' }, true],
    [{ search: 'web refused' }, true],
    [{ search: 'shop_web.2' }, true],
    [{ search: 'web timeout' }, false],
    [{ states: ['down', 'lost'] }, true],
    [{ states: ['up'] }, false],
    [{ node: 'n1', stack: 'shop' }, true],
    [{ node: 'n2' }, false],
    [{ stack: 'blog' }, false],
  ])('%j: %s', (part, expected) => {
    expect(matcher({ ...noFilters, ...part })(web)).toBe(expected)
  })

  test('are kept in the URL', () => {
    const filters = { search: 'a b&c', states: ['up', 'down'], node: 'n 1', stack: 's' }
    const query = { ...filters, sort: '-size', target: 'n/1', metricsSearch: '#x' }
    expect(printQuery(query)).toMatch(/^\?q=a\+b%26c&.*&find=%23x$/)
    expect(readQuery(printQuery(query))).toEqual(query)
    expect(printQuery(noFilters)).toBe('.')
    expect(readQuery('')).toEqual(noFilters)
    expect([isFiltered(query), isFiltered({ ...noFilters, target: 'n/1' })]).toEqual([true, false])
  })
})

test('states as text', () => {
  expect(stateCountsText([target('a'), target('b', { state: 'down' }), target('c')])).toBe('2 up, 1 down')
  expect(
    healthText([
      ...[target('a'), target('b', { state: 'down' }), target('c', { state: 'off' })],
      target('d', { state: 'searching' }),
    ]),
  ).toBe('1 target up, 1 down, 2 not scraped')
  expect(healthText([target('a', { state: 'lost' }), target('b', { state: 'lost' })])).toBe('2 targets lost')
})

test('the replicas of a service, and an update that went wrong, as text', () => {
  const service = (more: Partial<ServiceStatus> = {}): ServiceStatus => ({
    ...{ name: 'web', mode: 'replicated', replicas: 3, running: 2, slots: ['1', '2', '3'] },
    ...more,
  })
  expect(
    [service(), service({ replicas: 1, running: 1 }), service({ mode: 'job' }), undefined].map(replicasText),
  ).toEqual(['2 of 3 replicas', '1 of 1 replica', '', ''])
  expect(
    ['completed', 'paused', 'rollback_completed', 'constructor', undefined].map((updateState) =>
      updateText(service(updateState === undefined ? {} : { updateState })),
    ),
  ).toEqual(['', 'update paused', 'update rolled back', '', ''])
})

test.each([
  [{}, ''],
  [{ health: 'healthy', lastExitCode: 0 }, ''],
  [{ health: 'unhealthy', restarts: 1, lastExitCode: 1 }, 'unhealthy, 1 restart, last exit code 1'],
  [{ restarts: 3, lastExitCode: 137, oomKills: 2 }, '3 restarts, last exit code 137, out of memory 2 times'],
  // the reason has the exit code
  [{ state: 'ended', lastExitCode: 137, oomKills: 1 }, 'out of memory'],
] as const)('what is unusual about how a container runs: %j', (more, expected) => {
  expect(runText(target('a', more))).toBe(expected)
  if (expected !== '') expect(matcher({ ...noFilters, search: expected })(target('a', more))).toBe(true)
})

test.each([
  [bytes(0), '0 B'],
  [bytes(999), '999 B'],
  [bytes(1000), '1.0 kB'],
  [bytes(61_234), '61 kB'],
  [bytes(999_600), '1.0 MB'],
  [durationText(0.0004), '0.4 ms'],
  [durationText(0.0996), '100 ms'],
  [durationText(0.99951), '1.0 s'],
  [durationText(12), '12 s'],
  [age(-0.2), '0 s'],
  [age(59.9), '59 s'],
  [age(61), '1 min'],
  [age(7300), '2 h'],
  [age(200_000), '2 d'],
])('%s is %s', (made, expected) => {
  expect(made).toBe(expected)
})
