// The machines, what runs on them, and what Swarm knows: the truth that agents are to report.

import {
  type NodeId,
  type Place,
  type Self,
  type SwarmNode,
  type SwarmService,
  type SwarmState,
  type Target,
  taskContainerDigits,
} from '../../src/model.ts'
import type { Agent, Seen } from './agent.ts'
import {
  type Container,
  type Content,
  createContainer,
  endpointsOf,
  type Span,
  secondPort,
} from './containers.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

export interface Machine {
  readonly name: string
  /** Where its agent is reached. */
  readonly address: string
  hostname: string
  /** Swarm's node id, while it is a member. */
  swarmId: NodeId | undefined
  /** What it goes by outside a Swarm. */
  readonly engineId: NodeId
  isManager: boolean
  /** The machine of which it is a copy: they share ids and names. */
  readonly original: Machine | undefined
  /** Its containers have the same addresses as those of the original, in a network of its own. */
  readonly hasSameAddresses: boolean
  readonly containers: Set<Container>
  agent: Agent | undefined
}

/** A container, and where it was. */
export interface Placed {
  readonly container: Container
  readonly machine: Machine
}

export interface World {
  readonly machines: Map<string, Machine>
  /** All that ever were. */
  readonly placed: readonly Placed[]
  /** Those of a service, or of this name without one. */
  placedAs(name: string): readonly Placed[]
  addMachine(name: string, options: { swarm: boolean; manager: boolean }): Machine
  /** A copy of a machine with all that runs on it, under the same node id. */
  cloneMachine(name: string, of: Machine, hasSameAddresses?: boolean): Machine
  /** Until when a copy of the machine ran; infinite while one does. */
  copiedUntil(machine: Machine): number
  removeMachine(machine: Machine): void
  run(machine: Machine, name: string, place: Place, copyOf?: Container): Container
  /** It isn't meant to run any more, and takes its time to stop. */
  shutDown(container: Container): void
  isShutDown(container: Container): boolean
  /** Joins with an id that it never had before. */
  join(machine: Machine): void
  leave(machine: Machine): void
  /** Since when it is in no Swarm; infinite while it is in one. */
  outsideSince(machine: Machine): number
  rename(machine: Machine, hostname: string): void
  /** When the machine, or the one of which it is a copy, had this name or this node id. */
  namedAt(machine: Machine, name: string): readonly Span[]
  nodeOf(machine: Machine): NodeId
  /** Whether the machine has had other node ids before: agents may remember what ran there under those. */
  hasChangedIds(machine: Machine): boolean
  /** As seen from that machine. */
  containerAt(host: string, from: Machine | undefined): Container | undefined
  seenBy(machine: Machine): Seen
}

const second = { 'app-metrics-proxy.port.2': `${secondPort}` }
/** The same objects each time, as what is resolved from labels is cached by identity. */
const onePort = { 'app-metrics-proxy.port': '80' }
const twoPorts = { ...onePort, ...second }

const services = {
  web: { name: 'demo_web', mode: 'replicated' },
  glob: { name: 'demo_glob', mode: 'global' },
} as const
const stackLabel = { 'com.docker.stack.namespace': 'demo' }
/** Only managers know that its containers have a second endpoint. */
const globLabels = { ...stackLabel, ...second }
/** These have a second endpoint by their own labels, and so have the replicas. */
const namesOfTwo = ['db']

export const slots = ['1', '2', '3']
/** A standalone container of each of these names runs on every machine. */
export const standaloneNames = ['db', 'cache']

export function replicaPlace(slot: string, task: string): Place {
  return { kind: 'replicated', service: services.web.name, serviceId: 'web', stack: 'demo', slot, task }
}

export function globalPlace(task: string): Place {
  return { kind: 'global', service: services.glob.name, serviceId: 'glob', stack: 'demo', task }
}

const periods = [undefined, undefined, 40, 300, 2000]
const sizes = [0, 1, 40]

