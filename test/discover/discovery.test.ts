// Discovery as a whole, with an engine that fails in every way. What Docker itself does is tested in test/lab.

import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/config/config.ts'
import {
  type Discovered,
  type Discovery,
  dockerHostOf,
  startDiscovery,
} from '../../src/discover/discovery.ts'
import type { ApiContainer, ApiInfo } from '../../src/discover/docker-api.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics, type Metrics } from '../../src/runtime/metrics.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { type EngineServer, startEngineServer, switchProtocols } from './engine-server.ts'
import { node, swarm } from './recorded.ts'

let server: EngineServer
let clock: VirtualClock
let metrics: Metrics
/** Each set that differs from the one before it, and each with a swarm state. */
let found: Discovered[]
let discovery: Discovery | undefined

beforeEach(async () => {
  server = await startEngineServer()
  clock = virtualClock()
  metrics = createMetrics()
  found = []
})
afterEach(async () => {
  await discovery?.stop()
  discovery = undefined
  await server[Symbol.asyncDispose]()
})

async function start(env: Record<string, string> = {}, ids: readonly string[] = []): Promise<Discovery> {
  discovery = await startDiscovery(
    {
      config: readConfig({ DOCKER_HOST: server.host, ...env }),
      clock,
      log: createLog('silent'),
      metrics,
      swarmState,
      proc: { ids, isFromMountsOnly: false, isMounted: () => false },
    },
    record,
  )
  return discovery
}

function record(next: Discovered): void {
  const nodeOf = ({ self, targets, managers }: Discovered) => ({ self, targets, managers })
  const before = found.at(-1)
  if (next.swarmState || !before || !isDeepStrictEqual(nodeOf(before), nodeOf(next))) found.push(next)
}

const swarmReading = () => found.findLast(({ swarmState }) => swarmState !== undefined)

/** As the agent's store has it: what this manager read. */
function swarmState() {
  const { swarmState, swarmStateReadAt = 0 } = swarmReading() ?? {}
  return swarmState && { value: swarmState, ageMs: clock.now() - swarmStateReadAt, from: 'self' }
}

/** Lets virtual time pass in small steps until it holds; time stops while real sockets have work to do. */
async function eventually(what: string, holds: () => boolean, within = 5_000, step = 10): Promise<void> {
  const end = clock.now() + within
  for (let real = 0; !holds(); real += 1) {
    if (clock.now() > end && real > 500) throw new Error(`timed out waiting for ${what}`)
    if (!server.busy()) await clock.pass(step)
    await pause(1)
  }
}

async function passTime(ms: number): Promise<void> {
  const end = clock.now() + ms
  await eventually('the time to pass', () => clock.now() >= end, ms + 1000, Math.max(10, ms / 200))
}

/** The event stream is open, and what it may have missed was read. */
async function streamOpen(): Promise<void> {
  await eventually('the event stream', () => server.listeners() === 1)
  await passTime(100)
}

const last = () => found.at(-1)!
const byName = (name: string) => last().targets.find((target) => target.name === name)
const resyncs = () => server.requests.filter((request) => request === 'GET /info').length
const rows = () => server.answers['/containers/json'] as ApiContainer[]
const idOf = (name: string) => rows().find(({ Names }) => Names![0] === `/${name}`)!.Id
const change = (name: string, changes: Partial<ApiContainer>) => {
  server.answers['/containers/json'] = rows().map((row) =>
    row.Id === idOf(name) ? { ...row, ...changes } : row,
  )
}
const remove = (name: string) => {
  server.answers['/containers/json'] = rows().filter(({ Id }) => Id !== idOf(name))
}
const event = (Action: string, id: string, Attributes = {}, timeNano?: number) => ({
  Type: 'container',
  Action,
  Actor: { ID: id, Attributes },
  ...(timeNano !== undefined && { timeNano }),
})

/** Requests for one path get no answer, those for the other an error at once. */
function countUnanswered(silent: string, failing: string) {
  let [sent, open] = [0, 0]
  server.fault = (path, answer) => {
    if (path === failing) return !!answer.writeHead(500).end()
    if (path !== silent) return false
    sent += 1
    open += 1
    answer.on('close', () => {
      open -= 1
    })
    return true
  }
  return { sent: () => sent, open: () => open }
}

test('containers are in the agent’s own metrics, with what events say of them, until they are removed', async () => {
  await start()
  await streamOpen()
  const name = 'two'
  const shown = () =>
    metrics
      .print()
      .split('\n')
      .filter((line) => line.includes(`{container="${name}"`))
  const has = (text: string) => shown().some((line) => line.startsWith(`app_metrics_proxy_container_${text}`))
  server.emit(
    event('oom', idOf(name)),
    event('die', idOf(name), { exitCode: '137' }),
    event('start', idOf(name), {}, 9e9),
  )
  await eventually('the restart', () => has(`restarts_total{container="${name}"} 1`))
  expect(has(`oom_kills_total{container="${name}"} 1`)).toBe(true)
  change(name, { Status: 'Up 3 minutes (unhealthy)', State: 'running' })
  server.emit(event('health_status: unhealthy', idOf(name)))
  await eventually('the health', () => has(`health{container="${name}",health="unhealthy"} 1`))
  const run = { health: 'unhealthy', restarts: 1, oomKills: 1, lastExitCode: 137 }
  await eventually('its target to have the same', () => isDeepStrictEqual(byName(name)?.run, run))
  const id = idOf(name)
  remove(name)
  server.emit(event('destroy', id))
  await eventually('it to disappear', () => shown().length === 0)
})

