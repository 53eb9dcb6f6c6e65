// Makes scenarios from seeds. Each leaves out some kinds of events altogether: what is common would hide what is rare.

import { behaviours } from './containers.ts'
import { createRandom, type Random } from './random.ts'
import type { Event, Happening, MachineSetup, Scenario } from './scenario.ts'
import { slots, standaloneNames } from './world.ts'

export type Kind = Happening['kind']

/** The same for the same arguments. `without`: kinds of events that aren't to happen. */
export function createScenario(seed: number, steps: number, without: readonly Kind[] = []): Scenario {
  const random = createRandom(`scenario ${seed}`)
  const machines = createMachines(random)
  const calm = random.one([0.05, 0.1, 0.3, 1])
  const hasUpdates = !without.includes('replace') && random.fork('updates').chance(0.1)
  // among other faults hardly any update would come to what it is for
  const drawnKinds: readonly Drawn[] = hasUpdates ? ['ask'] : kindsOf(random)
  const possible = drawnKinds.filter((kind) => !without.includes(kind))
  const events: Event[] = []
  // agents that have known each other for a while don't believe others, which is judged only then
  let at = random.one([0, 3000, 9000, 9000])
  for (let step = 0; step < steps; step += 1) {
    at += Math.ceil(pauseMs(random) * calm)
    events.push({ at, ...happening(possible, machines, random) })
  }
  const isAlone = kinds.length - without.length <= 2
  const hasSnapshots = !without.includes('snapshot') && (isAlone || random.fork('snapshots').chance(0.1))
  const snapshots = hasSnapshots ? createSnapshots(machines, events, random.fork('snapshot')) : []
  const updates = hasUpdates ? createUpdates(machines, random.fork('update')) : []
  const added = [...snapshots, ...updates.filter(({ kind }) => !without.includes(kind))]
  return { seed: String(seed), machines, events: [...events, ...added].sort((a, b) => a.at - b.at) }
}

/** Not in all scenarios: each agent of which one is taken costs twice as much. */
function createSnapshots(
  machines: readonly MachineSetup[],
  events: readonly Event[],
  random: Random,
): readonly Event[] {
  const lastAt = events.at(-1)?.at ?? 0
  return Array.from({ length: random.between(1, 3) }, () => ({
    kind: 'snapshot',
    at: random.below(lastAt + 1),
    machine: random.one(machines).name,
    isCopied: random.chance(0.5),
    forMs: random.one(durationsMs),
    silently: random.chance(0.5),
    stopsClock: random.chance(0.5),
  }))
}

/** One after the other, so that each begins when all is well again. */
function createUpdates(machines: readonly MachineSetup[], random: Random): readonly Event[] {
  return Array.from({ length: 3 }, (_, at) => createUpdate(3000 + at * 30_000, machines, random)).flat()
}

/**
 * A slot gets another container while the old one runs on, and one agent is asked for it all the time: one that restarts,
 * and then loses the node of the new one, or that of a new one that responds slowly.
 */
function createUpdate(begin: number, machines: readonly MachineSetup[], random: Random): readonly Event[] {
  const names = machines.map(({ name }) => name)
  const [slot, asked] = [random.one(slots), random.one([names[0]!, random.one(names)])]
  const isSlow = random.chance(0.4)
  const machine = isSlow ? asked : random.one(names.filter((name) => name !== asked))
  const path = random.one([`/demo_web/${slot}/metrics`, '/demo_web/metrics'])
  const pauses = Array.from({ length: 40 }, () => random.one([20, 100, 300, 700]))
  let at = begin
  const replace: Event = {
    ...{ at, kind: 'replace', slot, machine, startFirst: true },
    ...{ overlapMs: random.one([12_000, 40_000]), isOldListed: random.chance(0.5) },
  }
  const asks = pauses.map((pause): Event => {
    at += pause
    return { at, kind: 'ask', machine: asked, path, timeoutMs: 5000 }
  })
  const [early, late] = [() => random.one(asks.slice(0, 10)).at, () => random.one(asks.slice(10, 25)).at]
  const end = (machine: string): Happening => {
    const downMs = random.one([0, 100, 3000])
    return random.chance(0.5)
      ? { kind: 'restart', machine, downMs }
      : { kind: 'crash', machine, downMs, silently: false }
  }
  const forMs = random.one([4000, 12_000])
  const faults: readonly Event[] = isSlow
    ? [
        // of all that may be the new one
        ...[3, 4, 5].map(
          (index) => ({ at: early(), kind: 'behave', machine, index, endpoint: 1, as: 'slow' }) as const,
        ),
        { at: late(), ...end(machine) },
      ]
    : [
        { at: early(), ...end(asked) },
        {
          at: late(),
          ...random.one<Happening>([
            { kind: 'cut', a: asked, b: machine, forMs },
            { kind: 'isolate', machine, forMs },
            end(machine),
          ]),
        },
      ]
  return [replace, ...asks, ...faults]
}

/** Many kinds at once, or few, each of which then happens to a cluster that is well otherwise. */
function kindsOf(random: Random): readonly Drawn[] {
  if (random.chance(0.6)) return drawn.filter((kind) => kind === 'ask' || random.chance(0.7))
  return ['ask', ...Array.from({ length: random.between(1, 3) }, () => random.one(drawn))]
}

function createMachines(random: Random): readonly MachineSetup[] {
  const count = random.one([2, 2, 3, 3, 4])
  const inSwarm = random.chance(0.7)
  return Array.from({ length: count }, (_, at) => ({
    name: `m${at + 1}`,
    swarm: inSwarm && (at === 0 || random.chance(0.9)),
    manager: at === 0 || random.chance(0.3),
    twoAddresses: random.chance(0.15),
    lateMs: random.one([0, 1, 1, 30]),
    fastPpm: random.between(-500, 500),
  }))
}

