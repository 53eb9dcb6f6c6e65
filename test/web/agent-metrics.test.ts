import { expect, test } from 'vitest'
import type { ClientRequest } from '../../src/http/answer.ts'
import { reportRequests } from '../../src/web/client-requests.ts'
import { service, swarmState } from '../helpers/cluster.ts'
import { until } from '../helpers/until.ts'
import { node, standalone } from '../store/world.ts'
import { failed, read, startAgent } from './agent.ts'

const one = node('n1', 'one', 'self')
const swarmNode = { ...one, self: { ...one.self, swarm: true } }

test('a link is 0 for each agent that is expected and is not connected, whether or not it was ever connected', async () => {
  const known = swarmState([], ['n1', 'n2', 'n3', 'n4', 'n5'])
  const named = [
    ['n1', { ...known.nodes.get('n1')!, hostname: 'one' }],
    ['n2', { ...known.nodes.get('n2')!, hostname: 'two' }],
  ] as const
  const drained = ['n4', 'n5'].map((id) => [id, { ...known.nodes.get(id)!, availability: 'drain' }] as const)
  const agent = await startAgent({
    nodes: [node('n1', 'one', 'self'), node('n2', 'two', 'lost'), node('n4', 'four', 'lost')],
    swarmState: { ...known, nodes: new Map([...known.nodes, ...named, ...drained]) },
    problems: [{ key: 'node n2', severity: 'error', about: 'node', text: 'two: the link is lost' }],
  })
  const { text } = await agent.ask('/metrics')
  expect(text.match(/^app_metrics_proxy_link_up.*$/gm)).toEqual([
    'app_metrics_proxy_link_up{node="one",node_id="n1"} 1',
    'app_metrics_proxy_link_up{node="two",node_id="n2"} 0',
    'app_metrics_proxy_link_up{node="n3",node_id="n3"} 0',
  ])
  expect(text).toContain('\napp_metrics_proxy_problems{severity="error",about="node"} 1\n')
  await agent.stop()
})

test('the agent’s own metrics show its version, its targets, links and requests', async () => {
  const agent = await startAgent({
    nodes: [node('n1', 'one', 'self'), { ...node('n2', 'two', 'lost'), roundTripMs: 2 }],
    entries: [
      { ...standalone('n1', 'a'), snapshot: read('a 1\n') },
      { ...standalone('n1', 'b'), snapshot: failed('connection_refused', 'refused') },
      standalone('n1', 'e', { isSearched: true }),
      { ...standalone('n2', 'c'), snapshot: read('c 1\n') },
      standalone('n2', 'd', { ended: { at: 0, removed: true } }),
    ],
  })
  await agent.ask('/-/healthy')
  const { text, headers } = await agent.ask('/metrics')
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  for (const line of [
    'app_metrics_proxy_build_info{version="1.2.3"} 1',
    'app_metrics_proxy_targets{node="one",node_id="n1",state="up"} 1',
    'app_metrics_proxy_targets{node="one",node_id="n1",state="down"} 1',
    'app_metrics_proxy_targets{node="one",node_id="n1",state="searching"} 1',
    // it was up when its node was lost
    'app_metrics_proxy_targets{node="two",node_id="n2",state="lost"} 1',
    'app_metrics_proxy_targets{node="two",node_id="n2",state="ended"} 1',
    'app_metrics_proxy_link_up{node="one",node_id="n1"} 1',
    'app_metrics_proxy_link_up{node="two",node_id="n2"} 0',
    'app_metrics_proxy_link_round_trip_seconds{node="two",node_id="n2"} 0.002',
    'app_metrics_proxy_http_requests_total{route="/-/healthy",status="200"} 1',
  ])
    expect(text.split('\n')).toContain(line)
  await agent.stop()
})

test('what the managers know is at a path of its own, in whatever format the client accepts', async () => {
  const state = swarmState([service('shop_web', { replicas: 3, running: 2 })])
  const agent = await startAgent({ nodes: [swarmNode], swarmState: state })
  const plain = await agent.ask('/-/swarm')
  expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(plain.text).toContain('\napp_metrics_proxy_swarm_service_replicas_running{service="shop_web"} 2\n')
  const accept = 'application/openmetrics-text; version=1.0.0'
  const openMetrics = await agent.ask('/-/swarm', { headers: { accept } })
  expect(openMetrics.headers['content-type']).toContain('application/openmetrics-text')
  expect(openMetrics.text).toMatch(/# EOF\n$/)
  await agent.stop()
})

test('what the managers know is never frozen: only its age is left once it is too old', async () => {
  const old = { swarmState: swarmState([service('web')]), swarmStateAgeMs: 300_000 }
  const agent = await startAgent({ nodes: [swarmNode], ...old })
  const { status, text } = await agent.ask('/-/swarm')
  expect(status).toBe(200)
  expect(text.match(/^[^#].*$/gm)).toEqual(['app_metrics_proxy_swarm_state_age_seconds 300'])
  await agent.stop()
})

test('without a Swarm there is nothing that managers know; before it is known, 503', async () => {
  const alone = await startAgent({ nodes: [{ ...one, self: { ...one.self, swarm: false } }] })
  expect(await alone.ask('/-/swarm')).toMatchObject({ status: 404, text: expect.stringContaining('Swarm') })
  await alone.stop()
  const young = await startAgent({ nodes: [swarmNode], pending: () => ['the swarm state'] })
  expect(await young.ask('/-/swarm')).toMatchObject({ status: 503 })
  await young.stop()
})

test('whoever scrapes the agent’s own metrics or those of the Swarm is one of its clients', async () => {
  const requests: string[] = []
  const record = ({ subject, path }: ClientRequest) => void requests.push(`${subject} ${path}`)
  const agent = await startAgent({
    nodes: [swarmNode],
    plugins: [(server) => reportRequests(server, record)],
  })
  for (const path of ['/metrics', '/-/swarm', '/-/healthy']) await agent.ask(path)
  await until('both', () => requests.length === 2)
  expect(requests).toEqual(['metrics /metrics', 'metrics /-/swarm'])
  await agent.stop()
})