describe('who the node is', () => {
  const join = (more: Partial<NonNullable<ApiInfo['Swarm']>> = {}) => {
    server.answers['/info'] = { ...node.info, Swarm: { ...swarm.info.Swarm, ...more } }
  }
  const resync = async () => {
    const before = resyncs()
    await eventually('a resync', () => resyncs() > before, 40_000, 200)
    await passTime(100)
  }

  test('is the name of an engine that reports another id at each call, as Podman does, after a restart too', async () => {
    let calls = 0
    server.fault = (path) => {
      if (path === '/info') server.answers['/info'] = { ...node.info, ID: `random-${++calls}` }
      return false
    }
    await start()
    for (let round = 0; round < 3; round += 1) await resync()
    expect(calls).toBeGreaterThan(3)
    await discovery!.stop()
    await start()
    expect(new Set(found.map(({ self }) => self.node))).toEqual(new Set(['vm']))
    await discovery!.stop()
    await start({ NODE_NAME: 'named' })
    expect(last().self.node).toBe('named')
  })

  test('has the Swarm’s id while it is in one, and the engine’s first id before and after', async () => {
    Object.assign(server.answers, { '/services': [], '/tasks': [], '/nodes': swarm.nodes })
    await start()
    const engine = last().self.node
    join({ LocalNodeState: 'pending', NodeID: '' })
    await resync()
    expect(last().self).toMatchObject({ node: engine, swarm: false })
    expect(discovery!.status().failure?.reason).toContain('Swarm: pending')
    join()
    await resync()
    expect(last().self).toMatchObject({ node: swarm.info.Swarm!.NodeID, swarm: true, manager: true })
    expect(last().targets.every((target) => target.node === last().self.node)).toBe(true)
    await eventually('the swarm state', () => last().swarmState !== undefined)
    join({ ControlAvailable: false })
    await resync()
    expect(last().self).toMatchObject({ manager: false })
    expect(last()).not.toHaveProperty('swarmState')
    join()
    await resync()
    await eventually('the swarm state again', () => last().swarmState !== undefined)
    server.answers['/info'] = { ...node.info, ID: 'another' }
    await resync()
    expect(last().self).toMatchObject({ node: engine, swarm: false, manager: false })
    for (const one of found.filter(({ self }) => !self.manager)) expect(one).not.toHaveProperty('swarmState')
    expect(discovery!.status().failure).toBeUndefined()
  })

  test('and its managers are read again on request, and not only at the next resync', async () => {
    join({ RemoteManagers: [] })
    const { readNow } = await start()
    await streamOpen()
    expect(last().managers).toEqual(new Set())
    join({ RemoteManagers: [{ NodeID: 'promoted' }] })
    readNow()
    await eventually('the new manager', () => last().managers.has('promoted'), 1000)
  })
})

