import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { formats } from '../../src/agent/formats.ts'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Entry, Snapshot } from '../../src/model.ts'
import { expectInternalErrors } from '../helpers/internal-errors.ts'
import { scaled } from '../helpers/limits.ts'
import { globalTask, node, standalone, task } from '../store/world.ts'
import { type Agent, failed, page, read, type Setup, startAgent } from './agent.ts'

const running: Agent[] = []
afterEach(async () => {
  for (const agent of running.splice(0)) await agent.stop()
})

async function start(setup: Setup): Promise<Agent> {
  const agent = await startAgent(setup)
  running.push(agent)
  return agent
}

const withSnapshot = (entry: Entry, snapshot: Snapshot): Entry => ({ ...entry, snapshot })
const timeout = (seconds: number) => ({ 'x-prometheus-scrape-timeout-seconds': `${seconds}` })
const many = (value: number) => Array.from({ length: 100 }, (_, n) => `x{n="${n}"} ${value}\n`).join('')
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('one container’s page', () => {
  test('is the container’s own, byte for byte', async () => {
    const odd = 'a 1\r\n# no end of line\nb{x="ü"} 2'
    const agent = await start({ entries: [standalone('n1', 'web')], refresh: async () => read(odd) })
    const { status, text, headers } = await agent.ask('/web/metrics')
    expect({ status, text }).toEqual({ status: 200, text: odd })
    expect(headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': `${Buffer.byteLength(odd)}`,
      vary: 'accept, accept-encoding',
    })
    expect(headers).not.toHaveProperty('age')
  })

  test('is converted for a client that accepts only another format', async () => {
    const agent = await start({ entries: [standalone('n1', 'web')], refresh: async () => read('a 1\n') })
    const { text, headers } = await agent.ask('/web/metrics', {
      headers: { accept: 'application/openmetrics-text;version=1.0.0' },
    })
    expect(text).toBe('a 1\n# EOF\n')
    expect(headers['content-type']).toContain('application/openmetrics-text; version=1.0.0')
  })

  test.each([
    ['text/plain;version=1.0.0;escaping=allow-utf-8', '{"a.b"} 1\n', 'text/plain; version=1.0.0'],
    ['text/plain;version=1.0.0;escaping=dots', 'a_dot_b 1\n', 'text/plain; version=1.0.0'],
    ['text/plain;version=0.0.4;escaping=allow-utf-8', 'a_b 1\n', 'text/plain; version=0.0.4'],
    [
      'application/openmetrics-text;version=1.0.0;escaping=values',
      'U__a_2e_b 1\n# EOF\n',
      'application/openmetrics-text; version=1.0.0',
    ],
  ])(
    'names that need quotes are escaped as the client accepts, which the Content-Type states: %s',
    async (accept, text, type) => {
      const quoted = page('{"a.b"} 1\n', { format: 'text/1.0.0', hasUtf8Names: true })
      const agent = await start({ entries: [standalone('n1', 'web')], refresh: async () => read(quoted) })
      const escaping = type.endsWith('1.0.0') ? `; ${/escaping=.*/.exec(accept)}` : ''
      expect(await agent.ask('/web/metrics', { headers: { accept } })).toMatchObject({
        text,
        headers: { 'content-type': `${type}; charset=utf-8${escaping}` },
      })
    },
  )

  test('HEAD has all but the body', async () => {
    const agent = await start({ entries: [standalone('n1', 'web')], refresh: async () => read('a 1\n') })
    const { status, body, headers } = await agent.ask('/web/metrics', { method: 'HEAD' })
    expect({ status, size: body.length, length: headers['content-length'] }).toEqual({
      status: 200,
      size: 0,
      length: '4',
    })
  })

  test('gzip: the container’s own is sent, others are made if they are large enough', async () => {
    const own = gzipSync('a 1\n', { level: 1 })
    const large = page('b 1\n'.repeat(1000))
    const huge = 'd 1\n'.repeat(100_000)
    const agent = await start({
      entries: [
        withSnapshot(standalone('n1', 'own'), read(page('a 1\n', { content: { kind: 'gzip', bytes: own } }))),
        withSnapshot(standalone('n1', 'made'), read(large)),
        withSnapshot(standalone('n1', 'small'), read('c 1\n')),
        withSnapshot(standalone('n1', 'huge'), read(huge)),
      ],
      maxAgeMs: 'off',
    })
    const get = (name: string, encoding = 'gzip') =>
      agent.ask(`/${name}/metrics`, { headers: { 'accept-encoding': encoding } })
    expect((await get('own')).body).toEqual(own)
    const made = await get('made')
    expect(made.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(made.body).toString()).toBe('b 1\n'.repeat(1000))
    expect((await get('made')).body).toEqual(made.body)
    expect(gunzipSync((await get('huge')).body).toString()).toBe(huge)
    expect((await get('small')).headers).not.toHaveProperty('content-encoding')
    expect((await get('made', 'gzip;q=0, br')).headers).not.toHaveProperty('content-encoding')
  })
})

