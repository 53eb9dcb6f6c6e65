import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rules } from '../../src/cli/rules.ts'
import type { Rule } from '../../src/promql/rule.ts'
import { printRules, readRules } from '../../src/promql/rulefile.ts'
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

/** A server that says what it is told to say, and counts how often. */
async function speaker(said: { status?: number; text: string }) {
  const asked: { method: string; url: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    asked.push({ method: request.method!, url: request.url!, authorization: request.headers.authorization })
    response.writeHead(said.status ?? 200).end(said.text)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, said, asked, stop: () => stopped(server) }
}

const agent = (rules: readonly Rule[]) => speaker({ text: printRules(rules) })
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
  test('writes one file a cluster, each limited to its own, and tells Prometheus', async () => {
    const [dev, prod, prometheus] = [
      await agent([rule('dev')]),
      await agent([rule('prod')]),
      await speaker({ text: '' }),
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
    expect(out).toBe('dev: 1 rules written\nprod: 1 rules written\nPrometheus has read the new rules\n')
    expect(await writtenTo('dev')).toEqual([rule('dev', 'up{cluster="dev",job="x"} == 0')])
    expect(await writtenTo('prod')).toEqual([rule('prod', 'up{cluster="prod",job="x"} == 0')])
    expect(prometheus.asked).toEqual([{ method: 'POST', url: '/-/reload', authorization: undefined }])
    expect((await readdir(folder)).toSorted()).toEqual([
      'app-metrics-proxy-dev.yml',
      'app-metrics-proxy-prod.yml',
    ])
  })

  test('tells Prometheus nothing where nothing changed', async () => {
    const [dev, prometheus] = [await agent([rule('dev')]), await speaker({ text: '' })]
    const args = ['--from', dev.url, '--to', folder, '--reload', prometheus.url]
    await run(...args)
    expect(await run(...args)).toEqual({ code: 0, out: '', err: '' })
    expect(prometheus.asked).toHaveLength(1)
  })

  test('tells Prometheus later what it couldn’t be told at first', async () => {
    const [dev, prometheus] = [await agent([rule('dev')]), await speaker({ status: 500, text: 'bad rule' })]
    const args = ['--from', dev.url, '--to', folder, '--reload', prometheus.url]
    expect(await run(...args)).toMatchObject({ code: 1, err: 'Prometheus: answered 500: bad rule\n' })
    prometheus.said.status = 200
    expect(await run(...args)).toMatchObject({ code: 0, out: 'Prometheus has read the new rules\n' })
    expect(await run(...args)).toMatchObject({ code: 0, out: '' })
  })

  test('believes the first agent that answers', async () => {
    const [dead, half, good] = [
      await agent([]),
      await speaker({ status: 503, text: 'not complete yet, still awaited: x' }),
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

  test('keeps the last good rules of a silent cluster', async () => {
    const dev = await agent([rule('dev')])
    await run('--from', `dev=${dev.url}`, '--to', folder)
    for (const text of ['not: [a, rule', '[]', '{"groups":[{"rules":1}]}', '<html>', '{"groups":1}']) {
      dev.said.text = text
      expect(await run('--from', `dev=${dev.url}`, '--to', folder)).toMatchObject({ code: 1 })
    }
    await dev.stop()
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('ECONNREFUSED') })
    expect(await writtenTo('dev')).toHaveLength(1)
  })

  test('removes what is gone', async () => {
    const dev = await agent([rule('dev')])
    await run('--from', `dev=${dev.url}`, '--to', folder)
    dev.said.text = printRules([])
    await run('--from', `dev=${dev.url}`, '--to', folder)
    expect(await readFile(fileOf('dev'), 'utf8')).toBe(printRules([]))
  })

  test('leaves out what Prometheus would refuse, and says so', async () => {
    const dev = await agent([
      rule('dev', 'up ==='),
      rule('dev'),
      { ...rule('dev'), alert: 'lost', labels: {} },
    ])
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    expect({ code, err }).toEqual({
      code: 1,
      err: `dev: left out: rule 1 (web_down): expr, character 6: unexpected "="\ndev: left out: lost: no plain label cluster to limit it to\n`,
    })
    expect(await writtenTo('dev')).toHaveLength(1)
  })

  test('leaves out of a hostile cluster’s rules what Prometheus would refuse, and all of no other’s', async () => {
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
    expect({ code, out }).toEqual({ code: 1, out: 'dev: 1 rules written\nprod: 1 rules written\n' })
    expect(err.trim().split('\n')).toEqual(Array(9).fill(expect.stringMatching(/^dev: left out: .{1,300}$/)))
    expect((await writtenTo('dev')).map(({ alert }) => alert)).toEqual(['kept'])
    expect(await writtenTo('prod')).toHaveLength(1)
  })

  test('limits the rules of a cluster whose name looks like a template to that name', async () => {
    const dev = await agent([rule('{{`{{`}} x')])
    expect(await run('--from', `dev=${dev.url}`, '--to', folder)).toMatchObject({ code: 0, err: '' })
    expect(await writtenTo('dev')).toEqual([rule('{{`{{`}} x', 'up{cluster="{{ x",job="x"} == 0')])
  })

  test.each([
    ['never ends to be parsed as YAML', `groups: ${']'.repeat(2 ** 20)}`],
    ['is nested without end', `{"groups":${'['.repeat(2 ** 20)}${']'.repeat(2 ** 20)}}`],
    ['has too many rules', JSON.stringify({ groups: [{ rules: Array(20_000).fill(0) }] })],
  ])('passes over a cluster whose file %s', async (_, text) => {
    const [dev, prod] = [await speaker({ text }), await agent([rule('prod')])]
    const { code, err } = await run(
      ...['--from', `dev=${dev.url}`, '--from', `prod=${prod.url}`, '--to', folder],
    )
    expect({ code, lines: err.split('\n').length }).toEqual({ code: 1, lines: 2 })
    expect(await writtenTo('prod')).toHaveLength(1)
  })

  test('names the first of very many bad rules, and how many more', async () => {
    const dev = await agent(Array.from({ length: 4000 }, (_, at) => rule('dev', 'up ==', `${at}`)))
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    const lines = err.trim().split('\n')
    expect({ code, lines: lines.length }).toEqual({ code: 1, lines: 21 })
    expect(lines.at(-1)).toBe('dev: left out: 3980 more')
  })

  test('leaves expressions as they are where it is told to', async () => {
    const dev = await agent([rule('dev')])
    await run('--from', `dev=${dev.url}`, '--to', folder, '--no-limit')
    expect(await writtenTo('dev')).toEqual([rule('dev')])
  })

  test('says where two clusters have one name', async () => {
    const [one, two] = [await agent([rule('x')]), await agent([rule('x')])]
    const { err } = await run('--from', `one=${one.url}`, '--from', `two=${two.url}`, '--to', folder)
    expect(err).toBe('one and two both call themselves cluster x: set CLUSTER\n')
  })

  test('sends Prometheus the user and password of its URL, and never shows them', async () => {
    const [dev, prometheus] = [await agent([rule('dev')]), await speaker({ status: 403, text: 'no' })]
    const reload = `${prometheus.url.replace('//', '//mé:s%40fe@')}/-/reload`
    const from = dev.url.replace('//', '//me:s@fe@')
    const { code, out, err } = await run('--from', from, '--to', folder, '--reload', reload)
    expect([code, err]).toEqual([1, 'Prometheus: answered 403: no\n'])
    expect(out).not.toMatch(/s@fe|s%40fe/)
    const pair = Buffer.from('mé:s@fe').toString('base64')
    expect(prometheus.asked).toEqual([{ method: 'POST', url: '/-/reload', authorization: `Basic ${pair}` }])
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
  ])('never shows a password that it refuses: %s %s', async (...given) => {
    const { code, out, err } = await run(...given, '--from', 'http://a/', '--to', folder)
    expect([code, out]).toEqual([2, ''])
    expect(err).not.toMatch(/hunter|me:/)
  })

  test('sends the user and password of a URL', async () => {
    const dev = await agent([])
    await run('--from', `dev=${dev.url.replace('://', '://me:s%40fe@')}`, '--to', folder)
    expect(dev.asked).toEqual([{ method: 'GET', url: '/rules', authorization: `Basic ${btoa('me:s@fe')}` }])
  })

  test('points at files of clusters that are no longer given', async () => {
    await writeFile(fileOf('old'), printRules([]))
    const dev = await agent([])
    const { err } = await run('--from', `dev=${dev.url}`, '--to', folder)
    expect(err).toBe(
      `app-metrics-proxy-old.yml in ${folder} is of no cluster given here; Prometheus goes on reading it\n`,
    )
  })

  test('leaves nothing half written', async () => {
    const dev = await agent([rule('dev')])
    await writeFile(join(folder, 'file'), '')
    const { code, err } = await run('--from', `dev=${dev.url}`, '--to', join(folder, 'file'))
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('EEXIST') })
  })
})

