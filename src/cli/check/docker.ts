// Whether Docker can be read, who this agent is there, and which containers it can't reach.

import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { isOnHost } from '../../discover/addresses.ts'
import { defaultSocket, dockerHostOf } from '../../discover/discovery.ts'
import { openEngine } from '../../discover/engine.ts'
import { type NodeState, readNodeState } from '../../discover/node-state.ts'
import { readProc } from '../../discover/own-container.ts'
import { targetsOf } from '../../discover/targets.ts'
import type { Target } from '../../model.ts'
import { failure, type Result } from './result.ts'

const patience = 10_000

export interface Node {
  readonly results: readonly Result[]
  /** Absent without Docker, or where it can't be read. */
  readonly state?: NodeState
}

export async function lookAtDocker(config: Config, signal: AbortSignal): Promise<Node> {
  try {
    const host = dockerHostOf(config, existsSync(defaultSocket))
    if (host === undefined) return { results: [withoutDocker(config)] }
    const state = await readNodeState(
      { engine: await openEngine(host), proc: await readProc(), config },
      AbortSignal.any([signal, AbortSignal.timeout(patience)]),
    )
    return { results: resultsOf(state, host), state }
  } catch (error) {
    return { results: [failure('Docker', error)] }
  }
}

function withoutDocker({ targets }: Config): Result {
  return { status: 'ok', what: 'Docker', says: `not used: ${targets.length} targets are listed in TARGETS` }
}

function resultsOf(state: NodeState, host: string): readonly Result[] {
  const { self, containers } = state
  const { targets, warnings } = targetsOf(state, self.node)
  const role = self.manager ? 'manager' : 'worker'
  return [
    { status: 'ok', what: 'Docker', says: `${host} lists ${containers.size} containers` },
    {
      status: 'ok',
      what: 'Swarm',
      says: self.swarm ? `${self.hostname} is a ${role} (${self.node})` : 'this node is in none',
    },
    ownResult(state),
    ...networkResults(state, targets),
    ...warnings.map(
      ({ reason, hint }): Result => ({ status: 'warning', what: 'Docker', says: reason, hint }),
    ),
  ]
}

function ownResult({ own, self }: NodeState): Result {
  const what = 'agent'
  if (!own) return { status: 'ok', what, says: 'runs as a process of the host' }
  if (self.service) return { status: 'ok', what, says: `runs as a task of the service ${self.service}` }
  if (!self.swarm) return { status: 'ok', what, says: `runs as the container ${own.name}` }
  return {
    status: 'warning',
    what,
    says: `runs as the container ${own.name}, which is of no service: other agents can't be found by name`,
    hint: 'deploy it as a service in mode global, as stack.yml does, or list the others in PEERS',
  }
}

const mostNamed = 10

function networkResults(node: NodeState, targets: readonly Target[]): readonly Result[] {
  const running = targets.filter(({ state }) => state !== 'stopped')
  const hidden = running.filter(({ addresses }) => addresses.length === 0)
  const networks = node.own?.attachments.map(({ network }) => network) ?? []
  const here = isOnHost(node) ? 'on the host’s network' : `on ${networks.join(', ') || 'no network'}`
  const says = `${here}: reaches ${running.length - hidden.length} of ${running.length} running containers`
  const named = hidden.slice(0, mostNamed).map(
    ({ name, unreachable }): Result => ({
      status: 'warning',
      what: 'network',
      says: `${name}: ${unreachable?.reason ?? 'no address'}`,
      hint: unreachable?.hint,
    }),
  )
  const more = hidden.length - named.length
  return [
    { status: 'ok', what: 'network', says },
    ...named,
    ...(more > 0 ? [{ status: 'warning', what: 'network', says: `and ${more} more` } as const] : []),
  ]
}