test('a percent-encoded name is decoded, and never becomes a path', async () => {
  const names = ['Cased.Name-1_x', 'ü /../x']
  const agent = await start({
    entries: names.map((name) => standalone('n1', name)),
    refresh: async ({ target }) => read(`x{name="${target.name}"} 1\n`),
  })
  const ask = async (path: string) => (await agent.ask(path)).text
  const [cased, odd] = names.map((name) => `x{name="${name}"} 1\n`)
  for (const path of ['/Cased.Name-1_x/metrics', '/%43ased%2eName%2D1%5Fx/metrics'])
    expect(await ask(path)).toBe(cased)
  expect(await ask('/%C3%BC%20%2F..%2Fx/metrics')).toBe(odd)
  expect(await ask('/cased.name-1_x/metrics')).toMatch(/\nrequest one of \/Cased.Name-1_x\/metrics /)
  for (const path of [
    '/x/../Cased.Name-1_x/metrics',
    '/./Cased.Name-1_x/metrics',
    '//Cased.Name-1_x/metrics',
  ])
    expect((await agent.ask(path)).status).toBe(404)
})

describe('what can’t be answered', () => {
  test.each([
    ['/web/metrics', 'GET', 502, 'connection refused\n'],
    ['/wbe/metrics', 'GET', 404, 'no container or service is named "wbe"\nrequest /web/metrics\n'],
    ['/web/7/metrics', 'GET', 404, '"web" has no replica "7"\nrequest /web/one/metrics\n'],
    ['/web', 'GET', 404, 'there is nothing at this path\nrequest /<name>/metrics; / lists all names\n'],
    ['/web/metrics?scope=nodes', 'GET', 400, 'scope can only be node\n'],
    ['/..%2f..%2fetc%2fpasswd/metrics', 'GET', 404, 'no container or service is named "../../etc/passwd"\n'],
    ['/%00/metrics', 'GET', 404, 'no container or service is named "\\u0000"\n'],
    ['/%zz/metrics', 'GET', 400, "'/%zz/metrics' is not a valid url component\n"],
    ['/web/metrics', 'POST', 405, 'POST is not allowed here, only GET and HEAD are\n'],
    ['/web/metrics', 'DELETE', 405, 'DELETE is not allowed here, only GET and HEAD are\n'],
    ['/web/metrics', 'OPTIONS', 405, 'OPTIONS is not allowed here, only GET and HEAD are\n'],
  ])('%s by %s: %i', async (path, method, status, text) => {
    const agent = await start({
      entries: [standalone('n1', 'web')],
      refresh: async () => failed('connection_refused', 'connection refused'),
    })
    const answer = await agent.ask(path, { method })
    expect({ status: answer.status, text: answer.text }).toEqual({ status, text })
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(answer.headers.allow).toBe(status === 405 ? 'GET, HEAD' : undefined)
  })

  test('an internal error is reported, and sent without its details', async () => {
    const reported = expectInternalErrors()
    const agent = await start({ entries: [standalone('n1', 'web')] })
    expect(await agent.ask('/web/metrics')).toMatchObject({ status: 500, text: 'internal error\n' })
    expect(reported).toHaveLength(1)
  })
})

