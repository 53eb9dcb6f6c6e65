// What the agents of a cluster show of the Swarm and of containers, held to what Docker's commands say at the same time.

import { expect } from 'vitest'
import { until } from '../helpers/until.ts'
import type { Cluster } from './cluster.ts'
import {
  comparable,
  containerFacts,
  failureFacts,
  rescheduleFacts,
  type Samples,
  samplesOf,
  select,
  swarmFacts,
  swarmNames,
} from './docker-facts.ts'
import type { Node } from './harness/node.ts'

const long = { within: 120_000, every: 500 }

export type Shown = ReturnType<typeof shownBy>

export function shownBy(cluster: Cluster) {
  async function pageOf(node: Node, path: string): Promise<string> {
    const { status, text } = await cluster.get(node, path)
    if (status !== 200) throw new Error(`${node.name}: ${status} ${text}`)
    return text
  }
  const swarmAt = async (node: Node) => samplesOf(await pageOf(node, '/-/swarm'), 'app_metrics_proxy_swarm_')
  const containersAt = async (node: Node) =>
    samplesOf(await pageOf(node, '/metrics'), 'app_metrics_proxy_container_')

  /** Until each of these agents shows exactly what Docker's commands show at the same time. */
  async function agree(
    what: string,
    at: readonly Node[] = cluster.nodes,
    manager = cluster.manager,
  ): Promise<Samples> {
    return until(
      `${what}: the Swarm as Docker shows it`,
      async () => {
        const facts = await swarmFacts(manager)
        for (const node of at)
          expect([node.name, select(await swarmAt(node), ...swarmNames)]).toEqual([
            node.name,
            Object.fromEntries(facts),
          ])
        return facts
      },
      long,
    )
  }

  /** Until each of these agents shows a counter of a service's tasks as Docker's list has them. */
  async function agreeOnCounter(
    name: string,
    service: string,
    factsOf: () => Promise<Samples>,
    at: readonly Node[] = cluster.nodes,
  ): Promise<Samples> {
    return until(
      `${name} of ${service}`,
      async () => {
        const facts = await factsOf()
        for (const node of at)
          expect([node.name, select(await swarmAt(node), `${name}{service="${service}"`)]).toEqual([
            node.name,
            Object.fromEntries(facts),
          ])
        return facts
      },
      long,
    )
  }

  const agreeOnFailures = (service: string, manager = cluster.manager) =>
    agreeOnCounter('task_failures_total', service, () => failureFacts(manager, service))

  /** `lost`: why each node was lost. */
  const agreeOnReschedules = (
    service: string,
    lost: Readonly<Record<string, string>>,
    { at = cluster.nodes, manager = cluster.manager } = {},
  ) => agreeOnCounter('task_reschedules_total', service, () => rescheduleFacts(manager, service, lost), at)

  /** Until the agents show all containers of their nodes as `docker inspect` does. */
  async function agreeOnContainers(at: readonly Node[] = cluster.nodes): Promise<void> {
    for (const node of at)
      await until(
        `the containers of ${node.name}`,
        async () => {
          const facts = await containerFacts(node)
          expect(comparable(await containersAt(node))).toEqual(Object.fromEntries(facts))
          return true
        },
        long,
      )
  }

  return { swarmAt, containersAt, agree, agreeOnFailures, agreeOnReschedules, agreeOnContainers }
}
