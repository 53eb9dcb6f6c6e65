import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { scrape } from '../../src/cli/scrape.ts'
import { contentTypeOf } from '../../src/exposition/formats.ts'
import { endpointId } from '../../src/model.ts'
import { decoded, isNative } from '../exposition/protobuf/judge.ts'
import { freePort } from '../helpers/ports.ts'
import { httpServer, pageServer } from '../helpers/server.ts'
import { node, standalone } from '../store/world.ts'
import { read, startAgent } from '../web/agent.ts'
import { run } from './run.ts'

describe('app-metrics-proxy scrape URL', () => {
  test('describes valid metrics', async () => {
    await using server = await pageServer('# TYPE a gauge\na 1\na{b="c"} 2\n')
    const { code, out, err } = await run(scrape, [server.url])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      /^valid: 2 series, 30 bytes, text\/0\.0\.4, Content-Type text\/plain; version=0\.0\.4, \d+ ms\n$/,
    )
  })

  test('prints remarks', async () => {
    await using server = await pageServer('a 1\na 1\n')
    expect((await run(scrape, [server.url])).out).toMatch(/\n {2}remark: 1 sample repeats a series/)
  })

  test('counts the native histograms that a target has in protobuf', async () => {
    const fixture = (name: string) => gunzipSync(readFileSync(`test/fixtures/protobuf/${name}.gz`))
    const bodies = { text: fixture('prometheus.text'), protobuf: fixture('prometheus.protobuf') }
    await using server = await httpServer(({ headers }, answer) => {
      const kind = headers.accept?.startsWith('application/vnd.google.protobuf') ? 'protobuf' : 'text'
      answer.setHeader('content-type', contentTypeOf(kind === 'text' ? 'text/0.0.4' : kind))
      answer.end(bodies[kind])
    })
    const natives = decoded(bodies.protobuf).flatMap(({ metric = [] }) => metric.filter(isNative))
    const { code, out } = await run(scrape, [server.url])
    expect(code).toBe(0)
    expect(out).toMatch(/^valid: .*, text\/0\.0\.4, /)
    expect(out).toContain(`\n  in protobuf: ${natives.length} native histograms, `)
    expect((await run(scrape, ['--print', server.url])).out).toBe(bodies.text.toString())
  })

  test('prints why the metrics of a target are invalid in protobuf', async () => {
    await using server = await httpServer(({ headers }, answer) => {
      const isProtobuf = headers.accept?.startsWith('application/vnd.google.protobuf')
      answer.setHeader('content-type', contentTypeOf(isProtobuf ? 'protobuf' : 'text/0.0.4'))
      answer.end('a 1\n')
    })
    const { code, out } = await run(scrape, [server.url])
    expect(code).toBe(0)
    expect(out).toMatch(/^valid: 1 series, .*\n {2}in protobuf: answered no valid metrics: /)
  })

  test('prints where and why metrics are invalid', async () => {
    await using server = await pageServer('a 1\nb{c="d} 2\n')
    const { code, out, err } = await run(scrape, [server.url])
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^failed: answered no valid metrics: line 2, column \d+: /)
  })

  test.each([
    ['MAX_SERIES', '1', /line 2, column 1: more than 1 series/],
    ['MAX_LINE', '1KiB', /line 2, column 1: longer than 1024 bytes/],
  ])('respects %s', async (name, most, reason) => {
    await using server = await pageServer(`a 1\nb{c="${'d'.repeat(1100)}"} 2\n`)
    expect((await run(scrape, [server.url])).code).toBe(0)
    expect((await run(scrape, [server.url], { env: { [name]: most } })).err).toMatch(reason)
  })

  test.each([
    ['HTML', (url: string) => url, /^failed: answered HTML, not metrics\n/],
    ['an error', (url: string) => `${url}/none`, /^failed: .*404/],
  ])('fails on %s', async (_, urlOf, reason) => {
    await using server = await httpServer((request, answer) => {
      if (request.url?.endsWith('none')) answer.writeHead(404)
      answer.end('<!doctype html><title>hello</title>')
    })
    expect(await run(scrape, [urlOf(server.url)])).toMatchObject({
      code: 1,
      err: expect.stringMatching(reason),
    })
  })

  test('sends the user and password of the URL, and never prints them', async () => {
    await using server = await httpServer(({ headers }, answer) =>
      headers.authorization === `Basic ${Buffer.from('ü:a b').toString('base64')}`
        ? answer.end('a 1\n')
        : answer.writeHead(401).end(),
    )
    const urlOf = (user: string) => server.url.replace('//', `//${user}@`)
    expect(await run(scrape, [urlOf('ü:a%20b')])).toMatchObject({ code: 0, err: '' })
    expect(await run(scrape, [urlOf('ü:hunter')])).toMatchObject({ code: 1, err: 'failed: answered 401\n' })
    const malformed = await run(scrape, ['http://alice:hunter@x:99999/'])
    expect([malformed.code, malformed.out]).toEqual([2, ''])
    expect(malformed.err).toMatch(/^"http:\/\/\(hidden\)@x:99999\/" is not a URL\n/)
  })

  test('fails if nothing listens', async () => {
    const { code, err } = await run(scrape, [`http://127.0.0.1:${await freePort()}/metrics`])
    expect([code, err]).toEqual([1, 'failed: connection refused\n'])
  })

  test('prints the metrics with --print', async () => {
    await using server = await pageServer('a 1\n')
    expect((await run(scrape, ['--print', server.url])).out).toBe('a 1\n')
  })

  test('escapes control characters for a terminal', async () => {
    const page = '# HELP a \u001b]0;owned\u0007\u009b2J\u202e\na{b="\u001b[2J"} 1\n'
    await using server = await pageServer(page)
    expect((await run(scrape, ['--print', server.url], { isTerminal: true })).out).toBe(
      `${String.raw`# HELP a \u{1b}]0;owned\u{7}\u{9b}2J\u{202e}`}\n${String.raw`a{b="\u{1b}[2J"} 1`}\n`,
    )
    expect((await run(scrape, ['--print', server.url])).out).toBe(page)
  })

  test('escapes control characters of invalid metrics', async () => {
    await using server = await pageServer('a{b="\u001b[2J\u009b2J\u202e"} x\n\u001b[2J\n')
    const { err } = await run(scrape, [server.url])
    expect(err).toMatch(/^failed: /)
    expect(err.trimEnd()).not.toMatch(/[\p{Cc}\u202e]/u)
  })
})

