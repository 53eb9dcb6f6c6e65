import { getEventListeners } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import url from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deadline, systemClock } from '../../src/clock.ts'
import { type Engine, linesOf, openEngine } from '../../src/discover/engine.ts'
import { SetupError } from '../../src/discover/engine-errors.ts'
import { ProxyError } from '../../src/errors.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { run } from '../helpers/server.ts'
import { type EngineServer, startEngineServer, switchProtocols } from './engine-server.ts'
import { node } from './recorded.ts'

const never = new AbortController().signal

test.each(['unix', 'tcp'] as const)('over %s nothing causes a warning of Node', async (how) => {
  const parse = vi.spyOn(url, 'parse')
  await using server = await startEngineServer(how)
  const engine = await openEngine(server.host)
  await engine.info(never)
  expect(parse).not.toHaveBeenCalled()
  parse.mockRestore()
})

describe('over TLS, configured by DOCKER_CERT_PATH', () => {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'))
  const pair = selfSigned()
  for (const [name, text] of Object.entries({ ca: pair.cert, cert: pair.cert, key: pair.key }))
    writeFileSync(join(folder, `${name}.pem`), text)
  afterAll(() => rmSync(folder, { recursive: true }))
  afterEach(() => vi.unstubAllEnvs())

  async function infoFrom(options: object): Promise<string | undefined> {
    const server = createServer({ ...pair, ...options }, (request, response) =>
      response.end(JSON.stringify({ Name: request.headers.host })),
    )
    await using running = await run(server)
    const host = `tcp://localhost:${running.port}`
    for (const [name, value] of Object.entries({ HOST: host, TLS_VERIFY: '1', CERT_PATH: folder }))
      vi.stubEnv(`DOCKER_${name}`, value)
    const engine = await openEngine(host)
    return (await engine.info(never)).Name?.replace(String(running.port), 'PORT')
  }

  test('the client presents its certificate, and the Host header is set', async () => {
    expect(await infoFrom({ ca: pair.cert, requestCert: true, rejectUnauthorized: true })).toBe(
      'localhost:PORT',
    )
  })

  test('a server with another certificate is refused', async () => {
    await expect(infoFrom(selfSigned())).rejects.toThrow(/no complete response/)
  })
})

describe.each(['unix', 'tcp'] as const)('over %s', (how) => {
  let server: EngineServer
  let engine: Engine

  beforeEach(async () => {
    server = await startEngineServer(how)
    engine = await openEngine(server.host)
  })
  afterEach(() => server[Symbol.asyncDispose]())

  test('lists all containers', async () => {
    expect(await engine.containers(never)).toEqual(node.containers)
    expect((await engine.info(never)).Name).toBe('vm')
  })

  test('receives events however the stream is cut', async () => {
    const stream = await engine.events({ type: ['container'] }, never)
    const text = Buffer.from('{"Type":"container","Action":"start","Actor":{"ID":"ä"}}\n\n{"Type":"node"}\n')
    const ids: unknown[] = []
    const receiving = (async () => {
      for await (const event of stream) ids.push(event)
    })()
    for (const byte of text) {
      server.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(() => ids.length).toBe(2)
    server.cutStreams()
    await expect(receiving).rejects.toThrow()
    expect(ids).toEqual([{ Type: 'container', Action: 'start', Actor: { ID: 'ä' } }, { Type: 'node' }])
  })

  test.each<[string, (answer: ServerResponse) => unknown, RegExp]>([
    ['cut off in its head', (answer) => answer.destroy(), /no complete response to GET \/containers\/json/],
    [
      'cut off in the middle',
      (answer) => answer.write('[{"Id":', () => answer.destroy()),
      /no complete response/,
    ],
    [
      'half a list that ends as if it were complete',
      (answer) => answer.end('[{"Id":"a"},{"Id"'),
      /no complete response/,
    ],
    ['no list', (answer) => answer.end('{"message":"busy"}'), /no complete response/],
    ['nothing', (answer) => answer.end(), /no complete response/],
    [
      'an error of the engine',
      (answer) => answer.writeHead(500).end('{"message":"boom"}'),
      /\/json with HTTP 500/,
    ],
    [
      'an error whose message is no text',
      (answer) => answer.writeHead(500).end('{"message":{"toString":1}}'),
      /\/json with HTTP 500/,
    ],
    [
      'an error of many bytes',
      (answer) => answer.writeHead(500).end('x'.repeat(2 ** 20)),
      /\/json with HTTP 500/,
    ],
    [
      'an error that is cut off',
      (answer) => answer.writeHead(500).write('{"mess', () => answer.destroy()),
      /\/json with HTTP 500/,
    ],
    ['another success', (answer) => answer.writeHead(206).end('[]'), /\/json with HTTP 206/],
  ])('refuses an answer that is %s', async (_, respond, reason) => {
    server.fault = (_, answer) => {
      respond(answer)
      return true
    }
    await expect(engine.containers(never)).rejects.toThrow(reason)
    await expect(engine.containers(never)).rejects.toBeInstanceOf(ProxyError)
  })

  test.each<[string, EngineServer['fault']]>([
    ['before an answer', () => true],
    ['within an answer', (_, answer) => answer.write('[') || true],
    ['after a switch to another protocol', (_, answer) => switchProtocols(answer)],
  ])('gives up at the deadline %s', async (_, fault) => {
    server.fault = fault
    using limited = deadline(systemClock, 50)
    await expect(engine.containers(limited)).rejects.toThrow('no answer within 50 ms to GET /containers/json')
  })

  test('gives up opening an event stream at the deadline after a switch to another protocol', async () => {
    server.fault = (_, answer) => switchProtocols(answer)
    using limited = deadline(systemClock, 50)
    await expect(engine.events({}, limited)).rejects.toThrow('no answer within 50 ms to GET /events')
  })

  test('sends no request whose signal has aborted', async () => {
    await expect(engine.containers(AbortSignal.abort())).rejects.toBeInstanceOf(ProxyError)
    expect(server.requests).toEqual([])
  })

  test('leaves no listeners on its signal', async () => {
    const { signal } = new AbortController()
    await engine.containers(signal)
    server.fault = (_, answer) => !!answer.destroy()
    await expect(engine.containers(signal)).rejects.toBeInstanceOf(ProxyError)
    await expect.poll(() => getEventListeners(signal, 'abort')).toEqual([])
  })

  test('keeps what an error of the engine says for the log', async () => {
    server.fault = (_, answer) => !!answer.writeHead(503).end('{"message":"not a swarm manager"}')
    await expect(engine.tasks(never)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('not a swarm manager') },
    })
  })

  test.each([401, 403, 405, 501])('a proxy’s HTTP %i is an error of the setup', async (status) => {
    server.fault = (_, answer) => !!answer.writeHead(status).end('forbidden')
    await expect(engine.info(never)).rejects.toMatchObject({
      message: expect.stringContaining(`answers GET /info with HTTP ${status}`),
      hint: expect.stringContaining('containers, events, info and networks'),
    })
    await expect(engine.info(never)).rejects.toBeInstanceOf(SetupError)
    await expect(engine.events({}, never)).rejects.toBeInstanceOf(SetupError)
  })

  test('reports that nothing listens', async () => {
    await server.close()
    await expect(engine.info(never)).rejects.toMatchObject({
      code: 'not_ready',
      message: expect.stringMatching(how === 'unix' ? /there is no such socket/ : /nothing listens there/),
      hint: expect.any(String),
    })
    await server.open()
  })
})

test('a line without an end is an error', async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(2 ** 20, 'x')
  }
  await expect(linesOf(endless()).next()).rejects.toThrow('a line of more than')
})
