// What happens in a simulation, as plain data: it can be printed, cut down, and played again.

import type { Behaviour } from './containers.ts'

export interface Scenario {
  readonly seed: string
  readonly machines: readonly MachineSetup[]
  readonly events: readonly Event[]
}

export interface MachineSetup {
  readonly name: string
  readonly swarm: boolean
  readonly manager: boolean
  /** Its agent is found under two addresses, and so is dialled twice. */
  readonly twoAddresses: boolean
  /** Timers ring up to so much late. */
  readonly lateMs: number
  /** Parts per million by which its clock is fast. */
  readonly fastPpm: number
}

/** An event at a time, in milliseconds. What lasts says for how long: its end is no event of its own. */
export type Event = { readonly at: number } & Happening

interface EndpointOnMachine {
  readonly machine: string
  readonly index: number
  /** 1 or 2; of a container that has only one, nothing happens to a second. */
  readonly endpoint: number
}

export type Happening =
  // requests: one agent, or all at once
  | {
      readonly kind: 'ask'
      readonly machine: string | 'all'
      readonly path: string
      readonly timeoutMs: number
    }
  // containers, by their number among those that run on the machine
  | ({ readonly kind: 'change'; readonly content: number } & EndpointOnMachine)
  | ({ readonly kind: 'behave'; readonly as: Behaviour } & EndpointOnMachine)
  | {
      readonly kind: 'stop'
      readonly machine: string
      readonly index: number
      readonly forMs: number
      readonly exitCode: number
    }
  | { readonly kind: 'remove'; readonly machine: string; readonly index: number }
  | { readonly kind: 'run'; readonly machine: string; readonly name: string }
  /** Another task in a slot, perhaps on another machine, before or after the old one ends. */
  | {
      readonly kind: 'replace'
      readonly slot: string
      readonly machine: string
      readonly startFirst: boolean
      readonly overlapMs: number
      /** Until the old one ends, managers list it as meant to run; else it runs on though it should not. */
      readonly isOldListed: boolean
    }
  // the network
  | { readonly kind: 'cut'; readonly a: string; readonly b: string; readonly forMs: number }
  | { readonly kind: 'isolate'; readonly machine: string; readonly forMs: number }
  | { readonly kind: 'reset'; readonly a: string; readonly b: string }
  | { readonly kind: 'delay'; readonly a: string; readonly b: string; readonly ms: number }
  // agents
  | { readonly kind: 'restart'; readonly machine: string; readonly downMs: number }
  | { readonly kind: 'crash'; readonly machine: string; readonly downMs: number; readonly silently: boolean }
  | { readonly kind: 'pause'; readonly machine: string; readonly forMs: number }
  // identities
  | {
      readonly kind: 'clone'
      readonly machine: string
      readonly forMs: number
      readonly silently: boolean
      /** The agents of both start at the same instant: none was known before the other. */
      readonly together: boolean
    }
  /** The machine's state, with its agent's process, as of now. */
  | {
      readonly kind: 'snapshot'
      readonly machine: string
      /** A copy runs beside the machine, for so long; else the machine is restored to that state after so long. */
      readonly isCopied: boolean
      readonly forMs: number
      /** The agent isn't told that its connections are gone. */
      readonly silently: boolean
      /** Its clock goes on from where it was then. */
      readonly stopsClock: boolean
    }
  /** A peer that holds the secret calls the agent, says that it is this node (`itself`: one of its own), and
   *  lies; as a manager also about the Swarm. */
  | {
      readonly kind: 'intrude'
      readonly machine: string
      readonly as: string
      readonly manager: boolean
      readonly messages: number
      readonly forMs: number
      /** It holds on to its link to the end. */
      readonly stays: boolean
    }
  | { readonly kind: 'leave'; readonly machine: string }
  | { readonly kind: 'join'; readonly machine: string }
  | { readonly kind: 'promote'; readonly machine: string }
  | { readonly kind: 'demote'; readonly machine: string }
  | { readonly kind: 'swapNames'; readonly a: string; readonly b: string }

/** One line an event, for people. */
export function describeScenario({ seed, machines, events }: Scenario): string {
  const setups = machines.map(
    ({ name, swarm, manager, twoAddresses, lateMs, fastPpm }) =>
      `  ${name}: ${swarm ? (manager ? 'manager' : 'worker') : 'no Swarm'}${twoAddresses ? ', two addresses' : ''}${lateMs > 0 ? `, timers up to ${lateMs} ms late` : ''}, clock ${fastPpm} ppm fast`,
  )
  return [`seed ${seed}`, ...setups, ...events.map(describeEvent)].join('\n')
}

function describeEvent({ at, kind, ...rest }: Event): string {
  const fields = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  return `  ${(at / 1000).toFixed(3).padStart(9)} s  ${kind}: ${fields.join(', ')}`
}