describe('app-metrics-proxy scrape NAME', () => {
  test('scrapes through an agent', async () => {
    const entry = { ...standalone('n1', 'web'), snapshot: read('a 1\n') }
    const agent = await startAgent({ entries: [entry], nodes: [node('n1', 'one', 'self')], maxAgeMs: 'off' })
    const env = { LISTEN_PORT: String(agent.port) }
    try {
      expect(await run(scrape, ['web'], { env })).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^valid: 1 series/),
      })
      expect(await run(scrape, ['web/one', `127.0.0.1:${agent.port}`])).toMatchObject({ code: 0 })
      const { code, err } = await run(scrape, ['wep'], { env })
      expect(code).toBe(1)
      expect(err).toMatch(
        /^failed: 404 no container or service is named "wep". To fix it: request \/web\/metrics\n$/,
      )
    } finally {
      await agent.stop()
    }
  })

  test('of a container with several endpoints scrapes the one with the given number', async () => {
    const entry = { ...standalone('n1', 'web'), snapshot: read('a 1\n') }
    const second = { ...entry, target: { ...entry.target, id: endpointId(entry.target.id, 2) } }
    const entries = [entry, { ...second, snapshot: read('b 1\nb{c="d"} 2\n') }]
    const nodes = [node('n1', 'one', 'self')]
    const agent = await startAgent({ entries, nodes, maxAgeMs: 'off', endpointsOf: () => [2] })
    const env = { LISTEN_PORT: String(agent.port) }
    try {
      const { out } = await run(scrape, ['--print', '--endpoint', '2', 'web'], { env })
      expect(out).toBe('b 1\nb{c="d"} 2\n')
      expect(await run(scrape, ['--endpoint', '3', 'web/one'], { env })).toMatchObject({
        code: 1,
        err: 'failed: 404 "web" has no endpoint 3. To fix it: request one of /web/one/metrics /web/one/metrics?endpoint=2\n',
      })
      expect(await run(scrape, ['--endpoint', '2', 'http://127.0.0.1/'])).toMatchObject({ code: 2 })
    } finally {
      await agent.stop()
    }
  })

  test('requires a URL or a name', async () => {
    expect(await run(scrape, [])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^URL or NAME is missing/),
    })
  })
})