describe('the first set', () => {
  test('is complete, without the agent and without what never ran', async () => {
    await start({}, [idOf('agent')])
    expect(found).toHaveLength(1)
    expect(last().self).toMatchObject({ hostname: 'vm', container: idOf('agent'), advertise: 'vm:2137' })
    expect(
      last()
        .targets.map(({ name }) => name)
        .sort(),
    ).toEqual(['again', 'exit3', 'hosty', 'none', 'paused', 'plain', 'shared', 'two'])
    expect(byName('two')).toEqual({
      id: idOf('two'),
      node: node.info.ID,
      name: 'two',
      place: { kind: 'standalone' },
      image: 'bb:2',
      labels: { 'prometheus.port': '9100' },
      state: 'running',
      addresses: [{ network: 'monitor', host: '172.18.0.2' }],
    })
    expect(byName('exit3')).toMatchObject({ state: 'stopped', exitCode: 3, addresses: [] })
    expect(byName('plain')?.unreachable?.code).toBe('no_address')
    expect(discovery!.status()).toEqual({ warnings: [] })
  })

  test('holds TARGETS too', async () => {
    await start({ TARGETS: 'box=http://[fd00::1]:9100/metrics' })
    expect(last().targets.at(-1)).toEqual({
      id: 'static:box',
      node: node.info.ID,
      name: 'box',
      place: { kind: 'standalone' },
      image: '',
      labels: {},
      state: 'running',
      addresses: [{ network: 'static', host: 'fd00::1' }],
      url: 'http://[fd00::1]:9100/metrics',
    })
  })

  test('holds TARGETS alone, without Docker', async () => {
    await start({ DOCKER_HOST: '', TARGETS: 'a=http://a:1/m b=http://b:2/m', NODE_NAME: 'desk' })
    expect(last().self).toEqual({
      node: 'desk',
      hostname: 'desk',
      swarm: false,
      manager: false,
      advertise: 'desk:2137',
    })
    expect(last().targets.map(({ id }) => id)).toEqual(['static:a', 'static:b'])
    expect(server.requests).toEqual([])
    expect(discovery!.status()).toEqual({ warnings: [] })
  })

  test.each([
    [{ dockerHost: 'tcp://a:1', targets: [] }, true, 'tcp://a:1'],
    [{ dockerHost: undefined, targets: [] }, true, 'unix:///var/run/docker.sock'],
    [{ dockerHost: undefined, targets: [{ name: 'a', url: 'http://a' }] }, true, undefined],
    [{ dockerHost: 'tcp://a:1', targets: [{ name: 'a', url: 'http://a' }] }, false, 'tcp://a:1'],
  ])('where Docker is, by %j with a socket: %s', (config, socket, host) => {
    expect(dockerHostOf(config, socket)).toBe(host)
  })

  test('is an error of the configuration where there is nothing to watch', () => {
    expect(() => dockerHostOf({ dockerHost: undefined, targets: [] }, false)).toThrow(
      'there is nothing to watch: no Docker socket at /var/run/docker.sock, and neither DOCKER_HOST nor TARGETS is set',
    )
  })

  test('never comes of another node’s API', async () => {
    const starting = start({}, ['f'.repeat(64)])
    await expect(starting).rejects.toThrow(/it is another node’s; give each agent its own node’s API/)
    await expect(starting).rejects.toBeInstanceOf(ConfigError)
    expect(found).toEqual([])
  })

  test('never comes where a proxy forbids the list', async () => {
    server.fault = (path, answer) => path.startsWith('/containers') && !!answer.writeHead(403).end()
    await expect(start()).rejects.toThrow('GET /containers/json with HTTP 403')
  })

  test('comes as soon as Docker answers, where it switched to another protocol before', async () => {
    server.fault = (_, answer) => switchProtocols(answer)
    const starting = start()
    let isStarted = false
    void starting.then(() => {
      isStarted = true
    })
    await eventually('the start', () => isStarted, 15_000, 100)
    expect(discovery!.status().failure?.reason).toContain('no answer within 10000 ms')
    server.fault = () => false
    await eventually('the first set', () => found.length > 0, 11_000, 100)
    expect(discovery!.status()).not.toHaveProperty('failure')
  })

  test('comes as soon as Docker answers', async () => {
    await server.close()
    await start()
    expect(found).toEqual([])
    expect(discovery!.status()).toEqual({
      failure: expect.objectContaining({
        code: 'not_ready',
        reason: expect.stringContaining('no such socket'),
      }),
      warnings: [],
    })
    await passTime(20_000)
    await server.open()
    await eventually('the first set', () => found.length > 0, 11_000, 100)
    expect(discovery!.status()).not.toHaveProperty('failure')
  })
})

