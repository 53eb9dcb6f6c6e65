import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { lookAtDocker } from '../../src/cli/check/docker.ts'
import { check } from '../../src/cli/check.ts'
import { systemClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { deriveKeys } from '../../src/sync/keys.ts'
import { type Listener, startListener } from '../../src/sync/sockets.ts'
import { createSsh } from '../../src/sync/ssh.ts'
import { startEngineServer } from '../discover/engine-server.ts'
import { swarm } from '../discover/recorded.ts'
import { closedPort, run as listen } from '../helpers/server.ts'
import { run } from './run.ts'

const secret = 'a secret that is long enough'
const listeners: Listener[] = []
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.stop()
})

/** An agent's SSH port. */
async function peer(secret: string): Promise<string> {
  const ssh = createSsh([await deriveKeys(secret)])
  const on = () => {}
  const listener = await startListener({ clock: systemClock, ssh, port: 0, on, refused: on })
  listeners.push(listener)
  return `127.0.0.1:${listener.port}`
}

/** What is said, a line each, after the settings that keep the rest quiet. */
async function said(env: Readonly<Record<string, string>>) {
  const port = String(await closedPort())
  const { code, out, err } = await run(check, [], {
    env: { LISTEN_PORT: port, ADVERTISE: 'm.example:1', ...env },
  })
  const linesOf = (text: string) =>
    text
      .split('\n')
      .map((line) => line.replaceAll(/ {2,}/g, ' ').trim())
      .filter((line) => line !== '')
  expect(linesOf(out).filter((line) => line.startsWith('error'))).toEqual([])
  expect(linesOf(err).filter((line) => /^(ok|warning)/.test(line))).toEqual([])
  return { code, lines: [...linesOf(out), ...linesOf(err)] }
}

const targets = { TARGETS: 'web=http://127.0.0.1:1/metrics' }

describe('app-metrics-proxy check', () => {
  test('is well where all is well', async () => {
    const { code, lines } = await said(targets)
    expect(code).toBe(0)
    expect(lines).toEqual([
      'ok configuration: no errors',
      'ok Docker: not used: 1 targets are listed in TARGETS',
      'ok peers: none are looked for: no SSHPASS is set',
      expect.stringMatching(/^ok port: \d+ is free for the agent$/),
      'ok web: anybody who reaches the port may ask: no WEB_CONFIG_FILE is set',
      'ok address: Prometheus is told m.example:1',
    ])
  })

  test('names all errors of the configuration, and warnings', async () => {
    expect(await said({ PORTS: 'x', SSHPASS: 'short' })).toEqual({
      code: 2,
      lines: [
        expect.stringMatching(/^error configuration: PORTS=x/),
        expect.stringMatching(/^error .*SSHPASS/),
      ],
    })
    const { code, lines } = await said({ ...targets, SSHPASS: 'only-12-long' })
    expect(code).toBe(0)
    expect(lines[0]).toMatch(/^warning configuration: SSHPASS is shorter/)
  })

  test('shakes hands with each peer: one with the secret, one with another, one that is not there', async () => {
    const gone = `127.0.0.1:${await closedPort()}`
    const [good, other] = [await peer(secret), await peer('another secret, as long')]
    const { code, lines } = await said({ ...targets, SSHPASS: secret, PEERS: `${good},${other},${gone}` })
    expect(code).toBe(1)
    expect(lines).toEqual(
      expect.arrayContaining([
        `ok peers: ${good} answers and holds the same secret`,
        `error peers: ${other}: the agent there has another secret`,
        expect.stringMatching(/^To fix it: give all agents of the cluster the same SSHPASS/),
        expect.stringMatching(new RegExp(`^error peers: ${gone}: `)),
      ]),
    )
  })

  test('takes the secret that is being replaced', async () => {
    const old = await peer('the former secret of all')
    const env = { SSHPASS: secret, SSHPASS_PREVIOUS: 'the former secret of all', PEERS: old }
    expect((await said({ ...targets, ...env })).code).toBe(0)
  })

  test('tells an agent on the port from a stranger', async () => {
    await using agent = await listen(createServer((_, answer) => answer.end('healthy\n')))
    await using stranger = await listen(createServer((_, answer) => answer.end('hello\n')))
    expect((await said({ ...targets, LISTEN_PORT: `${agent.port}` })).lines).toContain(
      `ok port: an agent answers on ${agent.port}`,
    )
    const { code, lines } = await said({ ...targets, LISTEN_PORT: `${stranger.port}` })
    expect(code).toBe(1)
    expect(lines).toContain(`error port: ${stranger.port} is in use by something that is no agent`)
  })

  test('doubts an address that Prometheus cannot reach', async () => {
    const { code, lines } = await said({ ...targets, ADVERTISE: '127.0.0.1:2137' })
    expect(code).toBe(0)
    expect(lines).toContainEqual(
      expect.stringMatching(/^warning address: Prometheus is told 127\.0\.0\.1:2137: /),
    )
  })

  test('reads the web configuration file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'check-'))
    const file = join(folder, 'web.yml')
    try {
      await writeFile(file, 'basic_auth_users: {}\n')
      expect((await said({ ...targets, WEB_CONFIG_FILE: file })).lines).toContain(
        `ok web: ${file} settles who may ask`,
      )
      await writeFile(file, 'no_such_setting: 1\n')
      const { code, lines } = await said({ ...targets, WEB_CONFIG_FILE: file })
      expect(code).toBe(2)
      expect(lines).toContainEqual(expect.stringMatching(/^error web: .*no_such_setting/))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('reads Docker, and says so if it cannot', async () => {
    await using engine = await startEngineServer()
    const { code, lines } = await said({ DOCKER_HOST: engine.host })
    expect(code).toBe(0)
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ok Docker: unix:.* lists \d+ containers$/),
        'ok Swarm: this node is in none',
        'ok agent: runs as a process of the host',
        expect.stringMatching(/^ok network: on the host’s network: reaches \d+ of \d+ running containers$/),
      ]),
    )
    await engine.close()
    const failed = await said({ DOCKER_HOST: engine.host })
    expect(failed.code).toBe(1)
    expect(failed.lines).toContainEqual(expect.stringMatching(/^error Docker: /))
    await engine.open()
  })

  test('wants a secret in a Swarm', async () => {
    await using engine = await startEngineServer()
    Object.assign(engine.answers, {
      '/info': swarm.info,
      '/containers/json': swarm.containers,
      '/networks': swarm.networks,
      [`/networks/${swarm.gatewayBridge.Id}`]: swarm.gatewayBridge,
    })
    const { code, lines } = await said({ DOCKER_HOST: engine.host })
    expect(code).toBe(2)
    expect(lines).toContain('error peers: SSHPASS is not set: the agents of a cluster share one secret')
    expect(lines).toContainEqual(expect.stringMatching(/^ok Swarm: \S+ is a manager \(/))
  })

  test('knows the containers that it cannot reach', async () => {
    await using engine = await startEngineServer()
    const { state } = await lookAtDocker(
      readConfig({ DOCKER_HOST: engine.host }),
      new AbortController().signal,
    )
    const hidden = [...state!.containers.values()].filter(({ networkMode }) => networkMode === 'none')
    const { lines } = await said({ DOCKER_HOST: engine.host })
    for (const { name } of hidden)
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^warning network: ${name}: `)))
  })
})
