import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { containerOf } from '../../src/discover/container.ts'
import { createContainerMetrics } from '../../src/discover/container-metrics.ts'
import type { ApiContainer } from '../../src/discover/docker-api.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { createMetrics, pageOf } from '../../src/runtime/metrics.ts'

const id = 'a'.repeat(64)
const row = (more: Partial<ApiContainer> = {}): ApiContainer => ({
  ...{ Id: id, Names: ['/web'], State: 'running', Status: 'Up 5 seconds', Created: 1_795_227_727 },
  ...more,
})

function observed(...rows: readonly ApiContainer[]) {
  const metrics = createMetrics()
  const containers = createContainerMetrics(metrics)
  const list = (...all: readonly ApiContainer[]) => containers.list(all.map((one) => containerOf(one, [])))
  list(...rows)
  const samples = () =>
    Array.from(metrics.print().matchAll(/^app_metrics_proxy_container_([^#\n]*)$/gm), ([, line]) => line)
  return {
    ...containers,
    metrics,
    rows: list,
    samples,
    of: (name: string) => samples().filter((one) => one!.startsWith(name)),
  }
}

const died = (exitCode: number | undefined) => ({ kind: 'died', id, atNs: undefined, exitCode }) as const
const started = (atNs: number) => ({ kind: 'started', id, atNs }) as const
const oom = { kind: 'oom', id, atNs: undefined } as const

test('the metrics of a container, of which only the list is known', () => {
  const Labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
  expect(observed(row({ Labels, Status: 'Up 2 hours (healthy)' })).samples()).toEqual([
    'created_timestamp_seconds{container="web"} 1795227727',
    'health{container="web",health="healthy"} 1',
    'info{container="web",container_id="aaaaaaaaaaaa",service="shop_web",slot="1"} 1',
    'oom_kills_total{container="web"} 0',
    'restarts_total{container="web"} 0',
    'state{container="web",state="running"} 1',
  ])
})

test.each([
  ['Up 5 seconds (health: starting)', 'starting'],
  ['Up 2 hours (unhealthy)', 'unhealthy'],
  ['Up 2 hours', undefined],
  ['Up 2 hours (Paused)', undefined],
  ['Exited (1) 3 seconds ago', undefined],
  ['Up (healthy) x', undefined],
])('%s is of health %s', (Status, health) => {
  expect(containerOf(row({ Status }), []).health).toBe(health)
})

describe('events', () => {
  test('count restarts, not first starts, and none twice', () => {
    const container = observed(row())
    container.event(started(5e9))
    expect(container.of('restarts')).toEqual(['restarts_total{container="web"} 0'])
    container.event(started(5e9))
    container.event(died(137))
    container.event(started(7.5e9))
    container.event(started(7.5e9))
    expect(container.of('restarts')).toEqual(['restarts_total{container="web"} 1'])
    expect(container.of('start_')).toEqual(['start_timestamp_seconds{container="web"} 7.5'])
    expect(container.of('last')).toEqual(['last_exit_code{container="web"} 137'])
  })

  test('count the restart of a container that ran before the agent did, also without an exit code', () => {
    for (const code of [0, undefined]) {
      const container = observed(row())
      container.event(died(code))
      container.event(started(7e9))
      expect(container.of('restarts')).toEqual(['restarts_total{container="web"} 1'])
    }
  })

  test('count OOM kills', () => {
    const container = observed(row())
    container.event(oom)
    container.event(died(137))
    expect(container.of('oom')).toEqual(['oom_kills_total{container="web"} 1'])
  })

  test('of a container that no list has yet are not lost', () => {
    const container = observed()
    container.event(started(5e9))
    container.event(died(1))
    container.event(started(6e9))
    expect(container.samples()).toEqual([])
    container.rows(row())
    expect(container.of('restarts')).toEqual(['restarts_total{container="web"} 1'])
  })
})

describe('what a target has of it', () => {
  const runOf = (container: ReturnType<typeof observed>, more: Partial<ApiContainer> = {}) =>
    container.runOf(containerOf(row(more), []))

  test('is nothing without a health check, as long as it runs', () => {
    const container = observed(row())
    container.event(started(5e9))
    expect(runOf(container)).toBeUndefined()
  })

  test('is its health, its restarts, and how it ended', () => {
    const container = observed(row())
    expect(runOf(container, { Status: 'Up 2 hours (unhealthy)' })).toEqual({
      ...{ health: 'unhealthy', restarts: 0, oomKills: 0 },
    })
    container.event(oom)
    container.event(died(137))
    container.event(started(7e9))
    expect(runOf(container)).toEqual({ restarts: 1, oomKills: 1, lastExitCode: 137 })
    expect(runOf(container, { State: 'exited', Status: 'Exited (3) 1 second ago' })).toMatchObject({
      lastExitCode: 3,
    })
  })
})

test('what is removed disappears, and begins anew under its id', () => {
  const container = observed(row())
  container.event(oom)
  container.rows()
  expect(container.samples()).toEqual([])
  container.rows(row({ State: 'exited', Status: 'Exited (3) 2 minutes ago' }))
  expect(container.of('oom')).toEqual(['oom_kills_total{container="web"} 0'])
  expect(container.of('last')).toEqual(['last_exit_code{container="web"} 3'])
  expect(container.of('state')).toEqual(['state{container="web",state="exited"} 1'])
})

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((one) => one.toWellFormed()),
  fc.constantFrom('', '__proto__', 'constructor', '"} 1\nup 0', '\\', '{{ x }}', '\n# EOF\n', '\r'),
)

test('whatever containers are named and labelled, the metrics are valid, and each series is there once', () => {
  const anyRow = fc.record({
    ...{ Id: text, Names: fc.array(text, { maxLength: 2 }), State: text, Status: text, Image: text },
    Labels: fc.dictionary(
      fc.oneof(text, fc.constantFrom('com.docker.compose.project', 'com.docker.compose.service')),
      text,
    ),
  })
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 8 }), (rows) => {
      const { metrics } = observed(...rows)
      const page = pageOf(metrics)
      const body = page.content.kind === 'plain' ? page.content.bytes : new Uint8Array()
      const found = inspect(body, 'text/plain; version=0.0.4', { maxSeries: 1e6, maxLineBytes: 2 ** 20 })
      expect(found).toMatchObject({ ok: true, series: page.series, remarks: [] })
    }),
  )
})
