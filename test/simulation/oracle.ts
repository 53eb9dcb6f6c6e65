// Judges what agents serve by what the containers said, and by nothing else. It knows no protocol: it may not be
// for why an answer is wrong.

import { endpointsOf, type Line, type Span } from './containers.ts'
import { createSlotJudge } from './slot-judge.ts'
import type { Response } from './web.ts'
import type { Machine, Placed, World } from './world.ts'

/** What is promised, in milliseconds. */
export interface Promises {
  readonly maxAgeMs: number
  readonly staleAfterMs: number
  /** What a peer sends may be on its way for so long, which is not counted. */
  readonly wayMs: number
}

/** Clocks go wrong by a little, and it takes a little to answer. */
const toleranceMs = 50
/** What an agent sent that was restored may be served for so long: until it is linked again, and stale. */
const restoredMs = 30_000

export interface Violation {
  /** Which rule, by its letter in docs; the same for the same kind of mistake. */
  readonly rule:
    | 'old'
    | 'back in time'
    | 'older replica'
    | 'never said'
    | 'late'
    | 'stale'
    | 'not live'
    | 'apart'
    | 'incomplete'
    | 'internal'
    | 'memory'
    | 'invented'
    | 'not scraped'
  readonly at: number
  readonly text: string
  /** Two mistakes with the same one are taken for the same mistake. */
  readonly signature: string
}

/** A request that was answered. */
export interface Exchange {
  /** Of this start of the agent, which runs since `startedAt`. */
  readonly agent: object
  readonly startedAt: number
  readonly agentName: string
  readonly path: string
  readonly requestedAt: number
  readonly answeredAt: number
  /** Since when the agent's node is in no Swarm; infinite while it is in one. */
  readonly outsideSince: number
  /** What the managers knew until then, the agent knew, or an earlier start of it. */
  readonly informedAt: number
  /** The same of what was known on that machine. */
  knownUntil(machine: Machine): number
  /** Whether nothing has happened since to the link to that machine’s agent, or to one of the two. */
  areLinkedSince(machine: Machine, since: number): boolean
  readonly response: Response
}

export interface Oracle {
  check(exchange: Exchange): void
  report(rule: Violation['rule'], text: string, detail?: string): void
  /** Anybody may say to the other agent anything of this machine: its own agent wasn't there to object. */
  distrust(machine: Machine, at: Machine): void
  /** The machine's agent is in an earlier state again: what it scraped until then may be served in place of newer metrics, with Age. */
  wasRestored(machine: Machine, isClockStopped: boolean): void
  /** A peer lies to this agent, perhaps of nodes that nobody else has. */
  liesTo(machine: Machine): void
  isDistrusted(machine: Machine, at: Machine): boolean
  /** Whoever spoke for the node of another is gone. */
  trustAll(): void
  readonly violations: readonly Violation[]
}

