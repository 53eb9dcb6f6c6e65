// The pages of peers: large ones are repacked in threads, those for which there is no room are not requested.

import { randomBytes } from 'node:crypto'
import pLimit from 'p-limit'
import { expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import type { ZstdFrame } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { bodyOf, pack } from '../../src/sync/codec.ts'
import type { PageMessage } from '../../src/sync/messages.ts'
import { createPageAssembler } from '../../src/sync/page-assembler.ts'
import { virtualClock } from '../helpers/clock.ts'
import { until } from '../helpers/until.ts'
import { found, self, target } from '../store/samples.ts'

const clock = virtualClock()

function openStore(nodes: readonly string[], maxPeerPageBytes = Number.POSITIVE_INFINITY): Store {
  const store = createStore({ clock, forgetAfterMs: 300_000, version: '1', maxPeerPageBytes })
  store.identify(self('n1'))
  for (const node of nodes) store.peers.setAgent({ self: self(node), version: '1', epoch: node })
  return store
}

function list(store: Store, node: string, id: string): void {
  const listing = { target: target(id, { node }), probeResult: found, generation: 1 }
  store.peers.update(node, id, { kind: 'listing', number: 1, value: listing })
}

const page = (id: string, number: number, base: number, frame: ZstdFrame): PageMessage => ({
  ...{ kind: 'page', id, number, base, ageMs: 0, durationMs: 1 },
  ...{ format: 'text/0.0.4', series: 1, remarks: [], frames: [frame] },
})

test('large ones are repacked one at a time, however many have become long, of however many peers', async () => {
  const ids = ['a', 'b', 'c']
  const nodeOf = (id: string) => `node-of-${id}`
  const store = openStore(ids.map(nodeOf))
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
  const repackLimit = pLimit(1)

  const bodies = Array.from({ length: 10 }, (_, n) => Buffer.alloc(2 ** 20 + 1 + n, 'filler 0.12345\n'))
  const frames = bodies.map((body, n) => pack(body, bodies[n - 1]))
  for (const id of ids) {
    const node = nodeOf(id)
    const assembler = createPageAssembler({ node, peers, link, clock, maxBodyBytes: 2 ** 22, repackLimit })
    list(store, node, id)
    for (const [n, frame] of frames.entries()) {
      const value = assembler.assemble(page(id, n + 2, n === 0 ? 0 : n + 1, frame))
      store.peers.update(node, id, { kind: 'snapshot', number: n + 2, value: value! })
    }
  }
  events.length = 0
  await until('all', () => events.filter((event) => event.endsWith('repacked')).length === ids.length)
  expect(events).toEqual(ids.flatMap((id) => [`${id} read`, `${id} read`, `${id} repacked`]))
  for (const id of ids) {
    const { content, ...page } = store.peers.records(nodeOf(id)).get(id)!.page!.value
    expect(content).toMatchObject({ frames: [{ size: bodies[9]!.length }] })
    expect(bodies[9]!.equals(bodyOf({ content, ...page }))).toBe(true)
  }
})

test('one that can’t be repacked ends the link, whatever the peer has done meanwhile', async () => {
  const store = openStore(['n2'])
  const failures: string[] = []
  const link = { send: () => {}, fail: ({ reason }: { reason: string }) => failures.push(reason) }
  const peers: Store['peers'] = {
    ...store.peers,
    update(node, id, update) {
      if (update.kind === 'unusable') throw new ProxyError('protocol', 'no such target')
      store.peers.update(node, id, update)
    },
  }
  const { assemble } = createPageAssembler({
    ...{ node: 'n2', peers, link, clock, maxBodyBytes: 2 ** 22, repackLimit: pLimit(1) },
  })
  list(store, 'n2', 'a')
  const full = pack(Buffer.alloc(2 ** 20 + 1, 'filler 0.12345\n'))
  const delta = { size: full.size, bytes: new Uint8Array(full.bytes.length) }
  for (const [number, base, frame] of [
    [2, 0, full],
    [3, 2, delta],
  ] as const) {
    const value = assemble(page('a', number, base, frame))!
    store.peers.update('n2', 'a', { kind: 'snapshot', number, value })
  }
  await until('the end', () => failures.length > 0)
  expect(failures).toEqual(['no such target'])
})

test('one that has no room is not requested again at each update, but as soon as it has', () => {
  const store = openStore(['n2'], 1000)
  const sent: string[] = []
  const link = { send: ({ kind }: { kind: string }) => sent.push(kind), fail: () => {} }
  const { assemble } = createPageAssembler({
    ...{ node: 'n2', peers: store.peers, link, clock, maxBodyBytes: 2 ** 22, repackLimit: pLimit(1) },
  })
  const bodies = Array.from({ length: 5 }, () => randomBytes(600))
  const receive = (id: string, number: number, base: number) => {
    const value = assemble(page(id, number, base, pack(bodies[number - 2]!, bodies[base - 2])))
    if (value) store.peers.update('n2', id, { kind: 'snapshot', number, value })
    const snapshot = store.entry('n2', id)?.snapshot
    return snapshot?.ok ? 'ok' : snapshot?.failure.code
  }
  list(store, 'n2', 'a')
  list(store, 'n2', 'b')
  expect([receive('a', 2, 0), receive('b', 2, 0)]).toEqual(['ok', 'overloaded'])
  expect([receive('b', 3, 2), receive('b', 4, 3), sent]).toEqual(['overloaded', 'overloaded', []])
  // what a refresh waits for has arrived
  expect(store.peers.records('n2').get('b')?.snapshot?.number).toBe(4)
  store.peers.delete('n2', 'a')
  expect([receive('b', 5, 4), sent]).toEqual(['overloaded', ['resend']])
  expect([receive('b', 5, 0), receive('b', 6, 5), sent]).toEqual(['ok', 'ok', ['resend']])
})

test.each([200, 2 ** 20 + 1])(
  'a page of %i bytes from before the link is built upon only if that fits',
  (size) => {
    const clock = virtualClock()
    const store = createStore({ clock, forgetAfterMs: 300_000, version: '1' })
    store.identify(self('n1'))
    store.peers.setAgent({ self: self('n2'), version: '1', epoch: 'e' })
    const sent: string[] = []
    const link = { send: ({ kind }: { kind: string }) => sent.push(kind), fail: () => sent.push('failed') }
    const assembler = () =>
      createPageAssembler({
        ...{ node: 'n2', peers: store.peers, link, clock, maxBodyBytes: 2 ** 22, repackLimit: pLimit(1) },
      })
    const [first, other, next] = ['x 1\n', 'other 0.12345\n', 'other 0.12346\n'].map((line) =>
      Buffer.alloc(size, line),
    )
    const message = (number: number, base: number, body: Buffer, before?: Buffer) => ({
      ...{ kind: 'page' as const, id: 'a', number, base, ageMs: 0, durationMs: 1 },
      ...{ format: 'text/0.0.4' as const, series: 1, remarks: [], frames: [pack(body, before)] },
    })
    const listing = { target: target('a', { node: 'n2' }), probeResult: found, generation: 1 }
    store.peers.update('n2', 'a', { kind: 'listing', number: 1, value: listing })
    const value = assembler().assemble(message(2, 0, first!))!
    store.peers.update('n2', 'a', { kind: 'snapshot', number: 2, value })

    // a copy of the owner's process gave the number 2 to other metrics
    expect(assembler().assemble(message(3, 2, next!, other))).toBeUndefined()
    expect(sent).toEqual(['resend'])
    const isLarge = size > 200
    expect(assembler().assemble(message(3, 2, next!, first)) === undefined).toBe(isLarge)
    expect(sent).toEqual(isLarge ? ['resend', 'resend'] : ['resend'])
  },
)
