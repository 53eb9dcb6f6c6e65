import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { maxRoundMs } from '../../src/cli/rules/pull.ts'
import { rules } from '../../src/cli/rules.ts'
import type { Rule } from '../../src/promql/rule.ts'
import { printRules, readRules } from '../../src/promql/rule-file.ts'
import { until } from '../helpers/until.ts'

const servers: Server[] = []
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rules-'))
})
afterEach(async () => {
  for (const server of servers.splice(0)) await stopped(server)
  await rm(folder, { recursive: true, force: true })
})

async function stopped(server: Server): Promise<void> {
  server.closeAllConnections()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
}

/** A server with a fixed response, which can be changed, and a list of its requests. */
async function startServer(response: { status?: number; text: string }) {
  const requests: { method: string; url: string; authorization: string | undefined }[] = []
  const server = createServer((request, reply) => {
    requests.push({
      method: request.method!,
      url: request.url!,
      authorization: request.headers.authorization,
    })
    reply.writeHead(response.status ?? 200).end(response.text)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, response, requests, stop: () => stopped(server) }
}

const agent = (rules: readonly Rule[]) => startServer({ text: printRules(rules) })
const rule = (cluster: string, expr = 'up{job="x"} == 0', alert = 'web_down'): Rule => ({
  alert,
  expr,
  labels: { cluster },
  annotations: {},
})

async function run(...args: string[]) {
  let [out, err] = ['', '']
  const code = await rules(args, {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    env: {},
    signal: new AbortController().signal,
    isTerminal: false,
  })
  return { code, out, err }
}

const fileOf = (name: string) => join(folder, `app-metrics-proxy-${name}.yml`)
const writtenTo = async (name: string) => readRules(await readFile(fileOf(name), 'utf8')).rules

describe('app-metrics-proxy rules, once', () => {
  test('writes one file per cluster, each limited to that cluster, and reloads Prometheus', async () => {
    const [dev, prod, prometheus] = [
      await agent([rule('dev')]),
      await agent([rule('prod')]),
      await startServer({ text: '' }),
    ]
    const { code, out, err } = await run(
      '--from',
      `dev=${dev.url}`,
      '--from',
      `prod=${prod.url}/`,
      '--to',
      folder,
      '--reload',
      `${prometheus.url}/-/reload`,
    )
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toBe('dev: rules written: 1\nprod: rules written: 1\nPrometheus has reloaded the rules\n')
    expect(await writtenTo('dev')).toEqual([rule('dev', 'up{cluster="dev",job="x"} == 0')])
    expect(await writtenTo('prod')).toEqual([rule('prod', 'up{cluster="prod",job="x"} == 0')])
    expect(prometheus.requests).toEqual([{ method: 'POST', url: '/-/reload', authorization: undefined }])
    expect((await readdir(folder)).toSorted()).toEqual([
      'app-metrics-proxy-dev.yml',
      'app-metrics-proxy-prod.yml',
    ])
  })

  test('does not reload Prometheus without changes', async () => {
    const [dev, prometheus] = [await agent([rule('dev')]), await startServer({ text: '' })]
    const args = ['--from', dev.url, '--to', folder, '--reload', prometheus.url]
    await run(...args)
    expect(await run(...args)).toEqual({ code: 0, out: '', err: '' })
    expect(prometheus.requests).toHaveLength(1)
  })

  test('reloads Prometheus later if it failed at first', async () => {
    const [dev, prometheus] = [
      await agent([rule('dev')]),
      await startServer({ status: 500, text: 'bad rule' }),
    ]
    const args = ['--from', dev.url, '--to', folder, '--reload', prometheus.url]
    expect(await run(...args)).toMatchObject({ code: 1, err: 'Prometheus: answered 500: bad rule\n' })
    prometheus.response.status = 200
    expect(await run(...args)).toMatchObject({ code: 0, out: 'Prometheus has reloaded the rules\n' })
    expect(await run(...args)).toMatchObject({ code: 0, out: '' })
  })

  test('reports a folder in which it can’t see whether a reload is due', async () => {
    const [dev, prometheus] = [await agent([rule('dev')]), await startServer({ text: '' })]
    const args = ['--from', dev.url, '--to', folder, '--reload', prometheus.url]
    await run(...args)
    await mkdir(join(folder, '.app-metrics-proxy-reload'))
    expect(await run(...args)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^Prometheus: EISDIR.*\n$/),
    })
  })

  test('uses the first agent that responds', async () => {
    const [dead, half, good] = [
      await agent([]),
      await startServer({ status: 503, text: 'not complete yet, still awaited: x' }),
      await agent([rule('dev')]),
    ]
    await dead.stop()
    const { code, err } = await run('--from', `dev=${dead.url},${half.url},${good.url}`, '--to', folder)
    expect(code).toBe(0)
    expect(err).toMatch(
      /^dev: 127\.0\.0\.1:\d+: connect ECONNREFUSED .*\ndev: 127\.0\.0\.1:\d+: answered 503: not complete yet, still awaited: x\n$/,
    )
    expect(await writtenTo('dev')).toHaveLength(1)
  })

  test('keeps the last rules of a cluster that fails', async () => {
    const dev = await agent([rule('dev')])
    await run('--from', `dev=${dev.url}`, '--to', folder)
    for (const text of ['not: [a, rule', '[]', '{"groups":[{"rules":1}]}', '<html>', '{"groups":1}']) {
      dev.response.text = text
      expect(await run('--from', `dev=${dev.url}`, '--to', folder)).toMatchObject({ code: 1 })
    }
    await dev.stop()
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('ECONNREFUSED') })
    expect(await writtenTo('dev')).toHaveLength(1)
  })

  test('removes rules that are gone', async () => {
    const dev = await agent([rule('dev')])
    await run('--from', `dev=${dev.url}`, '--to', folder)
    dev.response.text = printRules([])
    await run('--from', `dev=${dev.url}`, '--to', folder)
    expect(await readFile(fileOf('dev'), 'utf8')).toBe(printRules([]))
  })

  test('omits rules that Prometheus would refuse, and reports them', async () => {
    const dev = await agent([
      rule('dev', 'up ==='),
      rule('dev'),
      { ...rule('dev'), alert: 'lost', labels: {} },
    ])
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    expect({ code, err }).toEqual({
      code: 1,
      err: `dev: omitted: rule 1 (web_down): expr, character 6: unexpected "="\ndev: omitted: lost: no constant label cluster to limit it to\n`,
    })
    expect(await writtenTo('dev')).toHaveLength(1)
  })

  test('omits the bad rules of a hostile cluster, and none of other clusters', async () => {
    const hostile = await agent([
      { ...rule('dev'), labels: { cluster: 'dev', __name__: 'x' } },
      { ...rule('dev'), labels: { cluster: 'dev', x: '{{ x' } },
      { ...rule('dev'), labels: { cluster: '{{ $labels.cluster }}' } },
      { ...rule('dev'), annotations: { ['a'.repeat(1100)]: 'x' } },
      { ...rule('dev'), annotations: { summary: '\udc00' } },
      { ...rule('dev'), alert: '' },
      { ...rule('dev'), for: 1e300 },
      rule('dev', `up{a="\ud800"}`),
      rule('dev', '('.repeat(4000)),
      rule('dev', 'up', 'kept'),
    ])
    const prod = await agent([rule('prod')])
    const { code, out, err } = await run(
      ...['--from', `dev=${hostile.url}`, '--from', `prod=${prod.url}`, '--to', folder],
    )
    expect({ code, out }).toEqual({ code: 1, out: 'dev: rules written: 1\nprod: rules written: 1\n' })
    expect(err.trim().split('\n')).toEqual(Array(9).fill(expect.stringMatching(/^dev: omitted: .{1,300}$/)))
    expect((await writtenTo('dev')).map(({ alert }) => alert)).toEqual(['kept'])
    expect(await writtenTo('prod')).toHaveLength(1)
  })

  test('limits rules to a cluster whose name looks like a template', async () => {
    const dev = await agent([rule('{{`{{`}} x')])
    expect(await run('--from', `dev=${dev.url}`, '--to', folder)).toMatchObject({ code: 0, err: '' })
    expect(await writtenTo('dev')).toEqual([rule('{{`{{`}} x', 'up{cluster="{{ x",job="x"} == 0')])
  })

  test.each([
    ['would be parsed as YAML for hours', `groups: ${']'.repeat(2 ** 20)}`],
    ['is nested too deeply', `{"groups":${'['.repeat(2 ** 20)}${']'.repeat(2 ** 20)}}`],
    ['has too many rules', JSON.stringify({ groups: [{ rules: Array(20_000).fill(0) }] })],
  ])('skips a cluster whose file %s', async (_, text) => {
    const [dev, prod] = [await startServer({ text }), await agent([rule('prod')])]
    const { code, err } = await run(
      ...['--from', `dev=${dev.url}`, '--from', `prod=${prod.url}`, '--to', folder],
    )
    expect({ code, lines: err.split('\n').length }).toEqual({ code: 1, lines: 2 })
    expect(await writtenTo('prod')).toHaveLength(1)
  })

  test('prints the first of many bad rules, and the number of the others', async () => {
    const dev = await agent(Array.from({ length: 4000 }, (_, at) => rule('dev', 'up ==', `${at}`)))
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    const lines = err.trim().split('\n')
    expect({ code, lines: lines.length }).toEqual({ code: 1, lines: 21 })
    expect(lines.at(-1)).toBe('dev: omitted: 3980 more')
  })

  test('keeps expressions unchanged with --no-cluster-matcher', async () => {
    const dev = await agent([rule('dev')])
    await run('--from', `dev=${dev.url}`, '--to', folder, '--no-cluster-matcher')
    expect(await writtenTo('dev')).toEqual([rule('dev')])
  })

  test('warns if two clusters have the same name', async () => {
    const [one, two] = [await agent([rule('x')]), await agent([rule('x')])]
    const { err } = await run('--from', `one=${one.url}`, '--from', `two=${two.url}`, '--to', folder)
    expect(err).toBe('one and two both have the cluster name x: set CLUSTER\n')
  })

  test('sends Prometheus the user and password of its URL, and never prints them', async () => {
    const [dev, prometheus] = [await agent([rule('dev')]), await startServer({ status: 403, text: 'no' })]
    const reload = `${prometheus.url.replace('//', '//mé:s%40fe@')}/-/reload`
    const from = dev.url.replace('//', '//me:s@fe@')
    const { code, out, err } = await run('--from', from, '--to', folder, '--reload', reload)
    expect([code, err]).toEqual([1, 'Prometheus: answered 403: no\n'])
    expect(out).not.toMatch(/s@fe|s%40fe/)
    const pair = Buffer.from('mé:s@fe').toString('base64')
    expect(prometheus.requests).toEqual([
      { method: 'POST', url: '/-/reload', authorization: `Basic ${pair}` },
    ])
    await prometheus.stop()
    const gone = await run('--from', from, '--to', folder, '--reload', reload)
    expect(gone.code).toBe(1)
    expect(gone.out + gone.err).not.toMatch(/s@fe|s%40fe/)
  })

  test.each([
    ['--from', 'http://me:hunter2@x:99999/'],
    ['--from', 'dev=http://me:hunter,2@x/'],
    ['--from', 'dev=ftp://me:hunter2@x/'],
    ['--reload', 'http://me:hunter2@x:99999/'],
    ['--reload', 'me:hunter2@x'],
    ['--from=http://a/', 'http://me:hunter2@x/'],
  ])('never prints the password of an invalid URL: %s %s', async (...options) => {
    const { code, out, err } = await run(...options, '--from', 'http://a/', '--to', folder)
    expect([code, out]).toEqual([2, ''])
    expect(err).not.toMatch(/hunter|me:/)
  })

  test('sends agents the user and password of their URL', async () => {
    const dev = await agent([])
    await run('--from', `dev=${dev.url.replace('://', '://me:s%40fe@')}`, '--to', folder)
    expect(dev.requests).toEqual([
      { method: 'GET', url: '/rules', authorization: `Basic ${btoa('me:s@fe')}` },
    ])
  })

  test('warns about files of other clusters', async () => {
    await writeFile(fileOf('old'), printRules([]))
    const dev = await agent([])
    const { err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    expect(err).toBe(
      `app-metrics-proxy-old.yml in ${folder} belongs to no --from cluster, but Prometheus still reads it\n`,
    )
  })

  test('fails if the folder is a file', async () => {
    const dev = await agent([rule('dev')])
    await writeFile(join(folder, 'file'), '')
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', join(folder, 'file'))
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('EEXIST') })
  })
})