describe('freshness', () => {
  test('the result of a scrape is served for MAX_AGE', async () => {
    let scrapes = 0
    const agent = await start({
      entries: [standalone('n1', 'web')],
      maxAgeMs: 60_000,
      refresh: async () => {
        scrapes += 1
        return read(`scrapes ${scrapes}\n`)
      },
    })
    expect((await agent.ask('/web/metrics')).text).toBe('scrapes 1\n')
    expect((await agent.ask('/web/metrics')).text).toBe('scrapes 1\n')
  })

  test('a snapshot older than MAX_AGE is refreshed', async () => {
    const agent = await start({
      entries: [withSnapshot(standalone('n1', 'web'), read('old 1\n', 150))],
      refresh: async () => read('new 1\n'),
    })
    expect((await agent.ask('/web/metrics')).text).toBe('new 1\n')
  })

  test('off serves the cache, with its age', async () => {
    const agent = await start({
      entries: [withSnapshot(standalone('n1', 'web'), read('old 1\n', 5000))],
      maxAgeMs: 'off',
    })
    expect(await agent.ask('/web/metrics')).toMatchObject({ text: 'old 1\n', headers: { age: '5' } })
  })

  test('a container’s own failure is the answer, whatever is cached', async () => {
    const agent = await start({
      entries: [withSnapshot(standalone('n1', 'web'), read('old 1\n', 150))],
      refresh: async () => failed('invalid', 'line 1: no metrics'),
    })
    expect(await agent.ask('/web/metrics')).toMatchObject({ status: 502, text: 'line 1: no metrics\n' })
  })

  test('a container that hangs is reported within the client’s timeout', async () => {
    const agent = await start({
      entries: [standalone('n1', 'web')],
      refresh: () => new Promise(() => {}),
    })
    const startedAt = performance.now()
    const answer = await agent.ask('/web/metrics', { headers: timeout(0.3) })
    expect(answer).toMatchObject({
      status: 504,
      text: expect.stringMatching(/^no answer within \d+ ms\n/),
    })
    // of its timeout less a margin, what is left when the container is asked
    expect(Number(/\d+/.exec(answer.text))).toBeLessThanOrEqual(250)
    expect(performance.now() - startedAt).toBeLessThan(scaled(1500))
  })

  test.each<[string, Entry, number, string]>([
    [
      'stopped',
      standalone('n1', 'web', { ended: { at: 0, exitCode: 137, removed: false } }),
      502,
      'the container has stopped with exit code 137\n',
    ],
    ['paused', standalone('n1', 'web', { state: 'paused' }), 502, 'the container is paused\n'],
    [
      'still searched',
      standalone('n1', 'web', { isSearched: true }),
      503,
      'the container is still being searched for metrics\n',
    ],
    [
      'without metrics',
      {
        ...standalone('n1', 'web'),
        probeResult: {
          kind: 'not_found',
          failure: { code: 'no_metrics', reason: 'no metrics', hint: 'set PORTS' },
        },
      },
      404,
      'no metrics\nset PORTS\n',
    ],
  ])('a container that is %s is not scraped', async (_what, entry, status, text) => {
    const agent = await start({ entries: [entry] })
    expect(await agent.ask('/web/metrics')).toMatchObject({ status, text })
  })
})

