// What we make of an answer is what another client makes of it, on the same bytes.

import { Client } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { damaged } from '../../../tools/fuzz/damage.ts'
import { seeded } from '../../exposition/corpus/random.ts'
import { type RunningServer, tcpServer } from '../../helpers/server.ts'
import { answers, type Verdict } from './answers.ts'
import { verdictOn } from './reading.ts'

interface Understood {
  readonly status: number
  readonly body: string
}

let server: RunningServer
/** What is sent to who asks for the path of its number. */
const streams: Buffer[] = []

beforeAll(async () => {
  server = await tcpServer((socket) => {
    socket.once('data', (request) =>
      socket.end(streams[Number(/^GET \/(\d+)/.exec(request.toString())![1])]!),
    )
  })
})
afterAll(() => server[Symbol.asyncDispose]())

async function theirs(bytes: Buffer): Promise<Understood | undefined> {
  const path = `/${streams.push(bytes) - 1}`
  const client = new Client(`http://127.0.0.1:${server.port}`, { allowH2: false, maxHeaderSize: 16 * 1024 })
  try {
    const { statusCode, body } = await client.request({ method: 'GET', path })
    return { status: statusCode, body: Buffer.from(await body.arrayBuffer()).toString('latin1') }
  } catch {
    return undefined
  } finally {
    await client.destroy()
  }
}

function understood(verdict: Verdict): Understood | undefined {
  return typeof verdict === 'string' ? undefined : { status: verdict.status, body: verdict.body }
}

describe.concurrent('undici agrees on', () => {
  test.each(answers.filter(({ differs }) => !differs).map(({ what, ...rest }) => [what, rest] as const))(
    '%s',
    async (_, { bytes, verdict }) => {
      expect(await theirs(Buffer.from(bytes, 'latin1'))).toEqual(understood(verdict))
    },
  )
})

test('undici still differs where it is known to', async () => {
  const known = answers.filter(({ differs }) => differs)
  const agreed = await Promise.all(
    known.map(async ({ what, bytes, verdict }) => {
      const same = (await theirs(Buffer.from(bytes, 'latin1')))?.body === understood(verdict)?.body
      return same ? [what] : []
    }),
  )
  expect(agreed.flat()).toEqual([])
})

test('what both understand of damaged answers is the same', async () => {
  const random = seeded(20_261_121)
  const small = answers.filter(({ bytes }) => bytes.length < 1000)
  let both = 0
  for (let n = 0; n < 40; n += 1) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { bytes } = damaged(Buffer.from(random.one(small).bytes, 'latin1'), random)
        const ours = understood(verdictOn([bytes]))
        const other = await theirs(bytes)
        if (!ours || !other) return
        both += 1
        expect(ours, bytes.toString('latin1')).toEqual(other)
      }),
    )
  }
  expect(both).toBeGreaterThan(20)
})
