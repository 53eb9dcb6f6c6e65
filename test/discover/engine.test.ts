import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import url from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deadline, systemClock } from '../../src/clock.ts'
import { type Engine, openEngine } from '../../src/discover/engine.ts'
import { linesOf } from '../../src/discover/lines.ts'
import { LastingError } from '../../src/discover/refusal.ts'
import { ProxyError } from '../../src/errors.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { run } from '../helpers/server.ts'
import { type EngineServer, startEngineServer } from './engine-server.ts'

const never = new AbortController().signal

test.each(['unix', 'tcp'] as const)('over %s nothing is done that Node warns of', async (how) => {
  const parse = vi.spyOn(url, 'parse')
  await using server = await startEngineServer(how)
  const engine = await openEngine(server.host)
  await engine.info(never)
  expect(parse).not.toHaveBeenCalled()
  parse.mockRestore()
})

describe('over TLS, as DOCKER_CERT_PATH says', () => {
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

  test('the client shows its certificate, and the host is named', async () => {
    expect(await infoFrom({ ca: pair.cert, requestCert: true, rejectUnauthorized: true })).toBe(
      'localhost:PORT',
    )
  })

  test('another server is not believed', async () => {
    await expect(infoFrom(selfSigned())).rejects.toThrow(/no whole answer/)
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

  test('lists everything, or what it is asked for', async () => {
    const all = await engine.containers(never)
    const [first] = await engine.containers(never, [all[1]!.Id])
    expect(all.length).toBeGreaterThan(5)
    expect(first).toEqual(all[1])
    expect((await engine.info(never)).Name).toBe('vm')
  })

  test('hears events however they are cut up', async () => {
    const heard = await engine.events({ type: ['container'] }, never)
    const text = Buffer.from('{"Type":"container","Action":"start","Actor":{"ID":"ä"}}\n\n{"Type":"node"}\n')
    const ids: unknown[] = []
    const hearing = (async () => {
      for await (const event of heard) ids.push(event)
    })()
    for (const byte of text) {
      server.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(() => ids.length).toBe(2)
    server.cutStreams()
    await expect(hearing).rejects.toThrow()
    expect(ids).toEqual([{ Type: 'container', Action: 'start', Actor: { ID: 'ä' } }, { Type: 'node' }])
  })

  test.each<[string, (answer: ServerResponse) => unknown, RegExp]>([
    ['cut off in its head', (answer) => answer.destroy(), /no whole answer to GET \/containers\/json/],
    ['cut off in the middle', (answer) => answer.write('[{"Id":', () => answer.destroy()), /no whole answer/],
    [
      'half a list that ends as if it were whole',
      (answer) => answer.end('[{"Id":"a"},{"Id"'),
      /no whole answer/,
    ],
    ['no list', (answer) => answer.end('{"message":"busy"}'), /no whole answer/],
    ['nothing', (answer) => answer.end(), /no whole answer/],
    [
      'an error of the engine',
      (answer) => answer.writeHead(500).end('{"message":"boom"}'),
      /\/json with HTTP 500/,
    ],
  ])('refuses an answer that is %s', async (_, spoil, reason) => {
    server.fault = (_, answer) => {
      spoil(answer)
      return true
    }
    await expect(engine.containers(never)).rejects.toThrow(reason)
    await expect(engine.containers(never)).rejects.toBeInstanceOf(ProxyError)
  })

  test('gives up at the deadline, before and within an answer', async () => {
    for (const begin of [() => {}, (answer: { write(text: string): void }) => answer.write('[')]) {
      server.fault = (_, answer) => {
        begin(answer)
        return true
      }
      using limited = deadline(systemClock, 50)
      await expect(engine.containers(limited)).rejects.toThrow(
        'no answer within 50 ms to GET /containers/json',
      )
    }
  })

  test.each([401, 403, 405, 501])('a proxy’s HTTP %i isn’t fixed by waiting', async (status) => {
    server.fault = (_, answer) => !!answer.writeHead(status).end('forbidden')
    await expect(engine.info(never)).rejects.toMatchObject({
      message: expect.stringContaining(`answers GET /info with HTTP ${status}`),
      hint: expect.stringContaining('containers, events, info and networks'),
    })
    await expect(engine.info(never)).rejects.toBeInstanceOf(LastingError)
    await expect(engine.events({}, never)).rejects.toBeInstanceOf(LastingError)
  })

  test('says that nothing is there', async () => {
    await server.close()
    await expect(engine.info(never)).rejects.toMatchObject({
      code: 'not_ready',
      message: expect.stringMatching(how === 'unix' ? /there is no such socket/ : /nothing listens there/),
      hint: expect.any(String),
    })
    await server.open()
  })
})

test('a line without an end is given up', async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(2 ** 20, 'x')
  }
  await expect(linesOf(endless()).next()).rejects.toThrow('a line of more than')
})