describe('another node’s container', () => {
  const remote = () => withSnapshot(standalone('n2', 'web'), read('old 1\n', 3000))
  /** Seconds: a slow machine takes its time to ask. */
  const aFew = expect.stringMatching(/^[3-9]$/)
  const nodes = (link: 'up' | 'lost') => [node('n1', 'one', 'self'), node('n2', 'two', link)]

  test('is read through its owner', async () => {
    const agent = await start({
      entries: [remote()],
      nodes: nodes('up'),
      refresh: async () => read('new 1\n'),
    })
    expect((await agent.ask('/web/metrics')).text).toBe('new 1\n')
  })

  test('is served from the cache, with its age, while the link is lost', async () => {
    const agent = await start({ entries: [remote()], nodes: nodes('lost') })
    expect(await agent.ask('/web/metrics')).toMatchObject({
      status: 200,
      text: 'old 1\n',
      headers: { age: aFew },
    })
  })

  test('but only up to STALE_AFTER', async () => {
    const lost = { ...node('n2', 'two', 'lost'), since: performance.now() - 2000 }
    const entries = [remote(), task('n2', 'demo_api', 1)]
    const agent = await start({ entries, nodes: [node('n1', 'one', 'self'), lost], staleAfterMs: 1000 })
    const why = 'the agent of two, where this container runs, cannot be reached: the link to it was lost'
    expect(await agent.ask('/web/metrics')).toMatchObject({
      status: 502,
      text: expect.stringMatching(
        `^${why} [2-9] s ago\nits last metrics are [3-9] s old, too old to be served\n$`,
      ),
    })
    expect(await agent.ask('/demo_api/1/metrics')).toMatchObject({
      status: 502,
      text: expect.stringMatching(`^${why} [2-9] s ago\nit has not sent metrics of this container yet\n$`),
    })
    expect(await agent.ask('/demo_api/metrics')).toMatchObject({
      status: 502,
      text: expect.stringMatching(`^no replica of "demo_api" is up\n1: ${why} [2-9] s ago\n$`),
    })
  })

  test('the error names a node by its id where another has its hostname, with the reason', async () => {
    const agent = await start({
      entries: [remote()],
      nodes: [node('n1', 'twin', 'self'), node('n2', 'twin')],
      staleAfterMs: 1000,
      refresh: async () => {
        throw new ProxyError('stopping', 'the agent stops')
      },
    })
    const { status, text } = await agent.ask('/web/metrics')
    expect(status).toBe(502)
    expect(text).toMatch(/^the agent of n2, .* cannot be reached: the agent stops\n/)
  })

  test('the cache is not sent if it becomes too old while it is converted', async () => {
    const snapshot = read('old 1\n')
    const agent = await start({
      entries: [withSnapshot(standalone('n2', 'web'), snapshot)],
      nodes: nodes('lost'),
      staleAfterMs: 500,
      formats: {
        ...formats,
        convert(page, to) {
          while (performance.now() <= snapshot.at + 500);
          return formats.convert(page, to)
        },
      },
    })
    const { status, text } = await agent.ask('/web/metrics')
    expect(status).toBe(502)
    expect(text).toMatch(/^the agent of two, .*\nits last metrics are 1 s old, too old to be served\n/)
  })

  test('an owner that is not ready is the same as one that cannot be reached', async () => {
    const agent = await start({
      entries: [remote()],
      nodes: nodes('up'),
      refresh: async () => {
        throw new ProxyError('not_ready', 'starting')
      },
    })
    expect(await agent.ask('/web/metrics')).toMatchObject({
      status: 200,
      text: 'old 1\n',
      headers: { age: aFew },
    })
  })

  test('a failure that the owner reports is not hidden by the cache', async () => {
    const agent = await start({
      entries: [remote()],
      nodes: nodes('up'),
      refresh: async () => {
        throw new ProxyError('timeout', 'no answer within 9.0 s')
      },
    })
    expect((await agent.ask('/web/metrics')).status).toBe(504)
  })

  test('nor is a failure that it reported before the link was lost', async () => {
    const entry = withSnapshot(
      standalone('n2', 'web'),
      failed('connection_refused', 'connection refused', 2000),
    )
    const agent = await start({ entries: [entry], nodes: nodes('lost') })
    expect((await agent.ask('/web/metrics')).status).toBe(502)
  })
})

