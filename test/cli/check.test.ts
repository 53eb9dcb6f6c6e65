import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkDocker } from '../../src/cli/check/docker.ts'
import { check } from '../../src/cli/check.ts'
import { systemClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { deriveKeys } from '../../src/sync/keys.ts'
import { type SshListener, startListener } from '../../src/sync/sockets.ts'
import { createSsh } from '../../src/sync/ssh.ts'
import { startEngineServer } from '../discover/engine-server.ts'
import { swarm } from '../discover/recorded.ts'
import { freePort } from '../helpers/ports.ts'
import { run as listen } from '../helpers/server.ts'
import { run } from './run.ts'

const secret = 'a secret that is long enough'
const listeners: SshListener[] = []
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

/** The lines printed, with settings that keep the other checks quiet. */
async function checkWith(env: Readonly<Record<string, string>>) {
  const port = String(await freePort())
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
  test('finds no errors in a valid setup', async () => {
    const { code, lines } = await checkWith(targets)
    expect(code).toBe(0)
    expect(lines).toEqual([
      'ok configuration: valid',
      'ok Docker: not used: TARGETS lists 1 target',
      'ok peers: not used: SSHPASS is not set',
      expect.stringMatching(/^ok port: \d+ is free$/),
      'ok web: no authentication, no TLS: WEB_CONFIG_FILE is not set',
      'ok address: m.example:1 is advertised to Prometheus',
    ])
  })

  test('prints all errors and warnings of the configuration', async () => {
    expect(await checkWith({ PORTS: 'x', SSHPASS: 'short' })).toEqual({
      code: 2,
      lines: [
        expect.stringMatching(/^error configuration: PORTS=x/),
        expect.stringMatching(/^error .*SSHPASS/),
      ],
    })
    const { code, lines } = await checkWith({ ...targets, SSHPASS: 'only-12-long' })
    expect(code).toBe(0)
    expect(lines[0]).toMatch(/^warning configuration: SSHPASS is shorter/)
  })

  test('tries a handshake with each peer: one with the secret, one with another, one that is not running', async () => {
    const stopped = `127.0.0.1:${await freePort()}`
    const [good, other] = [await peer(secret), await peer('another secret, as long')]
    const { code, lines } = await checkWith({
      ...targets,
      SSHPASS: secret,
      PEERS: `${good},${other},${stopped}`,
    })
    expect(code).toBe(1)
    expect(lines).toEqual(
      expect.arrayContaining([
        `ok peers: ${good} answers and has the same secret`,
        `error peers: ${other}: the agent there has another secret`,
        expect.stringMatching(/^To fix it: give all agents of the cluster the same SSHPASS/),
        expect.stringMatching(new RegExp(`^error peers: ${stopped}: `)),
      ]),
    )
  })

  test('accepts the previous secret', async () => {
    const old = await peer('the former secret of all')
    const env = { SSHPASS: secret, SSHPASS_PREVIOUS: 'the former secret of all', PEERS: old }
    expect((await checkWith({ ...targets, ...env })).code).toBe(0)
  })

  test('distinguishes an agent on the port from another program', async () => {
    await using agent = await listen(createServer((_, answer) => answer.end('healthy\n')))
    await using other = await listen(createServer((_, answer) => answer.end('hello\n')))
    expect((await checkWith({ ...targets, LISTEN_PORT: `${agent.port}` })).lines).toContain(
      `ok port: an agent answers on ${agent.port}`,
    )
    const { code, lines } = await checkWith({ ...targets, LISTEN_PORT: `${other.port}` })
    expect(code).toBe(1)
    expect(lines).toContain(`error port: ${other.port} is in use by another program`)
  })

  test('warns about an address that Prometheus cannot reach', async () => {
    const { code, lines } = await checkWith({ ...targets, ADVERTISE: '127.0.0.1:2137' })
    expect(code).toBe(0)
    expect(lines).toContainEqual(
      expect.stringMatching(/^warning address: 127\.0\.0\.1:2137 is advertised to Prometheus, but /),
    )
  })

  test('validates the web configuration file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'check-'))
    const file = join(folder, 'web.yml')
    try {
      await writeFile(file, 'basic_auth_users: {}\n')
      expect((await checkWith({ ...targets, WEB_CONFIG_FILE: file })).lines).toContain(
        `ok web: ${file} is valid`,
      )
      await writeFile(file, 'no_such_setting: 1\n')
      const { code, lines } = await checkWith({ ...targets, WEB_CONFIG_FILE: file })
      expect(code).toBe(2)
      expect(lines).toContainEqual(expect.stringMatching(/^error web: .*no_such_setting/))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('reads Docker, and reports a failure', async () => {
    await using engine = await startEngineServer()
    const { code, lines } = await checkWith({ DOCKER_HOST: engine.host })
    expect(code).toBe(0)
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ok Docker: unix:.* lists \d+ containers$/),
        'ok Swarm: this node is in no Swarm',
        'ok agent: runs as a process on the host',
        expect.stringMatching(/^ok network: on the host’s network: reaches \d+ of \d+ running containers$/),
      ]),
    )
    await engine.close()
    const failed = await checkWith({ DOCKER_HOST: engine.host })
    expect(failed.code).toBe(1)
    expect(failed.lines).toContainEqual(expect.stringMatching(/^error Docker: /))
    await engine.open()
  })

  test('requires a secret in a Swarm', async () => {
    await using engine = await startEngineServer()
    Object.assign(engine.answers, {
      '/info': swarm.info,
      '/containers/json': swarm.containers,
      '/networks': swarm.networks,
      [`/networks/${swarm.gatewayBridge.Id}`]: swarm.gatewayBridge,
    })
    const { code, lines } = await checkWith({ DOCKER_HOST: engine.host })
    expect(code).toBe(2)
    expect(lines).toContain('error peers: SSHPASS is not set: the agents of a cluster share one secret')
    expect(lines).toContainEqual(expect.stringMatching(/^ok Swarm: \S+ is a manager \(/))
  })

  test('lists the containers that it cannot reach', async () => {
    await using engine = await startEngineServer()
    const { state } = await checkDocker(
      readConfig({ DOCKER_HOST: engine.host }),
      new AbortController().signal,
    )
    const hidden = [...state!.containers.values()].filter(({ networkMode }) => networkMode === 'none')
    const { lines } = await checkWith({ DOCKER_HOST: engine.host })
    for (const { name } of hidden)
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^warning network: ${name}: `)))
  })
})
