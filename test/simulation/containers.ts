// Containers, and the true history of what each of them said at which time. What an agent serves is judged by it.

import { type Code, type Failure, ProxyError } from '../../src/errors.ts'
import type { Place } from '../../src/model.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

/** How it answers a scrape. */
export type Behaviour = 'answers' | 'slow' | 'hangs' | 'empty' | 'invalid' | 'huge' | 'refuses'
export const behaviours: readonly Behaviour[] = [
  ...(['answers', 'slow', 'hangs', 'empty', 'invalid', 'huge', 'refuses'] as const),
]

/** From `from` until before `to`, in the simulation's true time. */
export interface Span {
  readonly from: number
  readonly to: number
}

export interface Container {
  /** The Docker id: a clone of the machine has the same. */
  readonly id: string
  /** The host part of its URL, with the port of a second endpoint: no two share it. */
  readonly host: string
  readonly name: string
  readonly place: Place
  /** Its second endpoint, which answers for itself, and starts and stops with it. */
  readonly second: Container | undefined
  isRunning(): boolean
  exitCode(): number | undefined
  start(): void
  stop(exitCode: number): void
  behave(as: Behaviour): void
  /** Another text from now on; or one that it had before. */
  change(content: number): void
  /** Whether it has done anything but answer since it was started. */
  hasMisbehaved(): boolean
  /** Since when it runs. */
  startedAt(): number
  /** Since when each scrape has brought metrics, or would have; `undefined`: it doesn't now. */
  speaksSince(): number | undefined
  /** When it was last scraped. */
  scrapedAt(): number
  /** When it said this text, or would have at a scrape. */
  saidAt(text: string): readonly Span[]
  /** The same of the one line with content; `undefined`: of an empty text. */
  saidLineAt(line: Line | undefined): readonly Span[]
  /** Answers a scrape; rejects as an HTTP client would. */
  scrape(asking: Process, timeoutMs: number, signal?: AbortSignal): Promise<string>
}

/** The content of its text, in one line. */
export interface Line {
  readonly content: number
  readonly tick: number
}

export interface Content {
  readonly id: string
  readonly host: string
  readonly name: string
  readonly place: Place
  /** The number in its text rises so often; `undefined`: the text changes by `change` only. */
  readonly periodMs: number | undefined
  /** Lines beside the one with content. */
  readonly lines: number
  readonly hasSecond: boolean
}

export const secondPort = 9113

export function endpointsOf(container: Container): readonly Container[] {
  return container.second ? [container, container.second] : [container]
}

const latencyMs = 2
const slowMs = 1200

interface Era {
  readonly content: number
  readonly isEmpty: boolean
  readonly from: number
  to: number
}

export function createContainer(scheduler: Scheduler, given: Content): Container {
  const { id, host, name, place, periodMs, lines } = given
  let running = true
  let misbehaved = false
  let behaviour: Behaviour = 'answers'
  let content = 0
  let exitCode: number | undefined
  let startedAt = scheduler.now()
  let scrapedAt = 0
  let speaksSince: number | undefined
  const eras: Era[] = []
  const host2 = `${host}:${secondPort}`
  const second = given.hasSecond
    ? createContainer(scheduler, { ...given, host: host2, hasSecond: false })
    : undefined
  const filler = Array.from({ length: lines }, (_, at) => `filler{line="${at}"} ${at * 7}\n`).join('')
  begin()

  function begin(): void {
    const last = eras.at(-1)
    const now = scheduler.now()
    if (last && last.to > now) last.to = now
    const speaks = running && (behaviour === 'answers' || behaviour === 'slow' || behaviour === 'empty')
    speaksSince = speaks ? (speaksSince ?? now) : undefined
    if (speaks)
      eras.push({ content, isEmpty: behaviour === 'empty', from: now, to: Number.POSITIVE_INFINITY })
  }

  const tickAt = (time: number) => (periodMs === undefined ? 0 : Math.floor(time / periodMs))

  function textOf(tick: number, content: number): string {
    const labels = `container="${host}",content="${content}"`
    return `# TYPE said gauge\nsaid{${labels}} ${tick}\n# TYPE filler gauge\n${filler}`
  }

  function spanOf(line: Line | undefined, { content, isEmpty, from, to }: Era): Span[] {
    if (!line || isEmpty) return !line && isEmpty ? [{ from, to }] : []
    if (line.content !== content) return []
    if (periodMs === undefined) return line.tick === 0 ? [{ from, to }] : []
    const span = { from: Math.max(from, line.tick * periodMs), to: Math.min(to, (line.tick + 1) * periodMs) }
    // it may answer at the very moment of a change
    return span.from <= span.to ? [span] : []
  }

  const saidLineAt = (line: Line | undefined) => eras.flatMap((era) => spanOf(line, era))

  function answer(): string | Failure {
    if (!running || behaviour === 'refuses')
      return { code: 'connection_refused', reason: 'connection refused' }
    if (behaviour === 'huge') return { code: 'too_large', reason: 'more than MAX_BODY' }
    if (behaviour === 'invalid') return '<html>not metrics'
    return behaviour === 'empty' ? '' : textOf(tickAt(scheduler.now()), content)
  }

  return {
    ...{ id, host, name, place, second },
    isRunning: () => running,
    exitCode: () => exitCode,
    start() {
      running = true
      exitCode = undefined
      startedAt = scheduler.now()
      misbehaved = behaviour !== 'answers'
      begin()
      second?.start()
    },
    stop(code) {
      running = false
      exitCode = code
      begin()
      second?.stop(code)
    },
    behave(as) {
      behaviour = as
      misbehaved ||= as !== 'answers'
      begin()
    },
    change(to) {
      content = to
      begin()
    },
    hasMisbehaved: () => misbehaved,
    startedAt: () => startedAt,
    speaksSince: () => speaksSince,
    scrapedAt: () => scrapedAt,
    saidLineAt,
    saidAt(text) {
      const [, content, tick] = /^said\{container="[^"]*",content="(\d+)"\} (\d+)$/m.exec(text) ?? []
      const line = tick === undefined ? undefined : { content: Number(content), tick: Number(tick) }
      return text === (line ? textOf(line.tick, line.content) : '') ? saidLineAt(line) : []
    },
    scrape(asking, timeoutMs, signal) {
      scrapedAt = scheduler.now()
      const waitMs = behaviour === 'slow' ? slowMs : latencyMs
      return new Promise((resolve, reject) => {
        const fail = (code: Code, reason: string) => reject(new ProxyError(code, reason))
        const cancel = asking.clock.after(timeoutMs, () => fail('timeout', 'no answer in time'))
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        // what it says it says now, whenever the agent comes to read it
        scheduler.at(scheduler.now() + waitMs, () => {
          if (running && behaviour === 'hangs') return
          const said = answer()
          asking.run(() => {
            cancel()
            if (typeof said === 'string') resolve(said)
            else fail(said.code, said.reason)
          })
        })
      })
    },
  }
}
