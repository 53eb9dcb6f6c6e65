import { expect, test } from 'vitest'
import { createGate } from '../../src/sync/gate.ts'

test('few may wait from one address', () => {
  const gate = createGate()
  const taken = (from: string, times: number) =>
    Array.from({ length: times }, () => gate.knock(from, 0)).filter(Boolean).length
  expect(taken('a', 20)).toBe(8)
  expect(taken('b', 20)).toBe(8)
  gate.pass('a')
  expect(taken('a', 20)).toBe(1)
})

test('an address that fails again and again is turned away for a while', () => {
  const gate = createGate()
  for (let n = 0; n < 20; n += 1) {
    expect(gate.knock('a', n)).toBe(true)
    gate.leave('a', n)
  }
  expect(gate.knock('a', 100)).toBe(false)
  expect(gate.knock('b', 100)).toBe(true)
  expect(gate.knock('a', 10_000)).toBe(true)
})

test('what it remembers is bounded, and it recovers', () => {
  const gate = createGate()
  for (let n = 0; n < 10_000; n += 1) {
    gate.knock(`a${n}`, 0)
    gate.leave(`a${n}`, 0)
  }
  expect(gate.knock('b', 1)).toBe(false)
  expect(gate.knock('b', 10_001)).toBe(true)
})