describe('events', () => {
  test('are followed by the lists, not by a resync', async () => {
    await start()
    await streamOpen()
    const before = resyncs()
    change('exit3', { State: 'running', Status: 'Up 1 second' })
    server.emit(event('start', idOf('exit3')))
    await eventually('the start', () => byName('exit3')?.state === 'running', 100)
    remove('plain')
    server.emit(event('destroy', node.containers.find(({ Names }) => Names![0] === '/plain')!.Id))
    await eventually('the removal', () => !byName('plain'), 100)
    expect(resyncs()).toBe(before)
  })

  test('that do not matter cause no request', async () => {
    await start()
    await streamOpen()
    const before = server.requests.length
    server.emit(
      event('exec_create: sh -c true', idOf('two')),
      event('oom', idOf('two')),
      event('create', idOf('two')),
      { Type: 'image', Action: 'pull', Actor: { ID: 'x' } },
      { Type: 'network', Action: 'create', Actor: { ID: 'n', Attributes: { name: 'n' } } },
      {},
    )
    await passTime(1000)
    expect(server.requests).toHaveLength(before)
  })

  test('a death counts though the list does not show it yet', async () => {
    await start()
    await streamOpen()
    server.emit(event('die', idOf('two'), { exitCode: '137' }), event('disconnect', idOf('two')))
    await eventually('the death', () => byName('two')?.state === 'stopped', 100)
    expect(byName('two')).toMatchObject({ exitCode: 137, addresses: [] })
    await passTime(1000)
    expect(byName('two')?.state).toBe('stopped')
    change('two', { State: 'exited', Status: 'Exited (137) 1 second ago' })
    await passTime(1000)
    expect(found).toHaveLength(2)
  })

  test('a death is reported though Docker does not answer', async () => {
    await start()
    await streamOpen()
    server.fault = () => true
    server.emit(event('die', idOf('two'), { exitCode: '1' }))
    await eventually('the death', () => byName('two')?.state === 'stopped', 100)
  })

  test('a death whose start was missed is not believed for ever', async () => {
    await start()
    await streamOpen()
    server.emit(event('die', idOf('two'), { exitCode: '1' }))
    await eventually('the death', () => byName('two')?.state === 'stopped')
    await eventually('the list to be believed', () => byName('two')?.state === 'running', 31_000, 100)
  })

  test('in the wrong order, twice and about unknown containers lead to the right state', async () => {
    await start()
    await streamOpen()
    change('plain', { State: 'exited', Status: 'Exited (0) 1 second ago' })
    const [die, again, disconnect] = ['die', 'start', 'disconnect'].map((action) =>
      event(action, idOf('plain')),
    )
    server.emit(disconnect!, die!, again!, die!, die!, event('start', 'f'.repeat(64)), again!, disconnect!)
    await passTime(1000)
    expect(byName('plain')).toMatchObject({ state: 'stopped', exitCode: 0 })
    expect(last().targets).toHaveLength(found[0]!.targets.length)
  })

  test('of a death before the last start, late or twice, stop nothing: it is how the container ended before', async () => {
    await start()
    await streamOpen()
    const [die, startAgain] = [
      event('die', idOf('two'), { exitCode: '1' }, 1e18),
      event('start', idOf('two'), {}, 2e18),
    ]
    server.emit(startAgain, die, die)
    await passTime(1000)
    expect(found.map(({ targets }) => targets.find(({ name }) => name === 'two')?.state)).toEqual([
      'running',
      'running',
    ])
    expect(byName('two')?.run).toEqual({ restarts: 0, oomKills: 0, lastExitCode: 1 })
    server.emit(event('die', idOf('two'), { exitCode: '1' }, 3e18))
    await eventually('the death', () => byName('two')?.state === 'stopped', 100)
  })

  test('many at once lead to one reading, and one more for what the lists do not show yet', async () => {
    await start()
    await streamOpen()
    const before = server.requests.length
    server.emit(...rows().flatMap(({ Id }) => [event('start', Id), event('pause', Id), event('unpause', Id)]))
    await passTime(1000)
    const reading = ['GET /containers/json', 'GET /networks']
    expect(server.requests.slice(before)).toEqual([...reading, ...reading])
  })

  test('do not postpone the resync', async () => {
    await start()
    await streamOpen()
    const before = resyncs()
    await passTime(20_000)
    server.emit(event('start', idOf('two')))
    await passTime(11_000)
    expect(resyncs()).toBe(before + 1)
  })

  test('that keep coming leave a slow engine time for others', async () => {
    await start()
    await streamOpen()
    server.fault = (path, answer) =>
      path.startsWith('/containers') && !!clock.after(500, () => answer.end(JSON.stringify(rows())))
    const before = server.requests.length
    for (let sent = 0; sent < 100; sent += 1) {
      server.emit(event('start', idOf('two')))
      await passTime(100)
    }
    const readings = server.requests.slice(before).filter((request) => request === 'GET /containers/json')
    expect(readings.length).toBeGreaterThan(2)
    expect(readings.length).toBeLessThan(8)
  })

  test('of a removal count at once, though the list still has the container', async () => {
    await start()
    await streamOpen()
    server.emit(event('destroy', idOf('plain')))
    await eventually('the removal', () => !byName('plain'), 100)
    await passTime(2000)
    expect(byName('plain')).toBeUndefined()
  })

  test('that were missed are made up for by the next resync', async () => {
    await start()
    await streamOpen()
    remove('plain')
    await passTime(20_000)
    expect(byName('plain')).toBeDefined()
    await eventually('the resync', () => !byName('plain'), 11_000, 100)
  })
})

