import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { targets } from '../../src/cli/targets.ts'
import { endpointId } from '../../src/model.ts'
import { freePort } from '../helpers/ports.ts'
import { container, failing, healthy, place, type Scene, startScene, unscraped } from '../helpers/scene.ts'
import { run as listen } from '../helpers/server.ts'
import { run } from './run.ts'

let scene: Scene
let agent: string
const web = container('n1', 'shop_web.1.x', place('shop_web', '1'))

beforeEach(async () => {
  scene = await startScene({
    entries: [
      healthy(web),
      failing(container('n2', 'shop_web.10.x', place('shop_web', '10')), 'connection refused'),
      unscraped(
        container('n2', 'shop_web.9.x', place('shop_web', '9')),
        'no_address',
        'no network',
        'attach it',
      ),
    ],
    warnings: ['the secret is short'],
  })
  agent = `127.0.0.1:${scene.port}`
})
afterEach(() => scene.stop())

describe('app-metrics-proxy targets', () => {
  test('is a table sorted by instance, with reasons and hints', async () => {
    const { code, out, err } = await run(targets, [agent])
    expect([code, err]).toEqual([0, ''])
    const lines = out.trimEnd().split('\n')
    expect(lines[0]).toBe('warning: the secret is short')
    expect(lines.slice(2).map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      expect.stringMatching(/^STATE \| INSTANCE \| NODE \| SERIES \| DURATION \| AGE \| ENDPOINT/),
      expect.stringMatching(
        /^up \| shop_web\.1 \| node1 \| 3 \| 9 ms \| \d s \| http:\/\/10\.88\.1\.\d+:8080\/metrics$/,
      ),
      'unscraped | shop_web.9 | node2 | no network. To fix it: attach it',
      expect.stringMatching(/^down \| shop_web\.10 \| node2 .*connection refused$/),
    ])
  })

  test('tells the endpoints of a container apart as in the label instance', async () => {
    const labels = { 'app-metrics-proxy.port.2': '9113' }
    const at = place('shop_web', '2')
    const { id } = web
    for (const target of [
      container('n1', 'shop_web.2.x', at),
      container('n1', 'cron', { kind: 'standalone' }),
    ])
      scene.world.put(healthy({ ...target, labels, id: endpointId(id + target.name, 2) }))
    const { out } = await run(targets, ['--state', 'up', agent])
    expect(out).toMatch(/^up +cron@node1:9113 /m)
    expect(out).toMatch(/^up +shop_web\.2:9113 /m)
  })

  test('lists only the states of --state', async () => {
    const { out } = await run(targets, ['--state', 'down,lost', agent])
    expect(out).toContain('shop_web.10')
    expect(out).not.toContain('shop_web.9')
    const json = await run(targets, ['--json', '--state', 'down', agent])
    expect(JSON.parse(json.out).targets).toMatchObject([{ state: 'down' }])
  })

  test('refuses an unknown state', async () => {
    const { code, out, err } = await run(targets, ['--state', 'down,lots', agent])
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^"lots" is not a state\n/)
  })

  test('is the status as JSON with --json', async () => {
    const { out } = await run(targets, ['--json', `http://${agent}`])
    expect(JSON.parse(out)).toMatchObject({ cluster: 'demo', targets: { length: 3 } })
  })

  test('has colours only on a terminal, and not with NO_COLOR', async () => {
    expect((await run(targets, [agent], { isTerminal: true })).out).toContain('\x1b[32mup\x1b[39m')
    const env = { NO_COLOR: '1' }
    expect((await run(targets, [agent], { isTerminal: true, env })).out).not.toContain('\x1b')
    expect((await run(targets, [agent])).out).not.toContain('\x1b')
  })

  test('escapes control characters of containers', async () => {
    const name = 'evil\x1b]0;owned\x07\x1b[2J\nup  fake'
    scene.world.put(healthy(container('n1', name, { kind: 'standalone' })))
    const { out } = await run(targets, [agent])
    expect(out).toContain(String.raw`evil\u{1b}]0;owned\u{7}\u{1b}[2J\u{a}up  fake`)
    expect(out).not.toContain('\x1b')
  })

  test('escapes them in JSON and in error responses, too', async () => {
    const name = 'evil\u009b2J\u202e\u007f'
    scene.world.put(healthy(container('n1', name, { kind: 'standalone' })))
    const { out } = await run(targets, ['--json', agent])
    expect(out).not.toMatch(/[\u007f-\u009f\u202e]/)
    expect(JSON.parse(out).targets).toContainEqual(expect.objectContaining({ name }))
    await using other = await listen(createServer((_, answer) => answer.writeHead(500).end('\u001b[2J')))
    const { err } = await run(targets, [`127.0.0.1:${other.port}`])
    expect(err).toContain(String.raw`answered 500: \u{1b}[2J`)
  })

  test('fails if no agent answers', async () => {
    const port = await freePort()
    const { code, err } = await run(targets, [], { env: { LISTEN_PORT: String(port) } })
    expect(code).toBe(1)
    expect(err).toMatch(new RegExp(`no agent answers at http://127.0.0.1:${port}: .*ECONNREFUSED`))
  })

  test('recognizes a server that is not an agent', async () => {
    await using server = await listen(createServer((_, answer) => answer.end('hello')))
    const { code, err } = await run(targets, [`127.0.0.1:${server.port}`])
    expect([code, err]).toEqual([
      1,
      `http://127.0.0.1:${server.port} is not an agent: its response is not JSON\n`,
    ])
  })

  test('sends the user and password of the URL', async () => {
    const received: (string | undefined)[] = []
    await using server = await listen(
      createServer((request, answer) => {
        received.push(request.headers.authorization)
        answer.writeHead(401).end('who are you?\n')
      }),
    )
    const { code, err } = await run(targets, [`http://me:s%C3%A9cret@127.0.0.1:${server.port}`])
    expect([code, err]).toEqual([1, `http://127.0.0.1:${server.port} answered 401: who are you?\n`])
    expect(received).toEqual([`Basic ${Buffer.from('me:sécret').toString('base64')}`])
  })
})
