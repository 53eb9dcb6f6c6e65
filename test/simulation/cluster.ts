// A world with its agents running in it: starts, ends and asks them.

import { crc32 } from 'node:zlib'
import { endpointId } from '../../src/model.ts'
import type { Status } from '../../src/status/shape.ts'
import { type Agent, config, startAgent } from './agent.ts'
import { type Container, endpointsOf } from './containers.ts'
import { type Intrusion, intrude } from './intruder.ts'
import { createNetwork, type Network } from './network.ts'
import { createOracle, type Oracle, type Promises } from './oracle.ts'
import { startProcess } from './process.ts'
import { createRandom } from './random.ts'
import type { MachineSetup, Scenario } from './scenario.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { createTwins, type Twins, type Wires } from './twins.ts'
import type { Response } from './web.ts'
import {
  createWorld,
  globalPlace,
  type Machine,
  replicaPlace,
  slots,
  standaloneNames,
  type World,
} from './world.ts'

export interface Cluster {
  readonly scheduler: Scheduler
  readonly world: World
  readonly network: Network
  readonly oracle: Oracle
  later(ms: number, callback: () => void): void
  /** What begins with an event ends after so long, or as soon as everything is made whole. */
  lasting(ms: number, end: () => void): void
  endAll(): void
  machine(name: string): Machine | undefined
  start(at: Machine): void
  /** An orderly end. */
  stop(at: Machine): void
  /** No end at all; `silently`: those who are connected never learn of it, as when a machine loses its power. */
  crash(at: Machine, silently: boolean): void
  /** A second machine with the same ids and the same containers; where the agent is a copy, too, also with the same addresses. */
  clone(of: Machine, hasSameAddresses?: boolean): Machine
  endClone(copy: Machine, silently: boolean): void
  /** The state of the machine's agent as of now. Undefined: there is none. */
  takeSnapshot(of: Machine, isClockStopped: boolean): Snapshot | undefined
  /** No snapshot will be taken of this start of the machine's agent. */
  dropTwin(of: Machine): void
  /** A peer that holds the secret and lies, until what is returned is called. */
  intrude(to: Machine, as: Machine | undefined, options: IntruderOptions): () => void
  /** From now on only those that lie still may have an agent believe them. */
  trustAgain(): void
  /** Whether the agent may still wait for what its peers have: for 30 s at most. */
  isStarting(at: Machine): boolean
  /** Whether a peer lies to this agent to the end. */
  isBothered(at: Machine): boolean
  /** Whether any peer has lied to this agent. */
  wasIntruded(at: Machine): boolean
  /** Reports containers that are not scraped as often as they should be. */
  checkScrapes(): void
  /** What runs has changed: discovery will see it. */
  changed(): void
  runGlobal(at: Machine): void
  runReplica(at: Machine, slot: string): void
  /** The container is gone for good. */
  remove(at: Machine, container: Container): void
  isThere(container: Container): boolean
  /** Asks as Prometheus would, and lets the oracle judge the answer. */
  ask(at: Machine, path: string, timeoutMs: number): Promise<Response | undefined>
  totals(): Totals
  end(): Promise<void>
}

/** Of an agent's process. */
export interface Snapshot {
  /** It goes on there, in place of what runs there; `silently`: it never learns that its connections are gone. */
  restore(at: Machine, silently: boolean): void
}

/** What runs beside an agent so that a snapshot of it can be taken. */
interface Twin {
  readonly agent: Agent
  readonly twins: Twins
}

type IntruderOptions = Pick<Intrusion, 'manager' | 'messages' | 'stays'>

/** A peer that lies says to an agent that it is the node of another machine. */
interface Claim {
  readonly as: Machine
  readonly to: Machine
  readonly node: string
  isOver(): boolean
}

export interface Totals {
  readonly responses: number
  /** Of them, metrics of containers. */
  readonly pages: number
  /** Of all that was served and when: the same for the same scenario. */
  readonly trace: number
}

/** Discovery sees what has changed so much later. */
export const discoveryDelayMs = 20
const resyncMs = 10_000
/** After anything has happened to two agents or to the path between them, they are linked again by then. */
const relinkMs = 8000
/** Within two intervals an endpoint is scraped, and this much later if everything is slow. */
const maxScrapePauseMs = 2 * config.scrapeIntervalMs + 1000
/** After its start an agent waits no longer than this for what its peers have. */
const maxStartMs = 31_000
/** An agent that was stopped is gone after this. */
const stopWithinMs = 50