describe('a lost event stream', () => {
  test('is opened again, and what was missed is read', async () => {
    await start()
    await streamOpen()
    remove('plain')
    server.cutStreams()
    await eventually('the removal', () => !byName('plain'), 1000)
    await streamOpen()
    expect(discovery!.status().warnings).toEqual([])
  })

  test('hides what happens until it is open again: that is read then', async () => {
    await start()
    await streamOpen()
    server.fault = (path, answer) => path === '/events' && !!answer.destroy()
    server.cutStreams()
    await passTime(1000)
    remove('plain')
    server.fault = () => false
    await eventually('the removal', () => !byName('plain'), 6_000)
  })

  test('brings no removed container back, though an earlier list that still has it arrives afterwards', async () => {
    await start()
    await streamOpen()
    const [id, old] = [idOf('two'), JSON.stringify(rows())]
    let sendOld: (() => void) | undefined
    server.fault = (path, answer) => {
      if (sendOld || !path.startsWith('/containers')) return false
      sendOld = () => answer.end(old)
      return true
    }
    server.emit(event('rename', idOf('plain')))
    await eventually('the request', () => sendOld !== undefined)
    remove('two')
    server.emit(event('die', id, { exitCode: '0' }), event('destroy', id))
    await eventually('the removal', () => !byName('two'), 500)
    server.cutStreams()
    await passTime(500)
    const before = found.length
    sendOld!()
    await passTime(8_000)
    expect(found.slice(before - 1).flatMap(({ targets }) => targets.filter((one) => one.id === id))).toEqual(
      [],
    )
  })

  test('that ends as soon as it opens is reopened with backoff', async () => {
    await start()
    await streamOpen()
    server.fault = (path, answer) =>
      path === '/events' && !!answer.writeHead(200).write('', () => answer.destroy())
    server.cutStreams()
    const before = server.requests.length
    await passTime(20_000)
    const opened = server.requests.slice(before).filter((request) => request === 'GET /events').length
    expect(opened).toBeGreaterThan(5)
    expect(opened).toBeLessThan(20)
  })

  test('that is cut every ten minutes is reopened at once each time', async () => {
    await start()
    for (let cut = 0; cut < 7; cut += 1) {
      await streamOpen()
      await passTime(6_000)
      server.cutStreams()
      await eventually('the cut', () => server.listeners() === 0)
      const lostAt = clock.now()
      await eventually('the next stream', () => server.listeners() === 1)
      expect(clock.now() - lostAt).toBeLessThan(2_500)
      expect(discovery!.status().warnings).toEqual([])
    }
  })

  test('that a proxy forbids is a warning, and the lists are still read', async () => {
    server.fault = (path, answer) => path === '/events' && !!answer.writeHead(403).end()
    await start()
    await eventually('the warning', () => discovery!.status().warnings.length === 1)
    expect(discovery!.status()).not.toHaveProperty('failure')
    expect(discovery!.status().warnings[0]).toMatchObject({ reason: expect.stringContaining('GET /events') })
    remove('plain')
    await eventually('the resync', () => !byName('plain'), 31_000, 100)
  })
})

describe('an incomplete list', () => {
  const halved = () => rows().filter((_, at) => at % 2 === 0)
  const short: EngineServer['fault'] = (path, answer) =>
    path.startsWith('/containers') && !!answer.end(JSON.stringify(halved()))

  test('is read again before it is believed', async () => {
    await start()
    await streamOpen()
    server.fault = short
    server.emit(event('start', idOf('two')))
    await passTime(2000)
    expect(found).toHaveLength(1)
    server.fault = () => false
    await passTime(60_000)
    expect(found).toHaveLength(1)
  })

  test('is believed after five seconds', async () => {
    await start()
    await streamOpen()
    server.fault = short
    await passTime(60_000)
    expect(last().targets.length).toBeLessThan(found[0]!.targets.length)
  })
})

describe('while Docker fails', () => {
  test.each<[string, EngineServer['fault']]>([
    ['no answer', (_, answer) => !!answer.destroy()],
    ['half lists', (path, answer) => path.startsWith('/containers') && !!answer.end('[{"Id":"a"},')],
    ['errors', (_, answer) => !!answer.writeHead(500).end('{"message":"x"}')],
    ['errors without text', (_, answer) => !!answer.writeHead(500).end('{"message":{"toString":1}}')],
    ['timeouts', () => true],
    ['a switch to another protocol', (_, answer) => switchProtocols(answer)],
    ['refusals', (_, answer) => !!answer.writeHead(403).end()],
    ['a list without the agent', (path, answer) => path.startsWith('/containers') && !!answer.end('[]')],
  ])('with %s, the last set stays in use, the status says so, and it recovers', async (_, fault) => {
    await start({}, [idOf('agent')])
    await streamOpen()
    server.fault = fault
    server.cutStreams()
    await eventually('the failure', () => discovery!.status().failure !== undefined, 15_000, 100)
    await passTime(60_000)
    expect(found).toHaveLength(1)
    expect(discovery!.status()).toMatchObject({
      failure: { code: 'not_ready', reason: expect.any(String) },
    })

    server.fault = () => false
    remove('plain')
    await eventually('the recovery', () => !byName('plain'), 21_000, 100)
    expect(discovery!.status()).not.toHaveProperty('failure')
    await streamOpen()
  })

  test('a request without an answer ends with the reading in which another one fails', async () => {
    const unanswered = countUnanswered('/containers/json', '/networks')
    await start()
    await eventually('retries', () => unanswered.sent() > 3, 15_000)
    server.fault = () => false
    await eventually('the end of the requests', () => unanswered.open() === 0)
  })

  test('the event stream is reopened, since a proxy may keep a dead one open', async () => {
    await start()
    await streamOpen()
    server.fault = (path, answer) => path.startsWith('/containers') && !!answer.destroy()
    const opened = () => server.requests.filter((request) => request === 'GET /events').length
    server.emit(event('start', idOf('two')))
    await eventually('the new stream', () => opened() === 2)
    await eventually('the end of the old one', () => server.listeners() === 1)
  })

  test('a restart of Docker changes only what has changed', async () => {
    await start()
    await streamOpen()
    await server.close()
    await eventually('the failure', () => discovery!.status().failure !== undefined)
    remove('plain')
    await server.open()
    await eventually('the recovery', () => !byName('plain'), 11_000, 100)
    expect(found).toHaveLength(2)
  })
})

