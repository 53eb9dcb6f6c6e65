// The stream between agents: damaged anywhere and cut anywhere, it gives messages or ends with a ProxyError. What was
// whole before the damage is what was sent; where the stream is cut makes no difference; what is understood can be
// said again.

import { deepStrictEqual } from 'node:assert'
import { ProxyError } from '../../src/errors.ts'
import { createFrameReader, type Frame, writeFrame } from '../../src/sync/frames.ts'
import { decode, encode, type Message } from '../../src/sync/messages.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import { messages } from '../../test/sync/every-message.ts'
import { cut, damaged } from './damage.ts'
import type { Engine } from './engine.ts'

const limit = 2 ** 20
/** How many of the streams have no wound. */
const whole = 0.05
/** How many of the inputs are one message, whole on the wire, with something else in one place of it. */
const misspoken = 0.3
const values = [null, true, -1, 0, 1.5, 1e300, '', 'x', '__proto__', [], [[]], {}, { kind: {} }]

interface Sent {
  readonly message: Message
  readonly bytes: Uint8Array
}

const all = messages.map((message): Sent => ({ message, bytes: encode(message) }))

const frames: Frame[] = []
createFrameReader(limit, (frame) => frames.push(frame)).push(Buffer.concat(all.map(({ bytes }) => bytes)))

interface Heard {
  readonly messages: readonly ReturnType<typeof decode>[]
  /** Why it ended. */
  readonly error?: string
}

export function stream(random: Random): Engine {
  const counts = { understood: 0, ended: 0 }
  const reasons = new Set<string>()

  function feed(bytes: Buffer, from: number, sent: readonly Sent[]): void {
    const heard = hear([bytes])
    deepStrictEqual(hear(cut(bytes, random)), heard)
    const unhurt = wholeBefore(from, sent)
    deepStrictEqual(heard.messages.slice(0, unhurt.length), unhurt)
    if (announcesTooMuch(bytes) && heard.error === undefined)
      throw new Error('too long a message is waited for')
    for (const message of heard.messages) if (message.kind !== 'other') sayAgain(message)
    counts.understood += heard.messages.length
    if (heard.error === undefined) return
    counts.ended++
    reasons.add(heard.error.replaceAll(/[\d.]+|\(.*\)/g, ''))
  }

  function wrongMessage(): Buffer {
    const { header, body } = random.one(frames)
    return Buffer.from(writeFrame(replaced(header, random), [body]))
  }

  return {
    next() {
      if (random.chance(misspoken)) {
        const bytes = wrongMessage()
        return { bytes, what: 'a message', run: () => feed(bytes, 0, []) }
      }
      const sent = Array.from({ length: 1 + random.below(6) }, () => random.one(all))
      const stream = Buffer.concat(sent.map(({ bytes }) => bytes))
      const { bytes, from } = random.chance(whole)
        ? { bytes: stream, from: stream.length }
        : damaged(stream, random)
      return { bytes, what: 'a stream', run: () => feed(bytes, from, sent) }
    },
    summary: () =>
      `${counts.understood} messages understood, ${counts.ended} streams ended for ${reasons.size} different reasons`,
  }
}

function hear(chunks: readonly Uint8Array[]): Heard {
  const heard: Heard['messages'][number][] = []
  let held = 0
  const reader = createFrameReader(limit, (frame: Frame) => {
    held += frame.body.length
    const message = decode(frame)
    if (message.kind === 'page')
      deepStrictEqual(Buffer.concat(message.frames.map(({ bytes }) => bytes)), Buffer.from(frame.body))
    heard.push(message)
  })
  try {
    for (const chunk of chunks) reader.push(chunk)
  } catch (error) {
    if (!(error instanceof ProxyError) || error.code !== 'protocol') throw error
    return { messages: heard, error: error.message }
  }
  const given = chunks.reduce((sum, { length }) => sum + length, 0)
  if (held > given) throw new Error(`${held} bytes heard of ${given}`)
  return { messages: heard }
}

/** What ended before this place. */
function wholeBefore(place: number, sent: readonly Sent[]): readonly Message[] {
  let end = 0
  return sent.flatMap(({ message, bytes }) => {
    end += bytes.length
    return end <= place ? [message] : []
  })
}

function announcesTooMuch(stream: Buffer): boolean {
  for (let at = 0; at + 4 <= stream.length; at += 4 + stream.readUInt32BE(at))
    if (stream.readUInt32BE(at) > limit) return true
  return false
}

function sayAgain(message: Message): void {
  // the first time rounds ages
  const said = hear([encode(message)]).messages
  deepStrictEqual(said.length, 1)
  deepStrictEqual(hear([encode(said[0] as Message)]).messages, said)
}

/** With another value in one place, however deep. */
function replaced(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.2)) return random.one(values)
  const entries = Object.entries(value)
  if (entries.length === 0) return random.one(values)
  const [key, old] = random.one(entries)
  const next = replaced(old, random)
  return Array.isArray(value) ? value.with(Number(key), next) : { ...value, [key]: next }
}
