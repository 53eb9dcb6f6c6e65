// Lets an event happen. Where what it speaks of isn't there, nothing happens: so any event can be left out.

import type { Cluster } from './cluster.ts'
import { type Container, endpointsOf } from './containers.ts'
import type { Event, Happening } from './scenario.ts'
import type { Machine } from './world.ts'

type Of<K extends Happening['kind']> = Extract<Happening, { kind: K }>
type Handlers = { readonly [K in Happening['kind']]: (event: Of<K>, cluster: Cluster) => void }

export function happen(event: Event, cluster: Cluster): void {
  const handler = handlers[event.kind] as (event: Happening, cluster: Cluster) => void
  handler(event, cluster)
}

/** At a time: each costs as much as one more agent in the cluster. */
const maxClones = 2

const handlers: Handlers = {
  ask({ machine, path, timeoutMs }, { world, ask }) {
    for (const at of world.machines.values())
      if (machine === 'all' || machine === at.name) void ask(at, path, timeoutMs)
  },
  change: (event, cluster) => endpointOf(event, cluster)?.change(event.content),
  behave: (event, cluster) => endpointOf(event, cluster)?.behave(event.as),
  stop(event, cluster) {
    const container = containerOf(event, cluster)
    if (!container?.isRunning()) return
    container.stop(event.exitCode)
    cluster.changed()
    cluster.lasting(event.forMs, () => {
      if (container.isRunning() || !cluster.isThere(container)) return
      container.start()
      cluster.changed()
    })
  },
  remove(event, cluster) {
    const container = containerOf(event, cluster)
    if (container?.place.kind !== 'standalone') return
    cluster.remove(cluster.machine(event.machine)!, container)
    cluster.changed()
  },
  run({ machine, name }, { machine: machineOf, world, changed }) {
    const at = machineOf(machine)
    if (!at || [...at.containers].some((container) => container.name === name)) return
    world.run(at, name, { kind: 'standalone' })
    changed()
  },
  replace,
  cut: ({ a, b, forMs }, cluster) => cut(a, b, forMs, cluster),
  isolate({ machine, forMs }, cluster) {
    for (const { name } of cluster.world.machines.values())
      if (name !== machine) cut(machine, name, forMs, cluster)
  },
  reset: ({ a, b }, cluster) => between(a, b, cluster, cluster.network.reset),
  delay: ({ a, b, ms }, cluster) =>
    between(a, b, cluster, (one, other) => cluster.network.delay(one, other, ms)),
  restart({ machine, downMs }, { machine: machineOf, stop, start, lasting }) {
    const at = machineOf(machine)
    if (!at?.agent) return
    stop(at)
    lasting(downMs, () => start(at))
  },
  crash({ machine, downMs, silently }, cluster) {
    const at = cluster.machine(machine)
    if (!at?.agent) return
    cluster.crash(at, silently)
    cluster.lasting(downMs, () => cluster.start(at))
  },
  pause({ machine, forMs }, { machine: machineOf, lasting, dropTwin }) {
    const at = machineOf(machine)
    if (at) dropTwin(at)
    const process = at?.agent?.process
    process?.pause()
    lasting(forMs, () => process?.resume())
  },
  clone({ machine, forMs, silently, together }, cluster) {
    const of = cluster.machine(machine)
    const clones = [...cluster.world.machines.values()].filter(({ original }) => original)
    if (!of || clones.length >= maxClones) return
    const copy = cluster.clone(of)
    const isRestarted = together && of.agent
    if (isRestarted) cluster.crash(of, silently)
    cluster.start(copy)
    if (isRestarted) cluster.start(of)
    cluster.lasting(forMs, () => cluster.endClone(copy, silently))
  },
  snapshot({ machine, isCopied, forMs, silently, stopsClock }, cluster) {
    const of = cluster.machine(machine)
    const snapshot = of && cluster.takeSnapshot(of, stopsClock)
    if (!snapshot) return
    if (isCopied) {
      const copy = cluster.clone(of, true)
      snapshot.restore(copy, silently)
      cluster.lasting(forMs, () => cluster.endClone(copy, silently))
    } else cluster.lasting(forMs, () => snapshot.restore(of, silently))
    cluster.changed()
  },
  intrude({ machine, as, manager, messages, forMs, stays }, cluster) {
    const to = cluster.machine(machine)
    const claimed = cluster.machine(as)
    if (!to || (!claimed && as !== 'itself')) return
    const end = cluster.intrude(to, claimed, { manager, messages, stays })
    if (!stays) cluster.lasting(forMs, end)
  },
  leave({ machine }, cluster) {
    const at = cluster.machine(machine)
    const others = managersOf(cluster).filter((one) => one !== at)
    if (!at?.swarmId || others.length === 0) return
    cluster.world.leave(at)
    for (const container of [...at.containers])
      if (container.place.kind !== 'standalone') cluster.remove(at, container)
    cluster.changed()
  },
  join({ machine }, cluster) {
    const at = cluster.machine(machine)
    if (!at || at.swarmId || managersOf(cluster).length === 0) return
    cluster.world.join(at)
    cluster.runGlobal(at)
    cluster.changed()
  },
  promote: ({ machine }, cluster) => become(machine, true, cluster),
  demote: ({ machine }, cluster) => become(machine, false, cluster),
  swapNames({ a, b }, { machine, world, changed }) {
    const [one, other] = [machine(a), machine(b)]
    if (!one || !other) return
    const { hostname } = one
    world.rename(one, other.hostname)
    world.rename(other, hostname)
    changed()
  },
}