describe('too many', () => {
  test('containers: the newest and the stopped are left out, with a warning', async () => {
    const [plain] = rows().filter(({ Names }) => Names![0] === '/plain')
    const many = Array.from({ length: 2_100 }, (_, at) => ({
      ...plain!,
      Id: at.toString(16).padStart(64, '0'),
      Names: [`/c${at}`],
      Created: 1_000_000 - at,
      ...(at < 50 && { State: 'exited', Status: 'Exited (0) 1 second ago' }),
    }))
    server.answers['/containers/json'] = many
    await start()
    const names = last().targets.map(({ name }) => name)
    expect(names).toHaveLength(2_000)
    expect(names).toContain('c2099')
    expect(names).not.toContain('c49')
    expect(names).not.toContain('c99')
    expect(discovery!.status().warnings).toEqual([
      {
        code: 'overloaded',
        reason: 'of the 2100 containers of this node, the newest 100 are not watched',
        hint: 'remove stopped containers: at most 2000 are watched',
      },
    ])
  })

  test('characters in labels: they are left out, with a warning', async () => {
    change('plain', { Labels: { 'app-metrics-proxy.label.x': 'x'.repeat(20_000) } })
    await start()
    expect(byName('plain')!.labels).toEqual({})
    expect(discovery!.status().warnings).toEqual([
      { code: 'overloaded', reason: '1 labels of `plain` are not read: they are too long' },
    ])
  })
})