test.each([
  [[], '--from is missing: whose rules?'],
  [['--from', 'http://x'], '--to is missing: where to?'],
  [['--from', 'x:1', '--to', 'd'], '--from x:1: not an http URL'],
  [['--from', 'a=', '--to', 'd'], '--from a=: no URL'],
  [
    ['--from', 'http://x:1', '--from', 'http://x:1/y', '--to', 'd'],
    '--from: two clusters would both be called x_1; write NAME=URL',
  ],
  [['--from', 'http://x', '--to', 'd', '--every', '0'], '--every 0: must be a number from 1 to 86400'],
  [['--from', 'http://x', '--to', 'd', '--listen', '1'], '--listen goes with --every only'],
  [['--frm', 'http://x'], "Unknown option '--frm'"],
])('%j is refused: %s', async (args, message) => {
  const { code, err } = await run(...args)
  expect(code).toBe(2)
  expect(err).toContain(message)
  expect(err).toContain('Usage: app-metrics-proxy rules')
})

test('--help explains', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--from'), err: '' })
})

test('goes on, tells how it is, and each trouble once', async () => {
  const dev = await agent([rule('dev')])
  const stopping = new AbortController()
  let [out, err] = ['', '']
  const done = rules(['--from', `dev=${dev.url}`, '--to', folder, '--every', '1', '--listen', '0'], {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    env: {},
    signal: stopping.signal,
    isTerminal: false,
  })
  const port = await until('a port', () => /listening on port (\d+)/.exec(out)?.[1])
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, text: await response.text() }
  }
  await until('ready', async () => (await ask('/-/ready')).status === 200)
  expect((await ask('/metrics')).text).toContain('app_metrics_proxy_rules_pull_success{cluster="dev"} 1')
  dev.said.text = printRules([rule('dev'), rule('dev', 'up > 1', 'more')])
  await until('the second rule', async () => (await writtenTo('dev')).length === 2)
  expect((await ask('/metrics')).text).toContain('app_metrics_proxy_rules_refused{cluster="dev"} 0')
  dev.said.text = printRules([rule('dev'), rule('dev', 'up >', 'bad')])
  await until('the refused rule', async () => (await ask('/-/ready')).text.includes('left out: rule 2 (bad)'))
  expect((await ask('/metrics')).text).toContain('app_metrics_proxy_rules_refused{cluster="dev"} 1')
  dev.said.status = 502
  await until('trouble', async () => (await ask('/-/ready')).text.includes('answered 502'))
  expect((await ask('/metrics')).text).toContain('app_metrics_proxy_rules_pull_success{cluster="dev"} 0')
  expect((await ask('/-/healthy')).status).toBe(200)
  const rounds = dev.asked.length
  await until('another round', () => dev.asked.length > rounds + 1)
  expect(err.match(/answered 502/g)).toHaveLength(1)
  stopping.abort()
  expect(await done).toBe(0)
})