test.each([
  [[], '--from is missing'],
  [['--from', 'http://x'], '--to is missing'],
  [['--from', 'x:1', '--to', 'd'], '--from x:1: not an http URL'],
  [['--from', 'a=', '--to', 'd'], '--from a=: no URL'],
  [
    ['--from', 'http://x:1', '--from', 'http://x:1/y', '--to', 'd'],
    '--from: two clusters would have the name x_1; write NAME=URL',
  ],
  [['--from', 'http://x', '--to', 'd', '--every', '0'], '--every 0: must be a duration from 1s to 86400s'],
  [['--from', 'http://x', '--to', 'd', '--listen', '1'], '--listen needs --every'],
  [['--frm', 'http://x'], "Unknown option '--frm'"],
])('%j is refused: %s', async (args, message) => {
  const { code, err } = await run(...args)
  expect(code).toBe(2)
  expect(err).toContain(message)
  expect(err).toContain('Usage: app-metrics-proxy rules')
})

test('--help prints the usage', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--from'), err: '' })
})

test('repeats with --every, serves its state, and prints each problem once', async () => {
  const dev = await agent([rule('dev')])
  const stopping = new AbortController()
  let [out, err] = ['', '']
  const done = rules(['--from', `dev=${dev.url}`, '--to', folder, '--every', '1s', '--listen', '0'], {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    env: {},
    signal: stopping.signal,
    isTerminal: false,
  })
  const port = await until('a port', () => /listening on port (\d+)/.exec(out)?.[1])
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, text: await response.text() }
  }
  await until('ready', async () => (await get('/-/ready')).status === 200)
  expect((await get('/metrics')).text).toContain('app_metrics_proxy_rules_pull_success{cluster="dev"} 1')
  dev.response.text = printRules([rule('dev'), rule('dev', 'up > 1', 'more')])
  await until('the second rule', async () => (await writtenTo('dev')).length === 2)
  expect((await get('/metrics')).text).toContain('app_metrics_proxy_rules_refused{cluster="dev"} 0')
  dev.response.text = printRules([rule('dev'), rule('dev', 'up >', 'bad')])
  await until('the refused rule', async () => (await get('/-/ready')).text.includes('omitted: rule 2 (bad)'))
  expect((await get('/metrics')).text).toContain('app_metrics_proxy_rules_refused{cluster="dev"} 1')
  dev.response.status = 502
  await until('the failure', async () => (await get('/-/ready')).text.includes('answered 502'))
  expect((await get('/metrics')).text).toContain('app_metrics_proxy_rules_pull_success{cluster="dev"} 0')
  expect((await get('/-/healthy')).status).toBe(200)
  const rounds = dev.requests.length
  await until('another round', () => dev.requests.length > rounds + 1)
  expect(err.match(/answered 502/g)).toHaveLength(1)
  stopping.abort()
  expect(await done).toBe(0)
})

test('a round may take as long as all agents of a cluster, asked one after the other, and the reload', () => {
  const cluster = (agents: number) => ({
    name: `${agents}`,
    urls: Array.from({ length: agents }, (_, at) => new URL(`http://node${at}:2137`)),
  })
  expect(maxRoundMs({ clusters: [cluster(1), cluster(7), cluster(2)] })).toBe(7 * 10_000 + 30_000)
})
