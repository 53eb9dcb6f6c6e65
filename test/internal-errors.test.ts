import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { type Agent, startAgent } from '../src/agent/agent.ts'
import { systemClock as clock } from '../src/clock.ts'
import { readConfig } from '../src/config/config.ts'
import { errorOf, ProxyError } from '../src/errors.ts'
import { createLog, type Log } from '../src/logging/log.ts'
import { createMetrics } from '../src/runtime/metrics.ts'
import { createStore } from '../src/store/store.ts'
import { startServer } from '../src/web/server.ts'
import { internalErrorsIn, refuseInternalErrors } from './helpers/agent-log.ts'
import { expectInternalErrors } from './helpers/internal-errors.ts'
import { freePort } from './helpers/ports.ts'
import { httpServer } from './helpers/server.ts'
import { until } from './helpers/until.ts'
import { ask } from './web/agent.ts'

const running: Agent[] = []
afterEach(async () => {
  for (const app of running.splice(0)) await app.stop()
})

describe('what a request handler throws', () => {
  async function answerTo(error: unknown) {
    const lines: string[] = []
    const log = createLog('info', (line) => lines.push(line))
    const server = await startServer({
      ...{ port: 0, host: '127.0.0.1', clock, log, metrics: createMetrics() },
      plugins: [
        (server) =>
          server.get('/', async () => {
            throw error
          }),
      ],
    })
    const answer = await ask(server.port, '/')
    await server.stop()
    return { answer, logged: lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error') }
  }

  test.each([
    ['an exception that nothing expected', new TypeError('x is undefined')],
    ['an internal error of our own', new ProxyError('internal', 'internal error', { cause: new Error('x') })],
  ])('is reported with its stack and not served: %s', async (_, error) => {
    const reported = expectInternalErrors()
    const { answer, logged } = await answerTo(error)
    expect(reported).toEqual([error])
    expect([answer.status, answer.text]).toEqual([500, 'internal error\n'])
    expect(logged).toMatchObject([{ msg: 'internal error', where: 'request', url: '/' }])
    expect(logged[0].err.stack).toContain('internal-errors.test.ts')
  })

  test.each([
    ['a failure', new ProxyError('connection_refused', 'connection refused')],
    ['what another agent has reported', errorOf({ code: 'internal', reason: 'internal error' })],
  ])('is no report: %s', async (_, error) => {
    const { logged } = await answerTo(error)
    expect(logged).toEqual([])
  })
})

test('a listener of the store that throws is reported, and the others are called', () => {
  const errors: unknown[] = []
  const store = createStore({
    ...{ clock, forgetAfterMs: 1000, version: '1' },
    onListenerError: (error) => errors.push(error),
  })
  const kinds: string[] = []
  store.subscribe(() => {
    throw new Error('no')
  })
  store.subscribe(({ kind }) => kinds.push(kind))
  store.setOwnFailure({ code: 'protocol', reason: 'x' })
  expect([errors.map(String), kinds]).toEqual([['Error: no'], ['nodes']])
  return store.stop()
})

test('an agent with a bug says so: as a metric, at /health, and on the status page', async () => {
  const reported = expectInternalErrors()
  const application = await httpServer((_request, response) => response.end('a 1\n'))
  const broken: Log = {
    ...createLog('silent'),
    info(_, message) {
      if (message === 'found metrics') throw new Error('the container log is broken')
    },
  }
  const config = { ...readConfig({ NODE_NAME: 'n1', TARGETS: `app=${application.url}` }), listenPort: 0 }
  const app = await startAgent({ config, clock, log: broken, version: 'test' })
  running.push(app)
  await until('the report', () => reported.length > 0)

  const read = (path: string) => ask(app.port, path, { headers: { accept: 'application/json' } })
  expect((await read('/metrics')).text).toMatch(
    /^app_metrics_proxy_internal_errors_total\{where="store"\} 1$/m,
  )
  const problem = { severity: 'error', about: 'internal', since: expect.any(Number) }
  expect(JSON.parse((await read('/health')).text)).toMatchObject({ status: 'error', problems: [problem] })
  expect(JSON.parse((await read('/')).text)).toMatchObject({ problems: [problem] })
  expect((await read('/app/metrics')).text).toBe('a 1\n')
  await application[Symbol.asyncDispose]()
})

test('what nothing catches ends the agent in order, with its stack in the log', async () => {
  const preload = `data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('on purpose')})`
  const child = spawn(process.execPath, ['--import', preload, 'src/main.ts'], {
    env: { PATH: process.env.PATH, TARGETS: 'app=http://127.0.0.1:1/', LISTEN_PORT: `${await freePort()}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let log = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    log += text
    if (text.includes('"listening"')) child.kill('SIGUSR2')
  })
  await once(child, 'close')
  const [line] = internalErrorsIn(log)
  expect(JSON.parse(line!)).toMatchObject({ where: 'process', err: { message: 'on purpose' } })
  expect(JSON.parse(line!).err.stack).toContain('\n    at ')
  expect(log.trimEnd()).toMatch(/"stopping"\}$/)
  expect(child.exitCode).toBe(1)
  expect(() => refuseInternalErrors('the agent', log)).toThrow('on purpose')
})