describe('a manager', () => {
  const asManager = () => {
    Object.assign(server.answers, {
      '/info': swarm.info,
      '/containers/json': [...swarm.containers],
      '/networks': swarm.networks,
      [`/networks/${swarm.gatewayBridge.Id}`]: swarm.gatewayBridge,
      '/services': swarm.services,
      '/tasks': swarm.tasks,
      '/nodes': swarm.nodes,
    })
  }
  const asWorker = () => {
    const { Cluster: _, ...rest } = swarm.info.Swarm!
    server.answers['/info'] = { ...swarm.info, Swarm: { ...rest, ControlAvailable: false } }
  }
  const swarmState = () => found.findLast((one) => one.swarmState)?.swarmState
  const scaleTo = (Replicas: number) => {
    server.answers['/services'] = swarm.services.map((service) =>
      service.Spec.Name === 'demo_web'
        ? { ...service, Spec: { ...service.Spec, Mode: { Replicated: { Replicas } } } }
        : service,
    )
  }
  const web = () => [...swarmState()!.services.values()].find(({ name }) => name === 'demo_web')!

  test('passes on the swarm state after each reading of it, with the time when that began', async () => {
    asManager()
    await start()
    await eventually('the swarm state', () => swarmState() !== undefined)
    expect(swarmState()!.swarmId).toBe(swarm.info.Swarm!.Cluster!.ID)
    expect(web()).toMatchObject({ replicas: 2, slots: ['1', '2'] })
    const first = swarmReading()!
    await passTime(65_000)
    const [readAt, firstReadAt] = [swarmReading()!.swarmStateReadAt!, first.swarmStateReadAt!]
    expect(readAt - firstReadAt).toBeGreaterThanOrEqual(30_000)
  })

  test('passes on no swarm state as new when containers change while it cannot be read', async () => {
    asManager()
    await start()
    await eventually('the swarm state', () => swarmState() !== undefined)
    await streamOpen()
    server.fault = (path, answer) => /services|tasks|nodes/.test(path) && !!answer.writeHead(500).end()
    await passTime(40_000)
    const { swarmStateReadAt } = swarmReading()!
    const [row] = rows()
    server.answers['/containers/json'] = rows().map((one) =>
      one === row ? { ...row!, Names: ['/renamed'] } : one,
    )
    server.emit({ Type: 'container', Action: 'rename', Actor: { ID: row!.Id } })
    await eventually('the new name', () => byName('renamed') !== undefined)
    expect(swarmReading()?.swarmStateReadAt).toBe(swarmStateReadAt)
  })

  test('knows its own tasks from a container with the same labels', async () => {
    asManager()
    const real = swarm.containers.find(({ Names }) => Names![0]!.startsWith('/demo_web.1'))!
    const forged = { ...real, Id: 'f'.repeat(64), Names: ['/forged'] }
    const unlike = {
      ...forged,
      Id: 'e'.repeat(64),
      Names: ['/unlike'],
      Labels: { ...real.Labels, 'com.docker.swarm.service.id': 'ze2hs8urzv6ciwzikiburlfl9' },
    }
    server.answers['/containers/json'] = [...swarm.containers, forged, unlike]
    await start()
    const placeOf = (name: string) => last().targets.find((target) => target.name.startsWith(name))!.place
    expect(placeOf('demo_web.1')).toMatchObject({ kind: 'replicated', provisional: true })
    await eventually('the tasks to be known', () => !('provisional' in placeOf('demo_web.1')))
    expect(placeOf('forged')).toMatchObject({ kind: 'replicated', provisional: true })
    expect(placeOf('unlike')).toEqual({ kind: 'standalone', claimedService: 'demo_web' })
    await eventually('the list read later', () => placeOf('forged').kind === 'standalone', 35_000, 100)
    expect(placeOf('forged')).toEqual({ kind: 'standalone', claimedService: 'demo_web' })
    server.answers['/tasks'] = []
    await passTime(65_000)
    expect(placeOf('demo_web.1')).toMatchObject({ kind: 'replicated', slot: '1' })
  })

  test('sees a service’s change at once, and follows while Swarm is changing it', async () => {
    asManager()
    await start()
    await eventually('the swarm state', () => swarmState() !== undefined)
    await streamOpen()
    scaleTo(1)
    server.emit({ Type: 'service', Action: 'update', Actor: { ID: 'x' } })
    await eventually('the new number', () => web().replicas === 1, 200)
    expect(web().slots).toEqual(['1', '2'])
    server.answers['/tasks'] = swarm.tasks.filter(({ Slot }) => Slot !== 2)
    await eventually('the slots', () => web().slots.length === 1, 2_500)
  })

  test('reads again for what follows from an event', async () => {
    asManager()
    await start()
    await eventually('the swarm state', () => swarmState() !== undefined)
    await streamOpen()
    await passTime(20_000)
    server.emit({ Type: 'service', Action: 'create', Actor: { ID: 'x' } })
    await passTime(1000)
    const agent = () => [...swarmState()!.services.values()].find(({ name }) => name === 'demo_agent')!
    server.answers['/tasks'] = swarm.tasks.filter(
      ({ ServiceID }) => ServiceID !== 'ze2hs8urzv6ciwzikiburlfl9',
    )
    await eventually('the end of the task', () => agent().replicas === 0, 2_500)
  })

  test('is noticed when the node becomes one, and stops being one', async () => {
    asManager()
    asWorker()
    await start()
    await streamOpen()
    await passTime(1000)
    expect(last()).toMatchObject({ self: { swarm: true, manager: false } })
    expect(server.requests.filter((request) => /services|tasks|nodes/.test(request))).toEqual([])

    server.answers['/info'] = swarm.info
    await eventually('the promotion', () => swarmState() !== undefined, 32_000, 100)
    expect(last().self.manager).toBe(true)

    asWorker()
    server.emit({ Type: 'node', Action: 'update', Actor: { ID: 'x' } })
    await eventually('the demotion', () => !last().self.manager && !last().swarmState, 1000)
  })

  describe('that changes its Swarm', () => {
    /** The node, its Swarm and the Swarm's service have the same number. */
    const enter = (number: number, isManager = true) => {
      const { Cluster: _, ...common } = swarm.info.Swarm!
      Object.assign(server.answers, {
        '/info': {
          ...swarm.info,
          Swarm: {
            ...common,
            NodeID: `node${number}`,
            ControlAvailable: isManager,
            ...(isManager && { Cluster: { ID: `swarm${number}` } }),
          },
        },
        '/services': isManager ? [{ ...swarm.services[0]!, ID: `service${number}` }] : undefined,
        '/tasks': isManager ? [] : undefined,
        '/nodes': isManager ? [{ ...swarm.nodes[0]!, ID: `node${number}` }] : undefined,
      })
    }
    const leave = () => {
      enter(0, false)
      server.answers['/info'] = { ...swarm.info, Swarm: { LocalNodeState: 'inactive' } }
    }
    const nodeEvent = { Type: 'node', Action: 'update', Actor: { ID: 'x' } }
    const idsIn = ({ self, swarmState }: Discovered) => [
      self.node,
      swarmState!.swarmId,
      ...swarmState!.services.keys(),
      ...swarmState!.nodes.keys(),
    ]
    const idsOf = (number: number) => [`node${number}`, `swarm${number}`, `service${number}`, `node${number}`]
    const passedOn = () => found.filter((one) => one.swarmState)
    const hasPassedOn = (number: number) =>
      isDeepStrictEqual(idsIn(passedOn().at(-1)!), idsOf(number)) && last().self.node === `node${number}`

    /** Answers to these wait for their turn: with what was so at the request, or with what is so now. */
    let held: ((isOld: boolean) => void)[] = []
    const hold = (paths: RegExp) => {
      held = []
      server.fault = (path, answer) => {
        if (!paths.test(path)) return false
        const old = server.answers[path]
        held.push((isOld) => {
          const body = isOld ? old : server.answers[path]
          answer
            .writeHead(body === undefined ? 503 : 200)
            .end(JSON.stringify(body ?? { message: 'no manager' }))
        })
        return true
      }
    }
    const begin = async () => {
      asManager()
      enter(1)
      await start()
      await eventually('the swarm state', () => passedOn().length > 0)
      await streamOpen()
    }

    test.each([
      ['of the Swarm before', 'arrived after it had entered another', true],
      ['of the other Swarm', 'arrived before it was known to be in it', false],
    ])('passes on nothing %s that %s', async (_, __, isOld) => {
      await begin()
      hold(isOld ? /services/ : /info|services/)
      server.emit({ Type: 'service', Action: 'update', Actor: { ID: 'x' } })
      await eventually('the request', () => held.length === 1)
      enter(2)
      server.emit(nodeEvent)
      if (isOld) await eventually('the other node', () => last().self.node === 'node2')
      held[0]!(isOld)
      await passTime(1000)
      expect(idsIn(passedOn().at(-1)!)).toEqual(idsOf(1))
      server.fault = () => false
      for (const send of held.slice(1)) send(false)
      await eventually('the other Swarm', () => hasPassedOn(2), 40_000, 100)
    })

    test('passes on only lists of the Swarm in which its node was last reported', async () => {
      const kind = fc.constantFrom(
        'enter',
        'leave',
        'demote',
        'promote',
        'event',
        'send',
        'send',
        'send',
        'pass',
      )
      const steps = fc.array(fc.record({ kind, at: fc.nat(2), isOld: fc.boolean() }), {
        minLength: 10,
        maxLength: 30,
        size: 'max',
      })
      const run = async (all: typeof steps extends fc.Arbitrary<infer T> ? T : never) => {
        await discovery?.stop()
        found = []
        server.fault = () => false
        await begin()
        hold(/info|services|tasks|nodes/)
        let [number, isIn] = [1, true]
        for (const { kind, at, isOld } of all) {
          if (kind === 'enter') number += 1
          if (kind === 'enter' || (kind === 'promote' && isIn)) enter(number)
          if (kind === 'demote' && isIn) enter(number, false)
          if (kind === 'leave') leave()
          if (kind === 'enter' || kind === 'leave') isIn = kind === 'enter'
          if (kind === 'event') server.emit(nodeEvent)
          if (kind === 'send') held.splice(at, 1)[0]?.(isOld)
          if (kind === 'pass') await clock.pass(2_000)
          await passTime(20)
        }
        for (const one of passedOn()) {
          expect(one.self.manager).toBe(true)
          expect(idsIn(one)).toEqual(idsOf(Number(one.self.node.slice('node'.length))))
        }
        server.fault = () => false
        for (const send of held) send(false)
        enter(number)
        server.emit(nodeEvent)
        await eventually('the last Swarm', () => hasPassedOn(number), 60_000, 100)
      }
      await fc.assert(fc.asyncProperty(steps, run), { numRuns: 30 })
    })
  })

  test('behind a proxy that forbids its lists reports what is missing', async () => {
    asManager()
    server.fault = (path, answer) => /services|tasks|nodes/.test(path) && !!answer.writeHead(403).end()
    await start()
    await eventually('the warning', () => discovery!.status().warnings.length === 1)
    expect(discovery!.status().warnings[0]).toMatchObject({
      reason: expect.stringMatching(/GET \/(services|tasks|nodes) with HTTP 403/),
      hint: expect.stringContaining('on managers for services, tasks and nodes'),
    })
    expect(swarmState()).toBeUndefined()
    server.fault = () => false
    await eventually('the swarm state', () => swarmState() !== undefined, 31_000, 100)
    expect(discovery!.status().warnings).toEqual([])
  })

  test('ends a request for a list without an answer when that for another one fails', async () => {
    asManager()
    const unanswered = countUnanswered('/tasks', '/services')
    await start()
    await eventually('retries', () => unanswered.sent() > 3, 30_000, 100)
    server.fault = () => false
    await eventually('the end of the requests', () => unanswered.open() === 0)
  })

  test('whose lists a proxy answers with another protocol reads them again', async () => {
    asManager()
    server.fault = (path, answer) => path === '/services' && switchProtocols(answer)
    await start()
    await eventually('the warning', () => discovery!.status().warnings.length === 1, 11_000, 100)
    server.fault = () => false
    await eventually('the swarm state', () => swarmState() !== undefined, 31_000, 100)
    expect(discovery!.status().warnings).toEqual([])
  })

  test('on the host reaches overlay networks over docker_gwbridge, also what has just started', async () => {
    asManager()
    const { Containers, ...bare } = swarm.gatewayBridge
    server.answers[`/networks/${bare.Id}`] = bare
    const web1 = () => last().targets.find(({ name }) => name.startsWith('demo_web.1'))!
    await start()
    await streamOpen()
    expect(web1().unreachable?.code).toBe('no_address')
    server.answers[`/networks/${bare.Id}`] = { ...bare, Containers }
    server.emit(event('start', web1().id))
    await eventually('the address', () => web1().addresses.length === 1, 100)
    expect(web1().addresses).toEqual([{ network: 'docker_gwbridge', host: '172.21.0.6' }])
  })
})

test('every request is a GET of a section that the documentation names', async () => {
  await start()
  await streamOpen()
  server.emit(event('start', idOf('two')))
  await passTime(31_000)
  expect(new Set(server.requests)).toEqual(
    new Set(['GET /info', 'GET /containers/json', 'GET /networks', 'GET /events']),
  )
})
