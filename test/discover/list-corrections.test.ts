import { beforeEach, expect, test } from 'vitest'
import type { Container } from '../../src/discover/container.ts'
import type { ContainerEvent } from '../../src/discover/events.ts'
import { createListCorrections, type ListCorrections } from '../../src/discover/list-corrections.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { named, node } from './recorded.ts'

const [plain, two] = [named(node.containers, 'plain'), named(node.containers, 'two')]
const listOf = (...containers: readonly Container[]) => new Map(containers.map((one) => [one.id, one]))
const died = (atNs?: number): ContainerEvent => ({ kind: 'died', id: two.id, atNs, exitCode: 1 })
const event = (kind: 'started' | 'removed', atNs?: number): ContainerEvent => ({ kind, id: two.id, atNs })

let clock: VirtualClock
let corrections: ListCorrections

beforeEach(() => {
  clock = virtualClock()
  corrections = createListCorrections(clock)
  corrections.list(listOf(plain, two))
})
const stateOfTwo = () => corrections.containers().get(two.id)?.state

test('without events the list counts', () => {
  expect(corrections.containers()).toEqual(listOf(plain, two))
  expect(corrections.isPending()).toBe(false)
})

test.each<[string, ContainerEvent[], Container['state'] | undefined]>([
  ['a death stops it', [died()], 'stopped'],
  ['a start after the death', [died(1), event('started', 2)], 'running'],
  ['a death before the start, received late', [event('started', 2), died(1)], 'running'],
  ['a death after the start', [event('started', 1), died(2)], 'stopped'],
  ['a removal', [died(), event('removed')], undefined],
  ['a death received after the removal', [event('removed'), died()], undefined],
])('%s counts against a list that has it running, for 30 seconds', async (_, events, state) => {
  for (const one of events) corrections.event(one)
  expect(stateOfTwo()).toBe(state)
  expect(corrections.isPending()).toBe(state !== 'running')
  await clock.pass(30_000)
  corrections.list(listOf(plain, two))
  expect(stateOfTwo()).toBe(state)
  await clock.pass(1)
  expect(stateOfTwo()).toBe('running')
})

test('a death is pending until the list has it', () => {
  corrections.event(died())
  corrections.list(listOf(plain, { ...two, state: 'stopped', exitCode: 1 }))
  expect(corrections.isPending()).toBe(false)
})

test('a missing container is kept for five seconds, or until it is listed again', async () => {
  corrections.list(listOf(plain))
  expect(stateOfTwo()).toBe('running')
  expect(corrections.isPending()).toBe(true)
  corrections.list(listOf(plain, two))
  expect(corrections.isPending()).toBe(false)
  corrections.list(listOf(plain))
  await clock.pass(5_000)
  corrections.list(listOf(plain))
  expect(stateOfTwo()).toBe('running')
  await clock.pass(1)
  expect(corrections.containers()).toEqual(listOf(plain))
  expect(corrections.isPending()).toBe(false)
})

test.each<[string, () => void]>([
  ['that was removed', () => corrections.event(event('removed'))],
  ['that events may have removed in a gap', () => corrections.gap()],
])('a missing container %s is gone at once', (_, act) => {
  act()
  corrections.list(listOf(plain))
  expect(corrections.containers()).toEqual(listOf(plain))
  expect(corrections.isPending()).toBe(false)
})

test('after a gap no earlier event counts', () => {
  corrections.event(died())
  corrections.gap()
  expect(stateOfTwo()).toBe('running')
})