export function createCluster(scenario: Scenario, promises: Promises): Cluster {
  const random = createRandom(scenario.seed)
  const scheduler = createScheduler()
  const world = createWorld(scheduler, random.fork('world'))
  const network = createNetwork(scheduler, random.fork('network'))
  const oracle = createOracle(world, scheduler.now, promises)
  let trace = 0
  const setups = new Map(scenario.machines.map((setup) => [setup.name, setup]))
  const pending = new Set<() => void>()
  const startedAt = new WeakMap<Agent, number>()
  const machineOf = new WeakMap<Agent, Machine>()
  const twinOf = new Map<Agent, Twin>()
  const withSnapshots = new Set(
    scenario.events.flatMap((event) => (event.kind === 'snapshot' ? event.machine : [])),
  )
  const hellos = new Map()
  const intruded = new Set<Machine>()
  const claims = new Set<Claim>()
  /** Those that the agent had no reason not to believe. */
  const believed = new Set<Claim>()
  /** To these somebody lies to the end. */
  const staying = new Set<Machine>()
  /** Until when what the managers knew is known to each agent, or was to an earlier start of it. */
  const informedAt = new Map<Machine, number>()
  /** The same of what was known on each machine. */
  const knownUntil = new Map<Machine, Map<Machine, number>>()
  let [responses, pages, starts, clones, tasks, intruders] = [0, 0, 0, 0, 0, 0]

  const machines = () => [...world.machines.values()]
  const targetIds = () =>
    world.placed.flatMap(({ container }) =>
      endpointsOf(container).map((_, at) => endpointId(container.id, at + 1)),
    )
  const later = (ms: number, callback: () => void) => void scheduler.at(scheduler.now() + ms, callback)
  const setupOf = ({ name, original }: Machine) => setups.get(original?.name ?? name)!

  function lasting(ms: number, end: () => void): void {
    const once = () => {
      if (pending.delete(once)) end()
    }
    pending.add(once)
    later(ms, once)
  }

  function start(at: Machine): void {
    if (at.agent || world.machines.get(at.name) !== at) return
    starts += 1
    const seed = `agent ${at.name} ${starts}`
    if (!withSnapshots.has(at.name)) {
      at.agent = begin(at, network, seed)
      return
    }
    const twins = createTwins(scheduler, network, (text) =>
      oracle.report('internal', `${at.name}'s twin: ${text}`),
    )
    const agent = begin(at, twins.first, seed)
    twinOf.set(agent, { agent: begin(at, twins.second, seed), twins })
    at.agent = agent
  }

  function begin(at: Machine, wires: Wires, seed: string): Agent {
    const own = random.fork(seed)
    const { fastPpm, lateMs } = setupOf(at)
    const process = startProcess(
      scheduler,
      { offset: own.below(1_000_000), rate: 1 + fastPpm / 1e6, lateMs },
      own,
    )
    const agent: Agent = startAgent({
      ...{ process, network: wires, address: at.address, random: own, lookUp: addresses },
      containerAt: (host) => world.containerAt(host, machineOf.get(agent)),
      onInternal: (what, error) => oracle.report('internal', `${at.name}: ${what}: ${textOf(error)}`),
    })
    machineOf.set(agent, at)
    startedAt.set(agent, scheduler.now())
    noteKnown(at, at, scheduler.now())
    watch(agent)
    return agent
  }

  /** Discovery reads everything once in a while, changed or not. */
  function watch(agent: Agent): void {
    agent.process.run(() => agent.see(world.seenBy(machineOf.get(agent)!)))
    agent.process.clock.after(resyncMs, () => watch(agent))
  }

  /** Whatever happens to an agent happens to its twin. */
  function run(agent: Agent, callback: (agent: Agent) => void): void {
    for (const one of [agent, twinOf.get(agent)?.agent]) one?.process.run(() => callback(one))
  }

  function dropTwin({ agent }: Machine): void {
    const twin = agent && twinOf.get(agent)
    if (!twin) return
    twin.twins.freeze()
    twin.agent.process.kill()
    twinOf.delete(agent)
  }

  function addresses(): readonly string[] {
    return machines().flatMap((at) => {
      if (!at.agent) return []
      return setupOf(at).twoAddresses ? [at.address, `${at.address}~2`] : [at.address]
    })
  }

  function crash(at: Machine, silently: boolean): void {
    dropTwin(at)
    at.agent?.process.kill()
    at.agent = undefined
    network.close(at.address)
    network.abandon(at.address, silently)
  }

  function runGlobal(at: Machine): void {
    tasks += 1
    world.run(at, `demo_glob.${world.nodeOf(at)}.task${tasks}`, globalPlace(`task${tasks}`))
  }

  function runReplica(at: Machine, slot: string): void {
    tasks += 1
    world.run(at, `demo_web.${slot}.task${tasks}`, replicaPlace(slot, `task${tasks}`))
  }

  function setUp({ name, swarm, manager }: MachineSetup): void {
    const at = world.addMachine(name, { swarm, manager })
    for (const called of standaloneNames) world.run(at, called, { kind: 'standalone' })
    if (swarm) runGlobal(at)
  }

  /** Undefined: the agent was gone before it answered. */
  function response(agent: Agent, path: string, timeoutMs: number): Promise<Response> {
    const headers = { 'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000) }
    return new Promise((resolve) => {
      run(agent, (one) => void one.get(path, headers).then(one === agent ? resolve : undefined))
    })
  }

  const isRunningSince = ({ agent }: Machine, since: number) =>
    agent && !agent.process.isPaused() && Math.max(startedAt.get(agent)!, agent.process.resumedAt()) < since

  /** While a machine has a copy with the same epoch, each link may be the one's or the other's. */
  const areLinkedSince = (one: Machine, other: Machine, since: number) =>
    [one, other].every((at) => isRunningSince(at, since) && world.copiedUntil(at) <= since) &&
    (one === other || network.isUndisturbed(one.address, other.address, since))

  /** Whether the agent of the claimed node is there, and able to object. */
  function isContested({ as, to, node }: Claim): boolean {
    const since = scheduler.now() - relinkMs
    return world.nodeOf(as) === node && areLinkedSince(as, to, since)
  }

  function reviewLinks(): void {
    const since = scheduler.now() - relinkMs
    for (const at of machines())
      for (const other of machines()) {
        if (!other.original && areLinkedSince(at, other, since)) noteKnown(at, other, since)
      }
  }

  function noteKnown(at: Machine, of: Machine, until: number): void {
    knownUntil.set(at, (knownUntil.get(at) ?? new Map()).set(of, until))
    if (of.swarmId && of.isManager) informedAt.set(at, until)
  }

  function reviewClaims(): void {
    for (const claim of claims) {
      if (!isContested(claim)) believe(claim)
      else if (!claim.isOver()) continue
      claims.delete(claim)
    }
  }

  function believe(claim: Claim): void {
    believed.add(claim)
    oracle.distrust(claim.as, claim.to)
  }

  /** What may have happened since the last review is over after a longer time than this. */
  function reviewLater(): void {
    if (claims.size > 0) reviewClaims()
    reviewLinks()
    later(relinkMs / 4, reviewLater)
  }
  reviewLater()

  for (const setup of scenario.machines) setUp(setup)
  const members = machines().filter(({ swarmId }) => swarmId)
  for (const [at, slot] of slots.entries())
    if (members.length > 0) runReplica(members[at % members.length]!, slot)
  for (const at of machines()) start(at)

  return {
    ...{ scheduler, world, network, oracle, later, lasting, start, crash, runGlobal, runReplica, dropTwin },
    machine: (name) => world.machines.get(name),
    endAll() {
      for (const end of [...pending]) end()
    },
    stop(at) {
      const { agent } = at
      if (!agent) return
      dropTwin(at)
      at.agent = undefined
      agent.process.resume()
      network.close(at.address)
      void agent.stop()
      later(stopWithinMs, agent.process.kill)
    },
    clone(of, hasSameAddresses) {
      clones += 1
      return world.cloneMachine(`m${clones}0${of.name.slice(1)}`, of, hasSameAddresses)
    },
    endClone(copy, silently) {
      crash(copy, silently)
      world.removeMachine(copy)
    },
    takeSnapshot({ agent }, isClockStopped) {
      const twin = agent && twinOf.get(agent)
      if (!twin) return undefined
      const { agent: restored, twins } = twin
      twinOf.delete(agent)
      twins.freeze()
      if (isClockStopped) restored.process.freeze()
      else restored.process.pause()
      return {
        restore(at, silently) {
          if (at.agent) crash(at, silently)
          at.agent = restored
          machineOf.set(restored, at)
          startedAt.set(restored, scheduler.now())
          // a copy goes on at once: its clock has hardly stood still
          oracle.wasRestored(at, isClockStopped && !at.original)
          twins.part(at.address, silently)
          restored.process.resume()
        },
      }
    },
    intrude(to, as, options) {
      intruders += 1
      intruded.add(to)
      oracle.liesTo(to)
      const own = random.fork(`intruder ${intruders}`)
      const process = startProcess(scheduler, { offset: 0, rate: 1, lateMs: 0 }, own)
      const from = `x${intruders}`
      const node = as ? world.nodeOf(as) : `x${own.below(90) + 10}`
      void intrude({
        ...{ network, process, random: own, from, to: to.address, ...options },
        ...{ node, hellos, claimedAt: as && as !== to ? as.address : undefined },
        nodes: machines().map(world.nodeOf),
        ids: targetIds(),
      })
      if (as && as !== to) claims.add({ as, to, node, isOver: () => !process.isAlive() })
      reviewClaims()
      if (options.stays) staying.add(to)
      return () => {
        process.kill()
        network.abandon(from, own.chance(0.5))
      }
    },
    trustAgain() {
      oracle.trustAll()
      for (const claim of believed) if (!claim.isOver()) believe(claim)
    },
    isStarting: (at) => !isRunningSince(at, scheduler.now() - maxStartMs),
    isBothered: (at) => staying.has(at),
    wasIntruded: (at) => intruded.has(at),
    checkScrapes() {
      const since = scheduler.now() - maxScrapePauseMs
      for (const at of machines()) {
        if (!isRunningSince(at, since)) continue
        // without a manager nobody knows that a global task has a second endpoint
        const scraped = [...at.containers].flatMap((one) =>
          one.place.kind === 'global' ? [one] : endpointsOf(one),
        )
        for (const container of scraped) {
          if (!container.isRunning() || container.hasMisbehaved() || container.startedAt() > since) continue
          if (container.scrapedAt() < since)
            oracle.report(
              'not scraped',
              `${at.name} last scraped ${container.host} at ${container.scrapedAt()}`,
            )
        }
      }
    },
    changed() {
      later(discoveryDelayMs, () => {
        for (const at of machines()) {
          const { agent } = at
          if (!agent) continue
          const seen = world.seenBy(at)
          run(agent, (one) => one.see(seen))
        }
      })
    },
    remove(at, container) {
      if (container.isRunning()) container.stop(0)
      at.containers.delete(container)
    },
    isThere: (container) => machines().some(({ containers }) => containers.has(container)),
    async ask(at, path, timeoutMs) {
      const { agent, name } = at
      if (!agent) return undefined
      const requestedAt = scheduler.now()
      const given = await response(agent, path, timeoutMs)
      const answeredAt = scheduler.now()
      responses += 1
      if (given.status === 200 && path !== '/sd') pages += 1
      trace = crc32(`${answeredAt} ${name} ${path} ${given.status} ${given.age} ${given.body}`, trace)
      reviewClaims()
      const resumedAt = agent.process.resumedAt()
      oracle.check({
        ...{ agent, agentName: name, path, requestedAt, answeredAt, response: given },
        startedAt: startedAt.get(agent)!,
        outsideSince: world.outsideSince(at),
        informedAt: at.swarmId ? (informedAt.get(at) ?? 0) : answeredAt,
        knownUntil: (machine) => knownUntil.get(at)?.get(machine) ?? 0,
        areLinkedSince: (machine, since) => areLinkedSince(at, machine, since),
      })
      const tookMs = answeredAt - Math.max(requestedAt, resumedAt)
      if (tookMs > timeoutMs) oracle.report('late', `${name} ${path}: ${tookMs} ms of ${timeoutMs} ms`)
      return given
    },
    totals: () => ({ responses, pages, trace }),
    async end() {
      const perIntruder = targetIds().length + 5
      const most = targetIds().length + 3 * (starts + world.machines.size) + intruders * perIntruder
      for (const { agent, name } of machines()) {
        const things = agent ? await thingsOf(agent) : 0
        if (things > most) oracle.report('memory', `${name} remembers ${things} things, of at most ${most}`)
        agent?.process.kill()
      }
      for (const { agent } of twinOf.values()) agent.process.kill()
    },
  }
}

/** How much it remembers: targets and nodes. */
async function thingsOf(agent: Agent): Promise<number> {
  const { body } = await agent.get('/', { accept: 'application/json' })
  const status = JSON.parse(body || '{"targets":[],"nodes":[]}') as Status
  return status.targets.length + status.nodes.length
}

function textOf(error: unknown): string {
  const inner =
    error instanceof Error ? error : Object.values(Object(error)).find((one) => one instanceof Error)
  return inner instanceof Error ? (inner.stack ?? inner.message) : JSON.stringify(error)
}
