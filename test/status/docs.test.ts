import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Entry } from '../../src/model.ts'
import { service, swarmState } from '../helpers/cluster.ts'
import { container, failing, healthy, nodeView, pageOf, place, startScene } from '../helpers/scene.ts'
import { ask } from '../web/agent.ts'

const manual = readFileSync('docs/STATUS.md', 'utf8')
const documented = new Set([...manual.matchAll(/`(\w+)`/g)].map(([, word]) => word))
/** Whose keys are the containers' own. */
const foreign = ['labels']

function keysOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    key,
    ...(foreign.includes(key) ? [] : keysOf(inner)),
  ])
}

test('every field of the status is documented', async () => {
  const histogram = '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 1\nh_count 3\n'
  const page = pageOf(`# TYPE up gauge\nup 1\n${histogram}`)
  const web = healthy(container('n1', 'shop_web.1.x', place('shop_web', '1')), { page })
  const run = { health: 'unhealthy' as const, restarts: 1, oomKills: 1, lastExitCode: 1 }
  const stopped: Entry = {
    ...web,
    target: { ...web.target, id: 'b', run },
    ended: { at: 0, exitCode: 1, removed: true },
  }
  const down = failing(container('n1', 'a', { kind: 'standalone' }), 'refused', 'a hint')
  const failure = { code: 'protocol' as const, reason: 'r', hint: 'm' }
  const known = swarmState([{ ...service('shop_web'), updateState: 'paused' }], ['n1', 'n5'])
  const drained = { ...known.nodes.get('n1')!, availability: 'drain' }
  const scene = await startScene({
    entries: [web, stopped, down],
    nodes: [nodeView('n1', 'node1', 'self', {}, 1), { ...nodeView('n2', 'node2', 'up'), failure }],
    swarmState: { ...known, nodes: new Map([...known.nodes, ['n1', drained]]) },
    ambiguities: [failure],
  })
  try {
    const get = async (path: string) =>
      JSON.parse((await ask(scene.port, path, { headers: { accept: 'application/json' } })).text)
    for (const _ of [1, 2]) await ask(scene.port, '/sd')
    const all = [await get('/'), await get(`/?target=n1/${web.target.id}`)]
    expect(keysOf(all).filter((key) => !documented.has(key))).toEqual([])
    expect(new Set(keysOf(all)).size).toBeGreaterThan(60)
  } finally {
    await scene.stop()
  }
})
