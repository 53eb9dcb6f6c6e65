// docs/OPERATIONS.md: what it says of errors and exit codes is what the code does.

import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { httpStatusByCode } from '../src/errors.ts'
import { startEngineServer } from './discover/engine-server.ts'
import { node, swarm } from './discover/recorded.ts'
import { scaled } from './helpers/limits.ts'
import { freePort } from './helpers/ports.ts'
import { until } from './helpers/until.ts'

const manual = readFileSync('docs/OPERATIONS.md', 'utf8')

test('each code of an error is explained, with its status, and no other', () => {
  const rows = [...manual.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (\d{3}) \| (.+) \| (.+) \|$/gm)]
  const explained = rows.flatMap(([, codes, status]) =>
    [...codes!.matchAll(/\w+/g)].map(([code]) => [code, Number(status)]),
  )
  expect(explained).toHaveLength(Object.keys(httpStatusByCode).length)
  expect(Object.fromEntries(explained)).toEqual(httpStatusByCode)
})

describe('exit codes', () => {
  // a port that somebody has, and one that nobody has
  const taken = createServer()
  let port: number
  let free: number
  beforeAll(async () => {
    await once(taken.listen(0), 'listening')
    port = (taken.address() as AddressInfo).port
    free = await freePort()
  })
  afterAll(() => taken.close())

  const exit = (words: readonly string[], env: Record<string, string> = {}) => {
    const { PATH = '' } = process.env
    return spawnSync(process.execPath, ['src/main.ts', ...words], {
      env: { PATH, ...env },
      timeout: scaled(15_000),
    })
  }
  const silent = { TARGETS: 'a=http://127.0.0.1:9/metrics', LOG_LEVEL: 'silent' }

  test.each([
    [0, ['version'], {}],
    [0, ['help'], {}],
    [1, ['scrape', 'http://127.0.0.1:9/metrics'], {}],
    [1, ['health'], { LISTEN_PORT: '9' }],
    [1, ['run'], { ...silent, LISTEN_PORT: 'taken' }],
    [2, ['run'], { SCRAPE_INTERVAL: 'often' }],
    [2, ['nonsense'], {}],
    [2, ['scrape'], {}],
  ])('%i: %j with %j', (code, words, env) => {
    const known = Object.entries(env).map(([name, value]) => [name, value === 'taken' ? `${port}` : value])
    const { status, stdout, stderr } = exit(words, Object.fromEntries(known))
    expect([status, `${stdout}${stderr}`]).toEqual([code, expect.anything()])
  })

  test.each(['LISTEN_PORT', 'SSH_PORT'])('%s in use: one line says what to do', (name) => {
    const around = { ...silent, PEERS: '127.0.0.1:9', SSHPASS: 'sixteen characters', LISTEN_PORT: `${free}` }
    const { status, stderr } = exit(['run'], { ...around, [name]: `${port}` })
    const reason = `port ${port} is in use by another process: stop that one or choose another with ${name}`
    expect([status, `${stderr}`]).toEqual([1, `app-metrics-proxy can't start:\n  ${reason}\n`])
  })

  test.each(['is in', 'joins'])(
    '2: without SSHPASS on a node that %s a Swarm, with the hint',
    async (how) => {
      await using engine = await startEngineServer()
      Object.assign(engine.answers, {
        '/info': how === 'is in' ? swarm.info : node.info,
        '/containers/json': [],
        '/networks': swarm.networks,
        [`/networks/${swarm.gatewayBridge.Id}`]: swarm.gatewayBridge,
      })
      const env = {
        PATH: process.env.PATH,
        DOCKER_HOST: engine.host,
        LISTEN_PORT: `${free}`,
        LOG_LEVEL: 'silent',
      }
      const ended = Promise.withResolvers<{ code: unknown; stderr: string }>()
      execFile(process.execPath, ['src/main.ts'], { env, timeout: scaled(15_000) }, (error, _, stderr) =>
        ended.resolve({ code: error?.code, stderr }),
      )
      if (how === 'joins') {
        await until('the agent to run', async () => (await fetch(`http://127.0.0.1:${free}/-/healthy`)).ok)
        engine.answers['/info'] = swarm.info
        engine.cutStreams()
      }
      const { code, stderr } = await ended.promise
      expect(code).toBe(2)
      expect(stderr).toMatch(/SSHPASS is not set: .*docker secret create .*SSHPASS_FILE/)
    },
  )

  test('are explained, and those are all', () => {
    const table = manual.slice(manual.indexOf('| exit code |'), manual.indexOf('## Size'))
    expect([...table.matchAll(/^\| (\d) \| /gm)].map(([, code]) => code)).toEqual(['0', '1', '2'])
  })
})