export function createWorld(scheduler: Scheduler, random: Random): World {
  const machines = new Map<string, Machine>()
  const hosts = new Map<string, Container>()
  const placed: Placed[] = []
  const byName = new Map<string, Placed[]>()
  /** They nearly double what agents have to do, and so aren't always there. */
  const hasSeconds = random.fork('second endpoints').chance(0.4)
  const names = new Map<Machine, { readonly name: string; readonly from: number; to: number }[]>()
  const moved = new Set<Machine>()
  const leftAt = new Map<Machine, number>()
  const copiesEndedAt = new Map<Machine, number>()
  const shuttingDown = new Set<Container>()
  const former = new Map<NodeId, SwarmNode>()
  let [joins, made] = [0, 0]

  function note(machine: Machine): void {
    const spans = names.get(machine) ?? []
    const now = scheduler.now()
    for (const span of spans) if (span.to > now) span.to = now
    for (const name of [machine.hostname, nodeOf(machine)])
      spans.push({ name, from: now, to: Number.POSITIVE_INFINITY })
    names.set(machine, spans)
  }

  const nodeOf = ({ swarmId, engineId }: Machine) => swarmId ?? engineId

  function newSwarmId(): NodeId {
    joins += 1
    // in no order, as Swarm's are
    return `s${random.below(90) + 10}-${joins}`
  }

  function put(machine: Machine, content: Omit<Content, 'hasSecond'>): Container {
    const hasSecond = hasSeconds && (content.place.kind !== 'standalone' || namesOfTwo.includes(content.name))
    const container = createContainer(scheduler, { ...content, hasSecond })
    machine.containers.add(container)
    for (const endpoint of endpointsOf(container)) hosts.set(endpoint.host, endpoint)
    const one = { container, machine }
    placed.push(one)
    const { place, name } = content
    const service = 'service' in place && place.kind !== 'compose' ? place.service : name
    byName.set(service, [...(byName.get(service) ?? []), one])
    return container
  }

  function add(machine: Machine): Machine {
    machines.set(machine.name, machine)
    note(machine)
    return machine
  }

  function run(machine: Machine, name: string, place: Place): Container {
    made += 1
    const id = `c${made}`
    const own = random.fork(`container ${id}`)
    return put(machine, { id, host: id, name, place, periodMs: own.one(periods), lines: own.one(sizes) })
  }

  function targetOf(container: Container, machine: Machine): Target {
    const exitCode = container.exitCode()
    return {
      id: container.id,
      node: nodeOf(machine),
      name: container.name,
      place: container.place,
      image: 'image',
      labels: container.second && container.place.kind !== 'global' ? twoPorts : onePort,
      state: container.isRunning() ? 'running' : 'stopped',
      ...(exitCode !== undefined && { exitCode }),
      addresses: [{ network: 'monitor', host: machine.hasSameAddresses ? container.id : container.host }],
    }
  }

  function selfOf(machine: Machine): Self {
    return {
      node: nodeOf(machine),
      hostname: machine.hostname,
      swarm: machine.swarmId !== undefined,
      manager: machine.swarmId !== undefined && machine.isManager,
      address: machine.address,
      advertise: 'metrics:2137',
      service: 'monitor_agent',
    }
  }

  /** The slots in which several tasks are meant to run, or ran before, each with those meant to, the oldest first. */
  function taskOrder(): ReadonlyMap<string, readonly string[]> {
    const replicas = placed.filter(
      ({ container, machine }) => container.place.kind === 'replicated' && !machine.original,
    )
    const bySlot = Map.groupBy(
      replicas,
      ({ container }) => (container.place as { readonly slot: string }).slot,
    )
    const isMeant = ({ container, machine }: Placed) =>
      container.isRunning() && machine.containers.has(container) && !shuttingDown.has(container)
    const taskOf = ({ container }: Placed) => (container.place as { readonly task: string }).task
    return new Map(
      [...bySlot]
        .filter(([, all]) => all.length > 1 && all.some(isMeant))
        .map(([slot, all]) => [slot, all.filter(isMeant).map(taskOf)]),
    )
  }

  function swarmState(): SwarmState {
    const members = [...machines.values()].filter(({ swarmId, original }) => swarmId && !original)
    const nodes = members.map((machine): [NodeId, SwarmNode] => [
      machine.swarmId!,
      {
        hostname: machine.hostname,
        address: machine.address,
        role: machine.isManager ? 'manager' : 'worker',
        state: 'ready',
        availability: 'active',
        engineVersion: '28.5.2',
        labels: {},
      },
    ])
    const common = { taskOrder: new Map(), running: 0, taskStates: new Map() }
    const wanted = { labels: stackLabel, replicas: slots.length, slots, taskOrder: taskOrder() }
    const web = { ...common, ...services.web, ...wanted }
    const glob = {
      ...common,
      ...services.glob,
      labels: hasSeconds ? globLabels : stackLabel,
      replicas: members.length,
      slots: [],
    }
    return {
      swarmId: 'swarm',
      nodes: new Map([...former, ...nodes]),
      services: new Map<string, SwarmService>([
        ['web', web],
        ['glob', glob],
      ]),
      containers: new Map(members.map((machine) => [machine.swarmId!, tasksOn(machine)])),
    }
  }

  function managers(): ReadonlySet<NodeId> {
    return new Set([...machines.values()].flatMap(({ swarmId, isManager }) => (isManager && swarmId) || []))
  }

  function tasksOn({ containers }: Machine): readonly string[] {
    const tasks = [...containers].filter(
      (container) => container.place.kind !== 'standalone' && !shuttingDown.has(container),
    )
    return tasks.map(({ id }) => id.slice(0, taskContainerDigits))
  }

  return {
    machines,
    placed,
    placedAs: (name) => byName.get(name) ?? [],
    addMachine(name, { swarm, manager }) {
      const number = name.slice(1)
      return add({
        name,
        address: `a${number}`,
        hostname: `host${number}`,
        swarmId: swarm ? newSwarmId() : undefined,
        engineId: `e${random.below(90) + 10}-${number}`,
        isManager: manager,
        original: undefined,
        hasSameAddresses: false,
        containers: new Set(),
        agent: undefined,
      })
    },
    cloneMachine(name, of, hasSameAddresses = false) {
      const machine = add({
        ...of,
        name,
        address: `a${name.slice(1)}`,
        original: of,
        hasSameAddresses,
        containers: new Set(),
        agent: undefined,
      })
      for (const { id, name: called, place } of of.containers)
        put(machine, { id, host: `${id}-${name}`, name: called, place, periodMs: 300, lines: 1 })
      return machine
    },
    copiedUntil(machine) {
      const isCopied = [...machines.values()].some(({ original }) => original === machine)
      return isCopied ? Number.POSITIVE_INFINITY : (copiesEndedAt.get(machine) ?? 0)
    },
    removeMachine(machine) {
      machines.delete(machine.name)
      if (machine.original) copiesEndedAt.set(machine.original, scheduler.now())
      for (const container of machine.containers) if (container.isRunning()) container.stop(137)
      machine.containers.clear()
    },
    run,
    shutDown: (container) => void shuttingDown.add(container),
    isShutDown: (container) => shuttingDown.has(container),
    join(machine) {
      moved.add(machine)
      machine.swarmId = newSwarmId()
      note(machine)
    },
    leave(machine) {
      if (!machine.swarmId) return
      const { hostname, address } = machine
      former.set(machine.swarmId, {
        ...{ hostname, address, role: 'worker', state: 'down', availability: 'active' },
        ...{ engineVersion: '28.5.2', labels: {} },
      })
      moved.add(machine)
      machine.swarmId = undefined
      machine.isManager = false
      leftAt.set(machine, scheduler.now())
      note(machine)
    },
    outsideSince: (machine) => (machine.swarmId ? Number.POSITIVE_INFINITY : (leftAt.get(machine) ?? 0)),
    rename(machine, hostname) {
      machine.hostname = hostname
      note(machine)
    },
    namedAt: (machine, name) =>
      [machine, machine.original]
        .flatMap((one) => (one && names.get(one)) ?? [])
        .filter((span) => span.name === name),
    nodeOf,
    hasChangedIds: (machine) => moved.has(machine),
    containerAt(host, from) {
      if (!from?.hasSameAddresses) return hosts.get(host)
      const [id, port] = host.split(':')
      const container = [...from.containers].find((one) => one.id === id)
      return port === undefined ? container : container?.second
    },
    seenBy: (machine) => ({
      self: selfOf(machine),
      targets: [...machine.containers].map((container) => targetOf(container, machine)),
      managers: machine.swarmId ? managers() : new Set(),
      swarmState: machine.swarmId && machine.isManager ? swarmState() : undefined,
    }),
  }
}
