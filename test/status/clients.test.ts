import { describe, expect, test } from 'vitest'
import type { ClientRequest } from '../../src/http/answer.ts'
import { clientStatuses, createClients } from '../../src/status/clients.ts'
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
  return { clock, record: clients.record, list: () => clientStatuses(clients.recent(), (at) => at / 1000) }
}

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
        ...{ format: 'text/0.0.4', interval: 15, last: 34 },
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
