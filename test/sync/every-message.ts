// What agents send, one of each.

import type { Message } from '../../src/sync/messages.ts'
import { endpoint, found, replica, self, swarmState, target } from '../store/samples.ts'

const numbers = { id: 'a', number: 9, ageMs: 12.5, durationMs: 3.1 }
const failure = { code: 'connection_refused', reason: 'refused', hint: 'hint it' } as const
const frame = (...bytes: number[]) => ({ size: 100, bytes: new Uint8Array(bytes) })

/** One of each kind, and of each of its forms. */
export const messages: readonly Message[] = [
  {
    ...{ kind: 'hello', newest: 4, oldest: 4, version: '1.0.0', epoch: 'e', proof: 'p' },
    self: self('n1', { service: 's', address: 'a' }),
  },
  { kind: 'accept' },
  { kind: 'bye', reason: 'the end' },
  { kind: 'bye', reason: 'the end', stopping: true },
  { kind: 'self', self: self() },
  { kind: 'heartbeat', number: 4, seen: 3, heldMs: 0.25 },
  { kind: 'challenge', number: 1 },
  { kind: 'response', number: 1 },
  { kind: 'digest', records: [['a', 2, 3, 0]] },
  { kind: 'listing', number: 2, generation: 1, target: target('a'), probeResult: { kind: 'searching' } },
  { kind: 'listing', number: 2, generation: 1, target: replica('a'), probeResult: found, endpoint },
  {
    ...{ kind: 'listing', number: 3, generation: 1 },
    target: target('a', { run: { health: 'unhealthy', restarts: 2, oomKills: 1, lastExitCode: 137 } }),
    probeResult: { kind: 'searching' },
  },
  {
    ...{ kind: 'listing', number: 5, generation: 1 },
    target: target('a', { state: 'stopped', exitCode: -1, unreachable: failure, addresses: [] }),
    probeResult: { kind: 'not_found', failure },
    ended: { ageMs: 10, exitCode: 137, removed: false },
  },
  {
    ...{ kind: 'page', ...numbers, base: 0, series: 2, format: 'openmetrics/1.0.0', remarks: ['doubled'] },
    hasUtf8Names: true,
    frames: [frame(1, 2, 3)],
  },
  {
    ...{ kind: 'page', ...numbers, base: 8, series: 2, format: 'text/0.0.4', remarks: [] },
    frames: [frame(1), frame(), frame(2, 3)],
  },
  { kind: 'failure', ...numbers, failure },
  { kind: 'deleted', id: 'a' },
  { kind: 'complete' },
  { kind: 'resend', id: 'a' },
  { kind: 'swarm', ageMs: 5 },
  { kind: 'swarm', ageMs: 5, swarmState: swarmState(['1', '3']) },
  { kind: 'refresh', call: 1, id: 'a', timeoutMs: 900 },
  { kind: 'refreshed', call: 1, number: 9 },
  { kind: 'refreshed', call: 1, failure },
  { kind: 'unknown', of: 'song' },
]
