// Every command with every kind of failure: the documented exit code, the problem on stderr, and nothing on stdout that
// looks like a result.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands, dispatch } from '../../src/cli/dispatch.ts'
import { freePort } from '../helpers/ports.ts'
import { httpServer, type RunningServer, tcpServer } from '../helpers/server.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'exit-codes-'))
const nowhere = 'no-such-host.invalid:2137'
let refused: string
let html: RunningServer
let json: RunningServer
let notHttp: RunningServer
const addresses = () => ({
  unreachable: nowhere,
  refused,
  html: `127.0.0.1:${html.port}`,
  json: `127.0.0.1:${json.port}`,
  notHttp: `127.0.0.1:${notHttp.port}`,
})
type Place = keyof ReturnType<typeof addresses>

beforeAll(async () => {
  refused = `127.0.0.1:${await freePort()}`
  html = await httpServer((_, response) => response.end('<!doctype html>hello'))
  json = await httpServer((_, response) =>
    response.setHeader('content-type', 'application/json').end('{"targets": 7'),
  )
  notHttp = await tcpServer((socket) => socket.end('hello\r\n\r\n'))
})
afterAll(async () => {
  for (const server of [html, json, notHttp]) await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const secret = 'http://alice:hunter2@x:99999/'
const places: readonly Place[] = ['unreachable', 'refused', 'html', 'json', 'notHttp']
const targets = 'TARGETS=a=http://127.0.0.1:1/'
type Row = readonly [command: string, code: number, stderr: RegExp]

/** `{…}` is a place, `NAME=value` before the command a variable. */
const rows: readonly Row[] = [
  // wrong usage
  ...Object.keys(commands).flatMap((command): Row[] => [
    [`${command} --no-such-flag`, 2, /Usage: app-metrics-proxy/],
    [`${command} ${command === 'scrape' ? 'a b ' : command === 'targets' ? 'a ' : ''}extra`, 2, /Usage:/],
    [`help ${command} extra`, 2, /help takes at most one command\n/],
  ]),
  ['scrape', 2, /URL or NAME is missing\n/],
  ['scrape http://127.0.0.1:1/ extra', 2, /unexpected argument "extra"\n/],
  [`scrape ${secret}`, 2, /"http:\/\/\(hidden\)@x:99999\/" is not a URL\n/],
  [`scrape web ${secret}`, 2, /"http:\/\/\(hidden\)@x:99999\/" is not the address of an agent\n/],
  ['targets 127.0.0.1 extra', 2, /unexpected argument "extra"\n/],
  [`targets a ${secret}`, 2, /unexpected argument "http:\/\/\(hidden\)@x:99999\/"\n/],
  [`targets ${secret}`, 2, /"http:\/\/\(hidden\)@x:99999\/" is not the address of an agent\n/],
  ['targets ftp://127.0.0.1', 2, /"ftp:\/\/127\.0\.0\.1" is not the address of an agent\n/],
  ['targets --state=', 2, /"" is not a state\n/],
  ['LISTEN_PORT=x targets', 2, /"127\.0\.0\.1:x" is not the address of an agent\n/],
  [`LISTEN_PORT='x' targets`, 2, /"127\.0\.0\.1:x" is not the address of an agent\n/],
  ['rules', 2, /--from is missing/],
  [`check ${secret}`, 2, /Usage:/],
  [`run ${secret}`, 2, /Usage:/],
  [secret, 2, /unknown command "http:\/\/\(hidden\)@x:99999\/"/],
  // wrong configuration
  ['PORTS=x run', 2, /PORTS=x: must be ports/],
  ['PORTS=x config', 2, /^PORTS=x: must be ports/],
  ['SSHPASS=hunter2 config', 2, /^SSHPASS=\(hidden\): must be at least 8 characters/],
  ['PORTS=x check', 2, /error +configuration: PORTS=x: must be ports/],
  [`${targets} WEB_CONFIG_FILE=/nowhere LISTEN_PORT={free} check`, 2, /error +web: .*ENOENT/],
  ['PORTS=x scrape http://127.0.0.1:1/', 2, /^PORTS=x: must be ports/],
  ['PORTS=x scrape web', 2, /^PORTS=x: must be ports/],
  ['DOCKER_HOST=tcp://a:hunter2@b:1 check', 2, /DOCKER_HOST=tcp:\/\/\(hidden\)@b:1: must be/],
  // failures
  ...places.flatMap((place): Row[] => [
    [`scrape http://{${place}}/metrics`, 1, /^failed: /],
    [`scrape web {${place}}`, 1, /^failed: /],
    [`targets {${place}}`, 1, /no agent answers at|is not an agent/],
    [`rules --from http://{${place}} --to ${folder}`, 1, /./],
    [`DOCKER_HOST=tcp://{${place}} LISTEN_PORT={free} check`, 1, /error +Docker: /],
  ]),
  [`${targets} LISTEN_PORT={taken} check`, 1, /error +port: \d+ is in use by another program/],
  [`${targets} LISTEN_PORT={taken} run`, 1, /port \d+ is in use by another process/],
  ['targets http://alice:hunter2@{refused}', 1, /no agent answers at http:\/\/127/],
  ['scrape http://alice:hunter2@{refused}/', 1, /connection refused/],
]

describe('failures', () => {
  test.each(rows)('%s: %i', async (line, code, stderr) => {
    const ports = { free: String(await freePort()), taken: String(html.port) }
    const words = line
      .replaceAll(/\{(\w+)\}/g, (_, name: string) => ({ ...addresses(), ...ports })[name]!)
      .split(' ')
    const cut = words.findIndex((word) => !/^[A-Z_]+=/.test(word))
    const env = Object.fromEntries(words.slice(0, cut).map((word) => /(.*?)=(.*)/.exec(word)!.slice(1)))
    const result = await run(dispatch, words.slice(cut), { env })
    expect([result.code, result.err]).toEqual([code, expect.stringMatching(stderr)])
    // `check` prints its other results, and `run` logs before it fails
    if (!/ (check|run)$/.test(` ${line}`)) expect(result.out).toBe('')
    expect(result.out + result.err).not.toMatch(/hunter2|alice|undefined|internal error/)
  })
})

describe('health', () => {
  async function health(port: string | number) {
    const child = spawn(process.execPath, ['src/main.ts', 'health'], {
      env: { ...process.env, LISTEN_PORT: String(port) },
    })
    const exit = new Promise((resolve) => child.once('exit', resolve))
    const [code, out, err] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
    return { code, out, err }
  }

  test('prints the problem and the fix', async () => {
    const port = refused.split(':')[1]!
    expect(await health(port)).toEqual({
      code: 1,
      out: '',
      err: `no agent listens at 127.0.0.1:${port} (ECONNREFUSED)\nstart it, or set LISTEN_PORT to the port on which it listens\n`,
    })
    expect(await health(notHttp.port)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ is not an agent\n/),
    })
    expect(await health('x')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^LISTEN_PORT=x: must be/),
    })
  })

  test('prints nothing for a healthy agent, also with quotes around the port', async () => {
    const healthy = { code: 0, out: '', err: '' }
    expect(await health(html.port)).toEqual(healthy)
    expect(await health(`"${html.port}"`)).toEqual(healthy)
  })
})
