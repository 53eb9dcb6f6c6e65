import { describe, expect, test } from 'vitest'
import type { ClientRequest } from '../../src/http/answer.ts'
import { createClients } from '../../src/status/clients.ts'
import { unixTime } from '../../src/status/target.ts'
import { virtualClock } from '../helpers/clock.ts'

const text = 'text/plain; version=0.0.4; charset=utf-8'
const scrape = (more: Partial<ClientRequest> = {}): ClientRequest => ({
  subject: 'metrics',
  address: '10.0.0.5',
  userAgent: 'Prometheus/3.5.0',
  path: '/shop/1/metrics',
  contentType: text,
  ...more,
})

function setUp() {
  const clock = virtualClock(0)
  const clients = createClients(clock)
  const list = () => clients.recent(targetsOf)
  return { clock, clients, record: clients.record, list }
}

/** A service of two replicas, and a container. */
const targets: ReadonlyMap<string, readonly string[]> = new Map([
  ['/shop/metrics', ['shop.1', 'shop.2']],
  ['/shop/metrics?scope=node', ['shop.1']],
  ['/shop/1/metrics', ['shop.1']],
  ['/shop/2/metrics', ['shop.2']],
  ['/cron/node1/metrics', ['cron']],
])
const targetsOf = (path: string) => targets.get(path) ?? []

describe('a client', () => {
  test('has its format, the interval of one path, and its last request', () => {
    const { clock, record, list } = setUp()
    for (let round = 0; round < 3; round += 1) {
      record(scrape())
      clock.passSync(4000)
      record(scrape({ path: '/shop/2/metrics' }))
      clock.passSync(11_000)
    }
    expect(list()).toEqual([
      {
        ...{ address: '10.0.0.5', userAgent: 'Prometheus/3.5.0', subject: 'metrics' },
        ...{ format: 'text/0.0.4', interval: 15, last: unixTime(34_000) },
      },
    ])
  })

  test('keeps its format when a response has none', () => {
    const { record, list } = setUp()
    record(scrape())
    record(scrape({ contentType: undefined }))
    expect(list()[0]?.format).toBe('text/0.0.4')
  })

  test('is timed by another path once it no longer requests the first', () => {
    const { clock, record, list } = setUp()
    record(scrape())
    clock.passSync(301_000)
    for (let round = 0; round < 2; round += 1) {
      record(scrape({ path: '/new/metrics' }))
      clock.passSync(30_000)
    }
    expect(list()[0]?.interval).toBe(30)
  })

  test('is listed for 15 minutes', () => {
    const { clock, record, list } = setUp()
    record(scrape())
    clock.passSync(900_000)
    expect(list()).toHaveLength(1)
    clock.passSync(1)
    expect(list()).toEqual([])
  })
})

test('clients differ by address, user agent and what they request, in a fixed order', () => {
  const { record, list } = setUp()
  record(scrape({ userAgent: 'curl/8' }))
  record(scrape({ subject: 'targets', contentType: 'application/json; charset=utf-8' }))
  record(scrape())
  record(scrape({ address: '10.0.0.4' }))
  expect(
    list().map(({ subject, address, userAgent, format }) => [subject, address, userAgent, format]),
  ).toEqual([
    ['metrics', '10.0.0.4', 'Prometheus/3.5.0', 'text/0.0.4'],
    ['metrics', '10.0.0.5', 'Prometheus/3.5.0', 'text/0.0.4'],
    ['metrics', '10.0.0.5', 'curl/8', 'text/0.0.4'],
    ['targets', '10.0.0.5', 'Prometheus/3.5.0', 'json'],
  ])
})

test('of long paths nothing is held, of others so many', () => {
  const { clock, clients, record } = setUp()
  for (let round = 0; round < 3; round += 1) {
    for (let at = 0; at < 1500; at += 1) {
      record(scrape({ path: `/metrics?x=${at}${'x'.repeat(10_000)}` }))
      record(scrape({ path: `/metrics?x=${at}` }))
    }
    clock.passSync(10_000)
  }
  const held: string[] = []
  clients.recent((path) => {
    held.push(path)
    return []
  })
  expect(held).toEqual(Array.from({ length: 1000 }, (_, at) => `/metrics?x=${at}`))
})

