// The end of a scenario: everything is made whole, and then all agents must agree with each other and with the truth.

import { type Cluster, discoveryDelayMs } from './cluster.ts'
import { type Container, endpointsOf } from './containers.ts'
import type { Response } from './web.ts'
import { type Machine, slots, type World } from './world.ts'

/** One agent a node id, a network without cuts, and containers that answer. */
export function makeWhole(cluster: Cluster): void {
  const { world, network } = cluster
  cluster.endAll()
  network.restoreAll()
  replaceStopped(cluster)
  for (const at of world.machines.values()) cluster.start(at)
  restartContainers(cluster)
}

/** As Swarm does it: each slot and each node gets its task again. */
function replaceStopped(cluster: Cluster): void {
  const members = [...cluster.world.machines.values()].filter(({ swarmId }) => swarmId)
  const [first] = members
  if (!first) return
  for (const at of members) {
    for (const container of [...at.containers])
      if (container.place.kind !== 'standalone' && !container.isRunning()) cluster.remove(at, container)
    if (![...at.containers].some(({ place }) => place.kind === 'global')) cluster.runGlobal(at)
  }
  const replicas = members.flatMap(({ containers }) => [...containers].map(({ place }) => place))
  for (const slot of slots)
    if (!replicas.some((place) => place.kind === 'replicated' && place.slot === slot))
      cluster.runReplica(first, slot)
}

/** As `docker restart` would: else agents look for metrics in those that misbehaved only once in a while. */
function restartContainers({ world, changed, later }: Cluster): void {
  const all = [...world.machines.values()].flatMap(({ containers }) => [...containers])
  const misbehaved = all.filter(
    (container) =>
      container.isRunning() && endpointsOf(container).some((endpoint) => endpoint.hasMisbehaved()),
  )
  for (const container of misbehaved) container.stop(1)
  for (const endpoint of all.flatMap(endpointsOf)) endpoint.behave('answers')
  changed()
  later(2 * discoveryDelayMs, () => {
    for (const container of misbehaved) container.start()
    changed()
  })
}

export async function checkWhole(cluster: Cluster): Promise<void> {
  const machines = [...cluster.world.machines.values()]
  cluster.trustAgain()
  cluster.checkScrapes()
  const ready = machines.filter((at) => !isHeldUp(at, machines, cluster))
  await checkLists(ready, cluster)
  for (const at of ready) {
    const paths = pathsThatAnswer(ready.filter((owner) => !isDivided(at, owner, cluster)))
    // who speaks for a node may put its tasks into any slot, or keep a manager’s list of tasks away
    const knowsTasks = !machines.some((other) => isDivided(at, other, cluster))
    await checkPages(at, knowsTasks ? paths : paths.filter((path) => !path.startsWith('/demo_')), cluster)
  }
}

/** It has just started and waits: for a peer that lies, or for what one has that doesn't take its link. */
function isHeldUp(at: Machine, machines: readonly Machine[], cluster: Cluster): boolean {
  const isHindered = cluster.isBothered(at) || machines.some((other) => isDivided(at, other, cluster))
  return isHindered && cluster.isStarting(at)
}

/** One of the two believes a peer that has the other one's node id, and so refuses the other one. */
function isDivided(one: Machine, other: Machine, { oracle }: Cluster): boolean {
  return oracle.isDistrusted(one, other) || oracle.isDistrusted(other, one)
}

async function checkPages(at: Machine, paths: readonly string[], cluster: Cluster): Promise<void> {
  // where no managers are known, a peer that lies may take a replica's place
  const isAnybodys = (path: string) => !at.swarmId && path.startsWith('/demo_') && cluster.wasIntruded(at)
  const asked = paths.filter((path) => !isAnybodys(path))
  const responses = await asking(at, asked, cluster)
  for (const path of asked) {
    const response = responses.get(path)
    if (response?.status !== 200 || response.age !== undefined)
      cluster.oracle.report('not live', `${at.name} ${path}: ${describe(response)}`, `${response?.status}`)
  }
}

