import { expect, test } from 'vitest'
import { swarmState } from '../helpers/cluster.ts'
import { node, standalone } from '../store/world.ts'
import { failed, read, startAgent } from './agent.ts'

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
    nodes: [node('n1', 'one', 'self'), { ...node('n2', 'two', 'lost'), roundTrip: 2 }],
    entries: [
      { ...standalone('n1', 'a'), snapshot: read('a 1\n') },
      { ...standalone('n1', 'b'), snapshot: failed('refused', 'refused') },
      standalone('n2', 'c', { answers: false }),
      standalone('n2', 'd', { ended: { at: 0, removed: true } }),
    ],
  })
  await agent.ask('/-/healthy')
  const { text, headers } = await agent.ask('/metrics')
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  for (const line of [
    'app_metrics_proxy_build_info{version="1.2.3"} 1',
    'app_metrics_proxy_targets{node="one",node_id="n1",state="up"} 1',
    'app_metrics_proxy_targets{node="one",node_id="n1",state="failing"} 1',
    'app_metrics_proxy_targets{node="two",node_id="n2",state="searching"} 1',
    'app_metrics_proxy_targets{node="two",node_id="n2",state="ended"} 1',
    'app_metrics_proxy_link_up{node="one",node_id="n1"} 1',
    'app_metrics_proxy_link_up{node="two",node_id="n2"} 0',
    'app_metrics_proxy_link_round_trip_seconds{node="two",node_id="n2"} 0.002',
    'app_metrics_proxy_http_requests_total{route="/-/healthy",status="200"} 1',
  ])
    expect(text.split('\n')).toContain(line)
  await agent.stop()
})