/** Mostly close together, so that they meet; sometimes long enough for what has a limit of time. */
function pauseMs(random: Random): number {
  const longest = random.one([5, 50, 300, 300, 300, 1000, 1000, 3000])
  return random.below(longest)
}

interface Draw {
  readonly random: Random
  readonly machines: readonly string[]
  readonly machine: string
  readonly other: string
  readonly index: number
  readonly forMs: number
}

/** All but those that `createSnapshots` adds. */
type Drawn = Exclude<Kind, 'snapshot'>
type Of<K extends Kind> = Omit<Extract<Happening, { kind: K }>, 'kind'>

/** How likely each kind is, and how the rest of it is made. */
const makers: { readonly [K in Drawn]: readonly [weight: number, make: (draw: Draw) => Of<K>] } = {
  ask: [35, ask],
  change: [6, (draw) => ({ ...endpointOf(draw), content: draw.random.below(4) })],
  behave: [5, (draw) => ({ ...endpointOf(draw), as: draw.random.one(behaviours) })],
  stop: [4, ({ machine, index, random, forMs }) => ({ machine, index, forMs, exitCode: random.below(2) })],
  remove: [2, ({ machine, index }) => ({ machine, index })],
  run: [2, ({ machine, random }) => ({ machine, name: random.one(standaloneNames) })],
  replace: [4, replace],
  cut: [5, ({ machine: a, other: b, forMs }) => ({ a, b, forMs })],
  isolate: [2, ({ machine, forMs }) => ({ machine, forMs })],
  reset: [3, ({ machine: a, other: b }) => ({ a, b })],
  delay: [3, ({ machine: a, other: b, random }) => ({ a, b, ms: random.one([0.2, 5, 40, 200]) })],
  restart: [3, ({ machine, random }) => ({ machine, downMs: random.one([0, 100, 3000, 20_000]) })],
  crash: [4, crash],
  pause: [3, ({ machine, forMs }) => ({ machine, forMs })],
  clone: [
    6,
    ({ machine, random }) => {
      const forMs = random.one([30, 300, 1500, 4000, 12_000])
      return { machine, forMs, silently: random.chance(0.5), together: random.chance(0.2) }
    },
  ],
  intrude: [
    3,
    ({ machine, machines, random, forMs }) => {
      const as = random.one(['itself', 'itself', ...machines])
      const manager = random.chance(0.3)
      // a manager that stays may lie about the Swarm for as long as it is believed
      const stays = !manager && random.chance(0.03)
      return { machine, as, manager, messages: random.between(1, 60), forMs, stays }
    },
  ],
  leave: [1, ({ machine }) => ({ machine })],
  join: [2, ({ machine }) => ({ machine })],
  promote: [1, ({ machine }) => ({ machine })],
  demote: [1, ({ machine }) => ({ machine })],
  swapNames: [1, ({ machine: a, other: b }) => ({ a, b })],
}
const drawn = Object.keys(makers) as Drawn[]
export const kinds: readonly Kind[] = [...drawn, 'snapshot']
const durationsMs = [30, 300, 1500, 2600, 4000, 12_000, 40_000]

function happening(kinds: readonly Drawn[], machines: readonly MachineSetup[], random: Random): Happening {
  const names = machines.map(({ name }) => name)
  const machine = random.one(names)
  const other = random.one(names.filter((name) => name !== machine))
  const draw = {
    random,
    machines: names,
    machine,
    other,
    index: random.below(6),
    forMs: random.one(durationsMs),
  }
  const kind = kindOf(kinds, random)
  return { kind, ...makers[kind][1](draw) } as Happening
}

function kindOf(kinds: readonly Drawn[], random: Random): Drawn {
  let left = random.below(kinds.reduce((sum, kind) => sum + makers[kind][0], 0))
  for (const kind of kinds) {
    left -= makers[kind][0]
    if (left < 0) return kind
  }
  return 'ask'
}

function ask({ random, machine, machines }: Draw): Of<'ask'> {
  const who = random.chance(0.7) ? machine : 'all'
  return { machine: who, path: pathOf(machines, random), timeoutMs: random.one([500, 5000, 10_000]) }
}

function endpointOf({ machine, index, random }: Draw) {
  return { machine, index, endpoint: random.one([1, 1, 2]) }
}

function pathOf(machines: readonly string[], random: Random): string {
  const host = `host${random.one(machines).slice(1)}`
  const path = random.one([
    () => `/${random.one(standaloneNames)}/${host}/metrics`,
    () => `/${random.one(standaloneNames)}/metrics`,
    () => `/demo_web/${random.one(slots)}/metrics`,
    () => '/demo_web/metrics',
    () => `/demo_glob/${host}/metrics`,
    () => '/sd',
  ])()
  return path === '/sd' ? path : `${path}${random.one(['', '', '?endpoint=2'])}`
}

function replace({ machine, random }: Draw): Of<'replace'> {
  const overlapMs = random.one([0, 200, 2000, 12_000])
  const [startFirst, isOldListed] = [random.chance(0.5), random.chance(0.5)]
  return { slot: random.one(slots), machine, startFirst, overlapMs, isOldListed }
}

function crash({ machine, random }: Draw): Of<'crash'> {
  const downMs = random.one([0, 100, 1500, 6000, 30_000])
  return { machine, downMs, silently: random.chance(0.5) }
}