/** Outside of the Swarm nobody knows its managers, so its state is known only inside. */
async function checkLists(ready: readonly Machine[], cluster: Cluster): Promise<void> {
  const { oracle, world } = cluster
  const machines = [...world.machines.values()]
  const isComparable = comparable(machines, world)
  const firsts = new Map<boolean, readonly [string, readonly string[]]>()
  for (const at of ready) {
    const response = (await asking(at, ['/sd'], cluster)).get('/sd')
    if (response?.status !== 200) {
      oracle.report('incomplete', `${at.name} /sd: ${describe(response)}`)
      continue
    }
    if (machines.some((owner) => isDivided(at, owner, cluster))) continue
    // outside of the Swarm a peer that lies may be taken for a member
    if (!at.swarmId && cluster.isBothered(at)) continue
    const lines = linesOf(response).filter(isComparable)
    const isInside = at.swarmId !== undefined
    const [name, first] = firsts.get(isInside) ?? [at.name, lines]
    firsts.set(isInside, [name, first])
    const differences = differencesOf(first, lines)
    if (differences.length === 0) continue
    const shown = differences.slice(0, 6).join('\n')
    oracle.report('apart', `${at.name} gives another /sd than ${name}:\n${shown}`)
  }
}

/** The responses that are there after a short time. */
async function asking(
  at: Machine,
  paths: readonly string[],
  { ask, scheduler }: Cluster,
): Promise<ReadonlyMap<string, Response>> {
  const responses = new Map<string, Response>()
  for (const path of paths)
    void ask(at, path, 5000).then((response) => response && responses.set(path, response))
  await scheduler.passUntil(scheduler.now() + 50)
  return responses
}

function describe(response: Response | undefined): string {
  if (!response) return 'no answer'
  const { status, age, body } = response
  return `${status}${age === undefined ? '' : `, Age ${age}`}, ${body.slice(0, 300).trim()}`
}

function pathsThatAnswer(machines: readonly Machine[]): readonly string[] {
  const all = machines.flatMap((at) => [...at.containers].map((one) => [at, one] as const))
  return pathsOf(all.filter(([, container]) => container.isRunning()))
}

function pathsOf(placed: readonly (readonly [Machine, Container])[]): readonly string[] {
  return placed.flatMap(([{ hostname }, container]) => {
    const path = pathOf(hostname, container)
    return endpointsOf(container).map((_, at) => (at === 0 ? path : `${path}?endpoint=${at + 1}`))
  })
}

function pathOf(hostname: string, { place, name }: Container): string {
  if (place.kind === 'replicated') return `/${place.service}/${place.slot}/metrics`
  return `/${place.kind === 'global' ? place.service : name}/${hostname}/metrics`
}

function linesOf(list: Response | undefined): readonly string[] {
  return (list?.body ?? '').split('\n').map((line) => line.replace(/,$/, ''))
}

/** What an agent remembers of node ids that are gone, another that started later can't know. */
function comparable(machines: readonly Machine[], world: World): (line: string) => boolean {
  const paths = new Set(
    pathsOf(machines.flatMap((at) => [...at.containers].map((one) => [at, one] as const))),
  )
  const known = new Set(machines.flatMap((at) => [at.hostname, world.nodeOf(at)]))
  const moved = new Set(machines.filter(world.hasChangedIds).map(({ hostname }) => hostname))
  return (line) => {
    const node = /"node":"([^"]*)"/.exec(line)?.[1]
    const path = /"__metrics_path__":"([^"]*)"/.exec(line)?.[1] ?? ''
    // where there are no managers, a peer that lies may invent containers of its own in any service
    if (node === undefined) return paths.has(path) || machines.some(({ swarmId }) => swarmId)
    return known.has(node) && (!moved.has(node) || paths.has(path))
  }
}

/** What the lists say differently, target by target and label by label. */
function differencesOf(some: readonly string[], others: readonly string[]): readonly string[] {
  const [ours, theirs] = [labelsByPath(some), labelsByPath(others)]
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((path) => {
    const [one, other] = [ours.get(path), theirs.get(path)]
    if (!one || !other) return [`${path}: ${one ? 'missing' : 'added'}`]
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])]
    return names
      .filter((name) => one[name] !== other[name])
      .map((name) => `${path}: ${name} ${other[name]} instead of ${one[name]}`)
  })
}

type Labels = Readonly<Record<string, string>>

function labelsByPath(lines: readonly string[]): ReadonlyMap<string, Labels> {
  const targets = lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line).labels as Labels)
  return new Map(targets.map((labels) => [`${labels.__metrics_path__} ${labels.__param_endpoint}`, labels]))
}
