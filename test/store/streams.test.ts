// The streams of a target beside its text: entries of their own that follow the target's.

import { beforeEach, expect, test } from 'vitest'
import { type Change, streamId } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { virtualClock } from '../helpers/clock.ts'
import { self, snapshot, target } from './samples.ts'

const stream = streamId('a', 'protobuf')
let store: Store
/** What listeners for targets and for streams were called with. */
let changes: { targets: string[]; streams: string[] }

const idOf = (change: Change) =>
  change.kind === 'entry' ? change.entry.target.id : change.kind === 'deleted' ? `-${change.id}` : change.kind

beforeEach(() => {
  store = createStore({ clock: virtualClock(), forgetAfterMs: 300_000, version: 'test' })
  store.identify(self())
  store.replaceTargets([target('a'), target('b')])
  changes = { targets: [], streams: [] }
  store.subscribe((change) => changes.targets.push(idOf(change)))
  store.subscribeToStreams((change) => changes.streams.push(idOf(change)))
})

const ids = () => [...store.entries()].map(({ target: { id } }) => id)

test('a stream is not listed among the targets, and only those who subscribe to streams learn of it', () => {
  store.openStream('a')
  store.putSnapshot(stream, snapshot(1))
  expect(ids()).toEqual(['a', 'b'])
  expect(changes).toEqual({ targets: [], streams: [stream, stream] })
  expect([...store.ownNode.entries()].map(({ entry }) => entry.target.id)).toEqual(['a', 'b', stream])
})

test('a stream has snapshots and numbers of its own', () => {
  store.openStream('a')
  store.putSnapshot('a', snapshot(1))
  store.putSnapshot(stream, snapshot(2))
  expect([store.entry('n1', 'a')?.snapshot, store.entry('n1', stream)?.snapshot]).toEqual([
    snapshot(1),
    snapshot(2),
  ])
  expect(store.ownNode.entry(stream)!.snapshotNumber).toBeGreaterThan(
    store.ownNode.entry('a')!.snapshotNumber,
  )
})

test('what is known of the target is known of its stream', () => {
  store.openStream('a')
  store.putSnapshot(stream, snapshot(2))
  const probeResult = { kind: 'found', endpoint: { url: 'http://x/', port: 80, source: 'scanned' } } as const
  store.putProbeResult('a', probeResult)
  expect(store.entry('n1', stream)).toMatchObject({
    probeResult,
    endpoint: probeResult.endpoint,
    snapshot: snapshot(2),
  })
  store.replaceTargets([target('a', { state: 'paused' }), target('b')])
  expect(store.entry('n1', stream)?.target).toMatchObject({ id: stream, state: 'paused' })
})

test('a stream is gone with its target, or when it is closed', () => {
  store.openStream('a')
  store.openStream('b')
  store.closeStream('b')
  store.replaceTargets([target('b')])
  expect([store.entry('n1', stream), store.entry('n1', streamId('b', 'protobuf'))]).toEqual([
    undefined,
    undefined,
  ])
  expect(changes.streams.filter((id) => id.startsWith('-'))).toEqual([
    `-${streamId('b', 'protobuf')}`,
    `-${stream}`,
    '-a',
  ])
  expect(changes.targets).toEqual(['-a'])
})

test('a stream keeps its snapshot under another id of the node', () => {
  store.openStream('a')
  store.putSnapshot(stream, snapshot(2))
  store.identify(self('n2'))
  expect(store.entry('n2', stream)).toMatchObject({ owner: 'n2', snapshot: snapshot(2) })
  expect(store.entry('n1', stream)).toBeUndefined()
})

test('of a target that is not there no stream is opened', () => {
  store.openStream('c')
  store.closeStream('c')
  expect(changes.streams).toEqual([])
})