function managersOf({ world }: Cluster): readonly Machine[] {
  return [...world.machines.values()].filter(
    ({ swarmId, isManager, original }) => swarmId && isManager && !original,
  )
}

function become(machine: string, manager: boolean, cluster: Cluster): void {
  const at = cluster.machine(machine)
  const others = managersOf(cluster).filter((one) => one !== at)
  if (!at?.swarmId || others.length === 0) return
  at.isManager = manager
  cluster.changed()
}

function containerOf(
  { machine, index }: { readonly machine: string; readonly index: number },
  cluster: Cluster,
): Container | undefined {
  const all = [...(cluster.machine(machine)?.containers ?? [])]
  return all[index % Math.max(1, all.length)]
}

function endpointOf(event: Of<'change' | 'behave'>, cluster: Cluster): Container | undefined {
  const container = containerOf(event, cluster)
  return container && endpointsOf(container)[event.endpoint - 1]
}

function between(a: string, b: string, { machine }: Cluster, call: (a: string, b: string) => void): void {
  const [one, other] = [machine(a), machine(b)]
  if (one && other) call(one.address, other.address)
}

function cut(a: string, b: string, forMs: number, cluster: Cluster): void {
  between(a, b, cluster, (one, other) => {
    cluster.network.cut(one, other)
    cluster.lasting(forMs, () => cluster.network.restore(one, other))
  })
}

function replace(event: Of<'replace'>, cluster: Cluster): void {
  const { slot, machine, startFirst, overlapMs, isOldListed } = event
  const at = cluster.machine(machine)
  if (!at?.swarmId) return
  const old = [...cluster.world.machines.values()].flatMap((from) =>
    [...from.containers]
      .filter(({ place }) => !from.original && place.kind === 'replicated' && place.slot === slot)
      .map((container) => ({ from, container })),
  )
  const endOld = () => {
    for (const { from, container } of old) cluster.remove(from, container)
    cluster.changed()
  }
  const startNew = () => {
    if (at.swarmId) cluster.runReplica(at, slot)
    if (!isOldListed) for (const { container } of old) cluster.world.shutDown(container)
    cluster.changed()
  }
  const [first, second] = startFirst ? [startNew, endOld] : [endOld, startNew]
  first()
  cluster.lasting(overlapMs, second)
}