describe('a service’s page', () => {
  const replicas = [task('n1', 'demo_web', 1), task('n1', 'demo_web', 2), task('n2', 'demo_web', 3)]
  const nodes = [node('n1', 'one', 'self'), node('n2', 'two')]
  const bySlot = async ({ target }: Entry) => read(`x ${target.name.split('.')[1]}\n`)
  const up = (...slots: readonly [number, number][]) =>
    slots.map(([slot, value]) => `app_metrics_proxy_replica_up{slot="${slot}"} ${value}\n`).join('')

  test('shows all replicas by slot, and which are up', async () => {
    const agent = await start({ entries: replicas, nodes, refresh: bySlot })
    const { status, text } = await agent.ask('/web/metrics')
    expect(status).toBe(200)
    expect(text).toContain('x{slot="1"} 1\nx{slot="2"} 2\nx{slot="3"} 3\n')
    expect(text).toContain(up([1, 1], [2, 1], [3, 1]))
  })

  test('waits for a replica that is still searched, as after a start of its agent', async () => {
    const searched = task('n2', 'demo_web', 3, { isSearched: true })
    const agent = await start({ entries: [...replicas.slice(0, 2), searched], nodes, refresh: bySlot })
    const answer = agent.ask('/web/metrics')
    await soon(300)
    agent.put(replicas[2]!)
    expect((await answer).text).toContain(up([1, 1], [2, 1], [3, 1]))
  })

  test('stays OpenMetrics where all replicas are, in any version', async () => {
    const agent = await start({
      entries: replicas,
      nodes,
      refresh: async ({ target }) => {
        const format = target.name.includes('.1.') ? 'openmetrics/0.0.1' : 'openmetrics/1.0.0'
        return read(page('# TYPE x counter\nx_total 1 # {trace="a"} 1\n# EOF\n', { format }))
      },
    })
    const { text, headers } = await agent.ask('/web/metrics', { headers: { accept: 'application/*' } })
    expect(headers['content-type']).toContain('openmetrics-text; version=1.0.0')
    expect(text).toMatch(/^# TYPE x counter\nx_total\{slot="1"\} 1 # \{trace="a"\} 1\n/)
  })

  test('logs once where replicas contradict each other', async () => {
    const logged: object[] = []
    let round = 0
    const agent = await start({
      entries: replicas,
      nodes,
      maxAgeMs: 0,
      log: { ...createLog('silent'), warn: (fields) => logged.push(fields) },
      refresh: async ({ target }) => {
        const type = round > 0 && target.name.includes('.2.') ? 'counter' : 'gauge'
        return read(`# TYPE x ${type}\nx ${round}\n`)
      },
    })
    for (; round < 4; round++) {
      const { text } = await agent.ask('/web/metrics')
      expect(text).toContain(`# TYPE x ${round > 0 ? 'untyped' : 'gauge'}\nx{slot="1"} ${round}\nx{slot="2"}`)
    }
    expect(logged).toEqual([
      {
        service: 'demo_web',
        remarks: ['1 family has conflicting types and no type now: x is gauge and counter'],
      },
    ])
  })

  test('one that hangs is down, and delays the others no longer than the timeout', async () => {
    const agent = await start({
      entries: replicas,
      nodes,
      refresh: (entry) => (entry.owner === 'n2' ? new Promise(() => {}) : bySlot(entry)),
    })
    const { status, text } = await agent.ask('/web/metrics', { headers: timeout(0.3) })
    expect(status).toBe(200)
    expect(text).toContain('x{slot="1"} 1\nx{slot="2"} 2\n#')
    expect(text).toContain(up([1, 1], [2, 1], [3, 0]))
  })

  test('is an error if no replica is up', async () => {
    const agent = await start({
      entries: replicas,
      nodes,
      refresh: async () => failed('timeout', 'no answer'),
    })
    expect(await agent.ask('/web/metrics')).toMatchObject({
      status: 504,
      text: 'no replica of "demo_web" is up\n1: no answer\n2: no answer\n3: no answer\n',
    })
  })

  test('shows the successor of one that stopped listening while it was read', async () => {
    const older = replicas[2]!
    const newer = task('n1', 'demo_web', 3, { task: 'newer' })
    for (const path of ['/web/metrics', '/web/3/metrics']) {
      const scraped: string[] = []
      let listens = true
      const agent = await start({
        entries: replicas,
        nodes,
        maxAgeMs: 0,
        refresh: async (entry) => {
          scraped.push(entry.target.id)
          if (entry.target === older.target && !listens)
            return failed('connection_refused', 'connection refused')
          return bySlot(entry)
        },
      })
      expect((await agent.ask(path)).status).toBe(200)
      agent.put(newer)
      listens = false
      scraped.length = 0
      const { status, text } = await agent.ask(path)
      expect([status, text]).toEqual([200, expect.stringMatching(/^x(\{slot="3"\})? 3$/m)])
      expect(text).not.toContain('up{slot="3"} 0')
      expect(scraped.slice(-2)).toEqual([older.target.id, newer.target.id])
      // no container is scraped twice
      expect(new Set(scraped).size).toBe(scraped.length)
    }
  })

  test('has the age of its oldest part when all are read', async () => {
    const lost = [node('n1', 'one', 'self'), node('n2', 'two', 'lost')]
    const entries = [replicas[0]!, withSnapshot(replicas[2]!, read('x 3\n', 1000))]
    const agent = await start({
      entries,
      nodes: lost,
      refresh: async (entry) => {
        await soon(1600)
        return bySlot(entry)
      },
    })
    const { status, headers } = await agent.ask('/web/metrics')
    expect([status, Number(headers.age)]).toEqual([200, expect.toSatisfy((age) => age >= 3)])
  })

  test('a cached part that becomes too old while others are read is down', async () => {
    const lost = [node('n1', 'one', 'self'), node('n2', 'two', 'lost')]
    const snapshot = read('x 3\n')
    const agent = await start({
      entries: [replicas[0]!, withSnapshot(replicas[2]!, snapshot)],
      nodes: lost,
      staleAfterMs: 500,
      refresh: async (entry) => {
        while (performance.now() <= snapshot.at + 500) await soon(20)
        return bySlot(entry)
      },
    })
    const { status, text, headers } = await agent.ask('/web/metrics')
    expect(status).toBe(200)
    expect(text).toContain('x{slot="1"} 1\n')
    expect(text).not.toContain('x{slot="3"}')
    expect(text).toContain(up([1, 1], [3, 0]))
    expect(headers).not.toHaveProperty('age')
  })

  test('one that failed and has no successor is scraped once', async () => {
    let scrapes = 0
    const agent = await start({
      entries: [replicas[0]!],
      nodes,
      maxAgeMs: 0,
      refresh: async () => {
        scrapes += 1
        return failed('connection_refused', 'connection refused')
      },
    })
    for (const path of ['/web/metrics', '/web/1/metrics']) expect((await agent.ask(path)).status).toBe(502)
    expect(scrapes).toBe(2)
  })

  test('one replica is shown as it is', async () => {
    const agent = await start({ entries: replicas, nodes, refresh: bySlot })
    expect((await agent.ask('/demo_web/2/metrics')).text).toBe('x 2\n')
    expect((await agent.ask('/demo_web/two/metrics')).text).toBe('x 3\n')
  })

  test('of this node only, and a comment where it has none', async () => {
    const agent = await start({
      entries: [...replicas, globalTask('n2', 'demo_node'), task('n2', 'demo_api', 1)],
      nodes,
      refresh: bySlot,
    })
    expect((await agent.ask('/web/metrics?scope=node')).text).toContain(up([1, 1], [2, 1]))
    expect((await agent.ask('/web/metrics?scope=node')).text).not.toContain('slot="3"')
    for (const name of ['api', 'node'])
      expect(await agent.ask(`/${name}/metrics?scope=node`)).toMatchObject({
        status: 200,
        text: `# "demo_${name}" has no container on this node\n`,
      })
  })

  test('is refused until the cluster is known, as is all but this node’s own', async () => {
    const agent = await start({
      entries: [...replicas, standalone('n1', 'own'), standalone('n2', 'other')],
      nodes,
      refresh: bySlot,
      pending: () => ['what the other agents have'],
    })
    const headers = { 'x-prometheus-scrape-timeout-seconds': '0.3' }
    for (const path of ['/web/metrics', '/web/1/metrics', '/other/metrics', '/nobody/metrics'])
      expect(await agent.ask(path, { headers })).toMatchObject({
        status: 503,
        text: 'not known yet, waiting for: what the other agents have\n',
      })
    expect((await agent.ask('/own/metrics')).status).toBe(200)
  })

  test.each([0, 2500])('is answered once the cluster is known, here after %d ms', async (durationMs) => {
    const startedAt = performance.now()
    const agent = await start({
      entries: [...replicas],
      nodes,
      refresh: bySlot,
      pending: () => (performance.now() - startedAt < durationMs ? ['what the other agents have'] : []),
    })
    expect((await agent.ask('/web/metrics')).status).toBe(200)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(durationMs)
  })

  test('changes with each of its parts', async () => {
    const entries = replicas.map((entry) => withSnapshot(entry, read(many(1))))
    const agent = await start({ entries, nodes, maxAgeMs: 'off' })
    const headers = { 'accept-encoding': 'gzip' }
    const [first, second] = [
      await agent.ask('/web/metrics', { headers }),
      await agent.ask('/web/metrics', { headers }),
    ]
    expect(second.body).toEqual(first.body)
    agent.put(withSnapshot(replicas[1]!, read(many(2))))
    expect(gunzipSync((await agent.ask('/web/metrics', { headers })).body).toString()).toContain(
      'x{slot="2",n="0"} 2\n',
    )
  })
})