export function createOracle(world: World, now: () => number, promises: Promises): Oracle {
  const violations: Violation[] = []
  /** By agent, path and container: nothing older than this may be served to who asks after `known`. */
  const floors = new Map<object, Map<string, readonly Floor[]>>()

  /** By the agent that may be wrong, the machines of which it received lies. */
  const distrusted = new Map<string, Set<Machine>>()
  const restored = new Map<Machine, { readonly at: number; readonly isClockStopped: boolean }>()
  const restoredAt = (machine: Machine) => restored.get(machine)?.at ?? Number.NEGATIVE_INFINITY
  const slotJudge = createSlotJudge(world, restoredAt, restoredMs)
  /** The agents to which peers lied of any node. */
  const liedTo = new Set<string>()

  function report(rule: Violation['rule'], text: string, detail = ''): void {
    violations.push({ rule, at: now(), text, signature: `${rule} ${detail}` })
  }

  function check(exchange: Exchange): void {
    const { status, body } = exchange.response
    if (status !== 200 || body.startsWith('# "')) return
    if (exchange.path === '/sd') checkList(exchange)
    else for (const part of partsOf(exchange.path, body)) checkPart(exchange, part)
  }

  function checkPart(exchange: Exchange, part: Part): void {
    const { requestedAt, answeredAt, informedAt, response, path } = exchange
    if (isAnybodys(exchange, part)) return
    // a node that is lost is named as the managers name it; a machine that was restored knows former names
    const isOutdated = [...restored.values()].some(({ at }) => at > requestedAt - restoredMs)
    const from = isOutdated ? 0 : Math.min(informedAt, requestedAt - promises.staleAfterMs - 5000)
    const candidates = candidatesOf(world, { ...part, from })
    const liedAbout = distrusted.get(exchange.agentName)
    if (candidates.some(({ machine }) => liedAbout?.has(machine))) return
    if (liedAbout && hasTaskOn(liedAbout, part)) return
    const spans = candidates.flatMap(({ container }) => {
      const endpoint = endpointsOf(container)[part.endpoint - 1]
      return endpoint ? part.saidAt(endpoint) : []
    })
    const said = spans.filter(({ from }) => from <= answeredAt)
    const where = `${exchange.agentName} ${path} requested at ${ms(requestedAt)}, answered at ${ms(answeredAt)}`
    const what = `${response.age === undefined ? 'without Age' : `Age ${response.age}`}: ${part.text}`
    if (said.length === 0) {
      report('never said', `${where}, ${what}`)
      return
    }
    const youngest = Math.max(...said.map(({ to }) => Math.min(to, answeredAt)))
    const isTakenForNew = isMisjudged(exchange, candidates)
    if (youngest < oldestAllowed(exchange) && !isTakenForNew)
      report(
        response.age === undefined ? 'old' : 'stale',
        `${where}, ${what}: last said at ${ms(youngest)}, ${ms(requestedAt - youngest)} before the request`,
      )
    const isRestored = candidates.some(({ machine }) => restoredAt(machine) > requestedAt - restoredMs)
    const mayBeOlder = isTakenForNew || (isRestored && response.age !== undefined)
    if (!mayBeOlder) checkOrder(exchange, part, said, `${where}, ${what}`)
    if (!liedAbout) checkSlot(exchange, part, { candidates, said, text: `${where}, ${what}` })
  }

  /** An agent whose clock stood still takes what it had for so much younger. */
  function isMisjudged(
    { agentName, requestedAt, response }: Exchange,
    candidates: readonly Placed[],
  ): boolean {
    const concerned = [world.machines.get(agentName), ...candidates.map(({ machine }) => machine)]
    const sinceMs = response.age === undefined ? promises.maxAgeMs + toleranceMs : restoredMs
    return concerned.some((machine) => {
      const last = machine && restored.get(machine)
      return last?.isClockStopped && last.at > requestedAt - sinceMs
    })
  }

  /** What peers that lie invent is not listed of a machine whose agent is there. Names that it had before may be anybody's. */
  function checkList({ agentName, requestedAt, response: { body } }: Exchange): void {
    const liedAbout = distrusted.get(agentName)
    if (!liedAbout && body.includes('"cluster":"invented"'))
      report('invented', `${agentName}: the cluster’s name`)
    for (const [, host = ''] of body.matchAll(/"__metrics_path__":"\/invented\/([^"/]*)\/metrics"/g)) {
      const named = [...world.machines.values()].filter((machine) => world.namedAt(machine, host).length > 0)
      const isCurrent = named.some((machine) =>
        world.namedAt(machine, host).some(({ to }) => to > requestedAt),
      )
      if (isCurrent && !named.some((machine) => liedAbout?.has(machine)))
        report('invented', `${agentName} lists a container of ${host} that never was`)
    }
  }

  /** Where no managers are known, who may speak for a node may also say that its containers are replicas. */
  function isAnybodys({ agentName }: Exchange, { name }: Part): boolean {
    return liedTo.has(agentName) && name.startsWith('demo_') && !world.machines.get(agentName)?.swarmId
  }

  /** Managers list containers of tasks by node only: who speaks for the node may put them into any slot. */
  function hasTaskOn(machines: ReadonlySet<Machine>, { name }: Part): boolean {
    return world
      .placedAs(name)
      .some(({ container, machine }) => container.place.kind === 'replicated' && machines.has(machine))
  }

  function oldestAllowed({ requestedAt, answeredAt, response: { age } }: Exchange): number {
    const { maxAgeMs, staleAfterMs, wayMs } = promises
    if (age === undefined) return requestedAt - maxAgeMs - toleranceMs
    // Age is rounded to seconds
    return answeredAt - Math.min((age + 0.5) * 1000, staleAfterMs) - wayMs - toleranceMs
  }

  /** Whatever was served before was said at some time; what is served now must not have ended before that. */
  function checkOrder(
    { agent, path, requestedAt, answeredAt }: Exchange,
    part: Part,
    said: readonly Span[],
    text: string,
  ) {
    const ofAgent = floors.get(agent) ?? new Map<string, readonly Floor[]>()
    floors.set(agent, ofAgent)
    const key = `${path} ${part.key}`
    const known = ofAgent.get(key) ?? []
    const floor = Math.max(0, ...known.filter(({ since }) => since <= requestedAt).map(({ time }) => time))
    const possible = said.filter(({ to }) => to > floor)
    if (possible.length === 0) {
      report('back in time', `${text}: served before was what was said at ${ms(floor)}`)
      return
    }
    const time = Math.max(floor, Math.min(...possible.map(({ from }) => from)))
    ofAgent.set(key, [...known.slice(-20), { since: answeredAt, time }])
  }

  function checkSlot(
    exchange: Exchange,
    { key, endpoint }: Part,
    { candidates, said, text }: { candidates: readonly Placed[]; said: readonly Span[]; text: string },
  ): void {
    const served = candidates.find(({ container }) => container.host === key.split(' ').at(-1))
    if (!served || endpoint !== 1) return
    const newer = slotJudge(exchange, served, Math.min(...said.map(({ from }) => from)))
    if (newer) report('older replica', `${text}: ${newer.host}, which runs, was served before`)
  }

  return {
    ...{ check, report, violations },
    distrust(machine, { name }) {
      distrusted.set(name, (distrusted.get(name) ?? new Set()).add(machine))
    },
    wasRestored: (machine, isClockStopped) => void restored.set(machine, { at: now(), isClockStopped }),
    isDistrusted: (machine, { name }) => distrusted.get(name)?.has(machine) ?? false,
    liesTo: ({ name }) => void liedTo.add(name),
    trustAll: () => distrusted.clear(),
  }
}

