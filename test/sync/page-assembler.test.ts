// The large pages of a peer, which are repacked in threads.

import { expect, test } from 'vitest'
import { createStore, type Store } from '../../src/store/store.ts'
import { bodyOf, pack } from '../../src/sync/codec.ts'
import { createPageAssembler } from '../../src/sync/page-assembler.ts'
import { virtualClock } from '../helpers/clock.ts'
import { until } from '../helpers/until.ts'
import { found, self, target } from '../store/samples.ts'

test('one at a time, however many have become long', async () => {
  const clock = virtualClock()
  const store = createStore({ clock, forgetAfterMs: 300_000, version: '1' })
  store.identify(self('n1'))
  store.peers.setAgent({ self: self('n2'), version: '1', epoch: 'e' })
  const events: string[] = []
  const peers: Store['peers'] = {
    ...store.peers,
    records(node) {
      const records = new Map(store.peers.records(node))
      return Object.assign(records, {
        get(id: string) {
          events.push(`${id} read`)
          return store.peers.records(node).get(id)
        },
      })
    },
    update(node, id, update) {
      events.push(`${id} ${update.kind}`)
      store.peers.update(node, id, update)
    },
  }
  const fail = ({ reason }: { reason: string }) => events.push(reason)
  const link = { send: () => events.push('sent'), fail }
  const assembler = createPageAssembler({ node: 'n2', peers, link, clock, maxBodyBytes: 2 ** 22 })

  const bodies = Array.from({ length: 10 }, (_, n) => Buffer.alloc(2 ** 20 + 1 + n, 'filler 0.12345\n'))
  const frames = bodies.map((body, n) => pack(body, bodies[n - 1]))
  const ids = ['a', 'b', 'c']
  for (const id of ids) {
    const listing = { target: target(id, { node: 'n2' }), probeResult: found, generation: 1 }
    store.peers.update('n2', id, { kind: 'listing', number: 1, value: listing })
    for (const [n, frame] of frames.entries()) {
      const value = assembler.assemble({
        ...{ kind: 'page', id, number: n + 2, base: n === 0 ? 0 : n + 1, ageMs: 0, durationMs: 1 },
        ...{ format: 'text/0.0.4', series: 1, remarks: [], frames: [frame] },
      })
      store.peers.update('n2', id, { kind: 'snapshot', number: n + 2, value: value! })
    }
  }
  events.length = 0
  await until('all', () => events.filter((event) => event.endsWith('repacked')).length === ids.length)
  expect(events).toEqual(ids.flatMap((id) => [`${id} read`, `${id} read`, `${id} repacked`]))
  for (const id of ids) {
    const { content, ...page } = store.peers.records('n2').get(id)!.page!.value
    expect(content).toMatchObject({ frames: [{ size: bodies[9]!.length }] })
    expect(bodies[9]!.equals(bodyOf({ content, ...page }))).toBe(true)
  }
})
