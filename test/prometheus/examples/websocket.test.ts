import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { settingsOf } from '../../../src/labels/settings.ts'
import { service, swarmState } from '../../helpers/cluster.ts'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'
import { startAgents } from '../parts/agents.ts'
import { nodesAt, startResponder } from '../parts/cluster.ts'
import { startCollecting } from '../parts/collect.ts'
import { expectData, hurried, read, startScript } from '../parts/example.ts'
import { startPrometheus } from '../parts/prometheus.ts'
import { started } from '../parts/started.ts'

const { labels } = parse(read('websocket/stack.yml')).services.room.deploy

/** A real one, Debian's. */
function startNats(port: number) {
  const child = spawn('nats-server', ['--addr', '127.0.0.1', '--port', `${port}`], { stdio: 'ignore' })
  return {
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function startLoad(port: number, clients: number, slow: number) {
  const settings = { WEBSOCKET_URL: `ws://127.0.0.1:${port}/`, CLIENTS: clients, SLOW: slow }
  return started(startScript('websocket/app/load.mjs', settings))
}

test('one room over two replicas: messages, slow clients, too many, and no NATS', async () => {
  expect(settingsOf({}, labels)).toMatchObject({ port: { value: 8080 }, remarks: [] })
  const [bus, ...ports] = [await freePort(), await freePort(), await freePort()]
  const nats = started(startNats(bus))
  const room = { NATS_HOST: '127.0.0.1', NATS_PORT: bus, MAX_CONNECTIONS: 20, PING_SECONDS: 1 }
  for (const port of ports) started(startScript('websocket/app/server.mjs', { ...room, PORT: port }))
  const health = async () =>
    Promise.all(
      ports.map(async (port) => {
        const answer = await fetch(`http://127.0.0.1:${port}/health`)
        return { status: answer.status, ...((await answer.json()) as object) }
      }),
    )
  await until('both to have NATS', async () => (await health()).every(({ status }) => status === 200))
  startLoad(ports[0]!, 6, 1)
  startLoad(ports[1]!, 4, 0)

  const agents = await startAgents(
    'swarm',
    ports.map((port) => [`websocket_room=http://127.0.0.1:${port}/metrics`]),
  )
  agents.forEach(started)
  // the manager's word: without a Swarm, a store that was given it
  const manager = started(await startResponder('swarm'))
  manager.learn({
    nodes: nodesAt(manager.address),
    swarmState: swarmState([service('websocket_room', { labels })]),
  })
  const prometheus = started(
    await startPrometheus(
      hurried(read('websocket/prometheus.yml'), { 'metrics_agent:2137': agents[0]!.address }),
    ),
  )
  started(startCollecting([`swarm=${manager.url}`], join(prometheus.folder, 'from-labels'), prometheus))
  const names = ['full', 'memory', 'nats', 'slow'].map((name) => `websocket_room_${name}`)
  await until('four rules', async () => (await prometheus.rules()).length === 4)
  expect((await prometheus.rules()).toSorted()).toEqual(names)
  const firing = async () =>
    (await prometheus.alerts()).flatMap(({ state, labels }) => (state === 'firing' ? labels.alertname! : []))
  const fires = (name: string) =>
    until(`${name} to fire`, async () => (await firing()).includes(`websocket_room_${name}`), {
      within: 60_000,
    })

  await expectData(prometheus, 'websocket/dashboard.json')
  // each of ten hears each of ten: what is sent is ten times what is received
  const rate = 'sum by (direction) (rate(websocket_messages_total[10s]))'
  await until('everybody to hear everybody', async () => {
    const found = await prometheus.query(rate)
    const of = (direction: string) => found.find(({ labels }) => labels.direction === direction)?.value ?? 0
    return of('received') > 5 && of('sent') / of('received') > 7
  })
  const dropped = 'sum by (why) (websocket_slow_clients_dropped_total) > 0'
  const [slow] = await until('the slow one to be dropped', async () => {
    const found = await prometheus.query(dropped)
    return found.length > 0 && found
  })
  expect(slow!.labels).toEqual({ why: 'silent' })
  expect(await firing()).toEqual([])

  startLoad(ports[0]!, 16, 0)
  await fires('full')
  expect((await health())[0]).toMatchObject({ connections: 20, capacity: 20 })
  await until('some to be refused', async () => {
    const [refused] = await prometheus.query('sum(websocket_connections_refused_total)')
    return refused!.value > 0
  })
  startLoad(ports[1]!, 0, 14)
  await fires('slow')
  await nats.stop()
  await fires('nats')
  expect((await health()).map(({ status }) => status)).toEqual([503, 503])
})
