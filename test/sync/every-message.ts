// What agents say, one of each.

import type { Message } from '../../src/sync/messages.ts'
import { catalogue, endpoint, found, replica, self, target } from '../store/samples.ts'

const numbers = { born: 3, number: 9, age: 12.5, took: 3.1 }
const trouble = { code: 'refused', reason: 'refused', mend: 'mend it' } as const

/** One of each kind, and of each of its forms. */
export const messages: readonly Message[] = [
  {
    kind: 'hello',
    newest: 1,
    oldest: 1,
    version: '1.0.0',
    epoch: 'e',
    self: self('n1', { service: 's', address: 'a' }),
  },
  { kind: 'accept' },
  { kind: 'bye', reason: 'the end' },
  { kind: 'self', self: self() },
  { kind: 'beat', number: 4, seen: 3, held: 0.25 },
  { kind: 'digest', epoch: 'e', held: [[1, 2, 3, 0]] },
  { kind: 'listing', number: 2, born: 1, target: target('a'), finding: { kind: 'searching' } },
  { kind: 'listing', number: 2, born: 1, target: replica('a'), finding: found, endpoint },
  {
    kind: 'listing',
    number: 5,
    born: 1,
    target: target('a', { state: 'stopped', exitCode: -1, unreachable: trouble, addresses: [] }),
    finding: { kind: 'none', trouble },
    ended: { age: 10, exitCode: 137, removed: false },
  },
  {
    kind: 'page',
    ...numbers,
    print: 'abc',
    size: 100,
    series: 2,
    format: 'openmetrics/1.0.0',
    remarks: ['doubled'],
    parts: [new Uint8Array([1, 2, 3])],
  },
  {
    kind: 'page',
    ...numbers,
    print: 'abc',
    size: 100,
    series: 2,
    format: 'text/0.0.4',
    remarks: [],
    base: { number: 8, print: 'def' },
    parts: [new Uint8Array([1]), new Uint8Array([]), new Uint8Array([2, 3])],
  },
  { kind: 'failure', ...numbers, trouble },
  { kind: 'gone', born: 3 },
  { kind: 'whole' },
  { kind: 'lacks', born: 3 },
  { kind: 'catalogue', age: 5 },
  { kind: 'catalogue', age: 5, catalogue: catalogue(['1', '3']) },
  { kind: 'refresh', call: 1, id: 'a', budget: 900 },
  { kind: 'refreshed', call: 1, brought: { epoch: 'e', number: 9 } },
  { kind: 'refreshed', call: 1, trouble },
  { kind: 'unknown', of: 'song' },
]