interface Floor {
  readonly since: number
  readonly time: number
}

/** What is served of one container. */
interface Part {
  /** Names the container by what it says of itself; empty where it says nothing. */
  readonly key: string
  readonly text: string
  readonly name: string
  readonly replica: string | undefined
  readonly endpoint: number
  saidAt(container: Placed['container']): readonly Span[]
}

function partsOf(path: string, body: string): readonly Part[] {
  const [, names = '', number = '1'] = /^\/(.*)\/metrics(?:\?endpoint=(\d))?$/.exec(path) ?? []
  const [name = '', replica] = names.split('/')
  const endpoint = Number(number)
  if (name === 'demo_web' && replica === undefined) return replicasOf(name, endpoint, body)
  const host = /container="([^"]*)"/.exec(body)?.[1] ?? ''
  const text =
    body === '' ? '(empty)' : (body.split('\n').find((line) => line.startsWith('said')) ?? body.slice(0, 200))
  return [{ key: host, text, name, replica, endpoint, saidAt: (container) => container.saidAt(body) }]
}

function replicasOf(name: string, endpoint: number, body: string): readonly Part[] {
  const up = [...body.matchAll(/^app_metrics_proxy_replica_up\{slot="(\d+)"\} 1$/gm)].map(([, slot]) => slot!)
  return up.map((slot) => {
    const found = body.split('\n').find((line) => line.startsWith('said{') && line.includes(`slot="${slot}"`))
    const [, host = '', content, tick] =
      /container="([^"]*)",content="(\d+)".*\} (\d+)$/.exec(found ?? '') ?? []
    const line: Line | undefined =
      tick === undefined ? undefined : { content: Number(content), tick: Number(tick) }
    return {
      key: `${slot} ${host}`,
      text: found ?? `(slot ${slot} empty)`,
      name,
      endpoint,
      replica: slot,
      saidAt: (container) => (line && container.host !== host ? [] : container.saidLineAt(line)),
    }
  })
}

/** The containers that have had this name, and this place in it since `from`. */
function candidatesOf(
  world: World,
  { name, replica, from }: Part & { readonly from: number },
): readonly Placed[] {
  return world.placedAs(name).filter(({ container: { place }, machine }) => {
    if (replica === undefined) return true
    if ('slot' in place) return place.slot === replica
    return world.namedAt(machine, replica).some(({ to }) => to > from)
  })
}

function ms(time: number): string {
  return `${(time / 1000).toFixed(3)} s`
}
