// A copy of a running process, as a snapshot of its virtual machine has it. JavaScript's state can't be copied, so a second
// process runs beside the first one from its start on: with the same randomness, the same timers, and all that the first
// one receives, at the same moments. What it sends goes nowhere, and must be what the first one sends, to the byte. From
// the snapshot on it is a process of its own.

import { ProxyError } from '../../src/errors.ts'
import type { Channel, ChannelHandlers } from '../../src/sync/channel.ts'
import { sleepBy } from '../helpers/clock.ts'
import type { Network } from './network.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

/** What an agent uses of the network. */
export type Wires = Pick<Network, 'dial' | 'listen'>

export interface Twins {
  readonly first: Wires
  readonly second: Wires
  /** The second one receives nothing any more. */
  freeze(): void
  /** The second one has this address from now on, and its connections are gone. `silently`: it never learns of it. */
  part(address: string, silently: boolean): void
}

interface Dial {
  readonly to: string
  readonly outcome: PromiseWithResolvers<Channel>
}

/** A channel of the first one, and the second one's copy of it. */
interface Line {
  readonly first: Channel
  readonly second: Channel
  end(): void
}

export function createTwins(
  scheduler: Scheduler,
  network: Wires,
  onDifference: (text: string) => void,
): Twins {
  let [isTogether, isApart] = [true, false]
  let address = ''
  let taken = 0
  let accept: ((channel: Channel) => void) | undefined
  let process: Process | undefined
  const dials: Dial[] = []
  const lines: Line[] = []

  /** The first one dials for both: what that takes is no timer of its own, which would draw from its randomness. */
  function kernelOf(by: Process): Process {
    const after = (ms: number, callback: () => void) =>
      scheduler.at(scheduler.now() + ms, () => by.run(callback))
    return { ...by, clock: { now: by.clock.now, after, sleep: sleepBy(after) } }
  }

  function lineOver(channel: Channel): Line {
    const sent: { readonly bytes: Uint8Array; readonly isTaken: boolean }[] = []
    let early: ((to: ChannelHandlers) => void)[] = []
    let handlers: ChannelHandlers | undefined
    let isEnded = false

    function forward(event: (to: ChannelHandlers) => void): void {
      if (!isTogether) return
      if (!handlers) early.push(event)
      else process?.run(() => event(handlers!))
    }

    function end(): void {
      if (isEnded) return
      isEnded = true
      process?.clock.after(1, () => handlers?.closed())
    }

    const { dialled, sessionId } = channel
    const about = { address: channel.address, dialled, sessionId }
    const line: Line = {
      first: {
        ...about,
        open(own) {
          channel.open({
            data(bytes) {
              own.data(bytes)
              forward((other) => other.data(bytes))
            },
            drained() {
              own.drained()
              forward((other) => other.drained())
            },
            closed(failure) {
              own.closed(failure)
              if (isTogether) isEnded = true
              forward((other) => other.closed(failure))
            },
          })
        },
        write(bytes) {
          const isTaken = channel.write(bytes)
          if (isTogether) sent.push({ bytes, isTaken })
          return isTaken
        },
        close: channel.close,
      },
      second: {
        ...about,
        open(given) {
          handlers = given
          const events = early
          early = []
          for (const event of events) event(given)
        },
        write(bytes) {
          if (!isTogether) return true
          const expected = sent.shift()
          if (!expected || Buffer.compare(expected.bytes, bytes) !== 0)
            onDifference('it sends something else')
          return expected?.isTaken ?? true
        },
        close() {
          if (isApart) end()
        },
      },
      end,
    }
    lines.push(line)
    return line
  }

  return {
    first: {
      async dial(by, from, to, signal) {
        if (!isTogether) return network.dial(by, from, to, signal)
        const outcome = Promise.withResolvers<Channel>()
        outcome.promise.catch(() => {})
        dials.push({ to, outcome })
        try {
          const channel = await network.dial(kernelOf(by), from, to, signal)
          if (!isTogether) return channel
          const { first, second } = lineOver(channel)
          outcome.resolve(second)
          return first
        } catch (error) {
          if (isTogether) outcome.reject(error)
          throw error
        }
      },
      listen(at, by, on) {
        network.listen(at, by, (channel) => {
          if (!isTogether) return on(channel)
          const { first, second } = lineOver(channel)
          on(first)
          accept?.(second)
        })
      },
    },
    second: {
      async dial(by, _, to, signal) {
        if (isApart) return network.dial(by, address, to, signal)
        process = by
        if (!isTogether) dials.push({ to, outcome: Promise.withResolvers() })
        const dial = isTogether ? dials[taken] : dials.at(-1)
        taken += 1
        if (dial?.to !== to) onDifference(`it dials ${to} instead of ${dial?.to}`)
        return dial!.outcome.promise
      },
      listen(_, by, on) {
        process = by
        accept = on
        if (isApart) network.listen(address, by, on)
      },
    },
    freeze() {
      isTogether = false
    },
    part(at, silently) {
      ;[isTogether, isApart, address] = [false, true, at]
      for (const { outcome } of dials) outcome.reject(new ProxyError('reset', 'the connection is gone'))
      if (!silently) for (const { end } of lines) end()
      if (process && accept) network.listen(address, process, accept)
    },
  }
}
