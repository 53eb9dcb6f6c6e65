// Whether Docker can be read, how this agent runs in it, and which containers it can't reach.

import { existsSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { isOnHost } from '../../discover/addresses.ts'
import { defaultSocket, dockerHostOf } from '../../discover/discovery.ts'
import { openEngine } from '../../discover/engine.ts'
import { type NodeState, readNodeState } from '../../discover/node-state.ts'
import { readProc } from '../../discover/own-container.ts'
import { targetsOf } from '../../discover/targets.ts'
import type { Target } from '../../model.ts'
import { type CheckResult, failedCheck, ok, warning } from './result.ts'

const timeoutMs = 10_000

interface DockerCheck {
  readonly results: readonly CheckResult[]
  /** Absent without Docker, or if it can't be read. */
  readonly state?: NodeState
}

export async function checkDocker(config: Config, signal: AbortSignal): Promise<DockerCheck> {
  try {
    const host = dockerHostOf(config, existsSync(defaultSocket))
    if (host === undefined)
      return { results: [ok('Docker', `not used: TARGETS lists ${plural(config.targets.length, 'target')}`)] }
    const state = await readNodeState(
      { engine: await openEngine(host), proc: await readProc(), config },
      AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    )
    return { results: resultsOf(state, host), state }
  } catch (error) {
    return { results: [failedCheck('Docker', error)] }
  }
}

function resultsOf(state: NodeState, host: string): readonly CheckResult[] {
  const { self, containers } = state
  const { targets, warnings } = targetsOf(state, self.node)
  const role = self.manager ? 'manager' : 'worker'
  return [
    ok('Docker', `${host} lists ${plural(containers.size, 'container')}`),
    ok('Swarm', self.swarm ? `${self.hostname} is a ${role} (${self.node})` : 'this node is in no Swarm'),
    ownResult(state),
    ...networkResults(state, targets),
    ...warnings.map(({ reason, hint }) => warning('Docker', reason, hint)),
  ]
}

function ownResult({ ownContainer, self }: NodeState): CheckResult {
  const subject = 'agent'
  if (!ownContainer) return ok(subject, 'runs as a process on the host')
  if (self.service) return ok(subject, `runs as a task of the service ${self.service}`)
  if (!self.swarm) return ok(subject, `runs as the container ${ownContainer.name}`)
  return warning(
    subject,
    `runs as the container ${ownContainer.name}, which belongs to no service: other agents can't be found by name`,
    'deploy it as a service in mode global, as stack.yml does, or list the others in PEERS',
  )
}

const maxNamed = 10

function networkResults(node: NodeState, targets: readonly Target[]): readonly CheckResult[] {
  const running = targets.filter(({ state }) => state !== 'stopped')
  const unreachable = running.filter(({ addresses }) => addresses.length === 0)
  const networks = node.ownContainer?.attachments.map(({ network }) => network) ?? []
  const here = isOnHost(node) ? 'on the host’s network' : `on ${networks.join(', ') || 'no network'}`
  const reached = `${here}: reaches ${running.length - unreachable.length} of ${plural(running.length, 'running container')}`
  const named = unreachable
    .slice(0, maxNamed)
    .map(({ name, unreachable }) =>
      warning('network', `${name}: ${unreachable?.reason ?? 'no address'}`, unreachable?.hint),
    )
  const more = unreachable.length - named.length
  return [
    ok('network', reached),
    ...named,
    ...(more > 0 ? [warning('network', `${plural(more, 'more container')} can't be reached`)] : []),
  ]
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