test('at most 50 are held, the latest, and only so much of a user agent', () => {
  const { record, list } = setUp()
  for (let at = 0; at < 200; at += 1) record(scrape({ address: `10.0.0.${at}`, userAgent: 'x'.repeat(9000) }))
  expect(list()).toHaveLength(50)
  expect(
    list()
      .map(({ address }) => Number(address.split('.')[3]))
      .sort((a, b) => a - b)[0],
  ).toBe(150)
  expect(list()[0]?.userAgent).toHaveLength(200)
})

describe('what a client scrapes doubly', () => {
  /** Jobs with an interval of 15 s and the offset of each. */
  function scrapedBy(
    jobs: readonly (readonly [path: string, offset: number, address?: string])[],
    rounds = 4,
  ) {
    const { clock, record, list } = setUp()
    const requests = Array.from({ length: rounds }, (_, round) =>
      jobs.map(([path, offset, address = '10.0.0.5']) => ({
        path,
        address,
        at: (round * 15 + offset) * 1000,
      })),
    ).flat()
    for (const { path, address, at } of requests.toSorted((a, b) => a.at - b.at)) {
      clock.passSync(at - clock.now())
      record(scrape({ path, address }))
    }
    return { clock, record, doubled: () => list().map(({ doubled }) => doubled) }
  }

  test.each([
    ['a service beside its replicas, as in a list of nodes beside /sd', '/shop/metrics', 1, 2],
    ['the replicas of one node beside /sd', '/shop/metrics?scope=node', 1, 1],
    ['the same path in two jobs', '/shop/1/metrics', 4, 1],
  ])('is %s', (_, path, offset, count) => {
    const jobs = [
      ['/shop/1/metrics', 0],
      ['/shop/2/metrics', 3],
      [path, offset],
    ] as const
    const paths = path === '/shop/1/metrics' ? [path] : ['/shop/1/metrics', path]
    expect(scrapedBy(jobs).doubled()).toEqual([{ targets: count, paths }])
  })

  test.each([
    [
      'two servers with the same configuration',
      [
        ['/shop/1/metrics', 0],
        ['/shop/1/metrics', 4, '10.0.0.6'],
      ],
    ],
    [
      'each replica once',
      [
        ['/shop/1/metrics', 0],
        ['/shop/2/metrics', 4],
        ['/cron/node1/metrics', 9],
      ],
    ],
    ['a service alone', [['/shop/metrics', 0]]],
    [
      'what it no longer has',
      [
        ['/gone/metrics', 0],
        ['/gone/1/metrics', 2],
      ],
    ],
  ] as const)('is not: %s', (_, jobs) => {
    expect(scrapedBy(jobs).doubled().filter(Boolean)).toEqual([])
  })

  test('is nothing any more soon after one of the jobs was removed', () => {
    const { clock, record, doubled } = scrapedBy([
      ['/shop/1/metrics', 0],
      ['/shop/metrics', 4],
    ])
    expect(doubled()).toHaveLength(1)
    for (let round = 0; round < 3; round += 1) {
      clock.passSync(15_000)
      record(scrape())
    }
    expect(doubled()).toEqual([undefined])
  })

  test('of a client with very many paths, only so many are held', () => {
    const { clock, record, list } = setUp()
    for (let at = 0; at < 5000; at += 1) record(scrape({ path: `/c${at}/metrics` }))
    clock.passSync(15_000)
    record(scrape({ path: '/c1/metrics' }))
    expect(list()[0]?.interval).toBe(15)
    clock.passSync(400_000)
    for (let round = 0; round < 2; round += 1) {
      clock.passSync(30_000)
      record(scrape({ path: '/new/metrics' }))
    }
    expect(list()[0]?.interval).toBe(30)
  })
})
