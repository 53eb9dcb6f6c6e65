import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createFinder, createLookUp, type LookUp } from '../../src/sync/find-peers.ts'
import { virtualClock } from '../helpers/clock.ts'
import { until } from '../helpers/until.ts'

const signal = new AbortController().signal
const dns =
  (answers: Record<string, readonly string[] | Error>): LookUp =>
  async (name) => {
    const answer = answers[name] ?? []
    if (answer instanceof Error) throw answer
    return answer
  }
const finder = (lookUp: LookUp, where: { service?: string; peers?: readonly string[] }) =>
  createFinder(() => ({ service: where.service, sshPort: 2140, peers: where.peers ?? [] }), lookUp)

test('the tasks of the own service and the listed peers, each once, IPv4 and IPv6', async () => {
  const lookUp = dns({ 'tasks.demo_proxy': ['10.0.0.3', '10.0.0.2', 'fd00::2'], peer: ['10.0.0.2'] })
  const find = finder(lookUp, { service: 'demo_proxy', peers: ['peer:2140', '[fd00::9]:1', '10.1.1.1:2'] })
  expect(await find(signal)).toEqual([
    '10.0.0.2:2140',
    '10.0.0.3:2140',
    '10.1.1.1:2',
    '[fd00::2]:2140',
    '[fd00::9]:1',
  ])
})

test('no tasks yet is no failure', async () => {
  expect(await finder(dns({}), { service: 'demo_proxy' })(signal)).toEqual([])
})

test('a failing server takes nothing away, neither of what was found nor of the others', async () => {
  const answers: Record<string, readonly string[] | Error> = { a: ['10.0.0.1'], b: ['10.0.0.2'] }
  const find = finder((name, s) => dns(answers)(name, s), { peers: ['a:1', 'b:1'] })
  expect(await find(signal)).toEqual(['10.0.0.1:1', '10.0.0.2:1'])
  answers.a = new Error('SERVFAIL')
  answers.b = []
  expect(await find(signal)).toEqual(['10.0.0.1:1'])
})

test('nothing found and nobody to ask is a failure', async () => {
  await expect(finder(dns({ a: new Error('SERVFAIL') }), { peers: ['a:1'] })(signal)).rejects.toThrow(
    'SERVFAIL',
  )
})

describe('a look-up', () => {
  const [noError, failure, noSuchName] = [0, 2, 3]
  /** What is answered by type of address; a number: that there is none, for this reason; nothing: silence. */
  type Zone = Readonly<Record<string, { readonly A: Answer; readonly AAAA: Answer }>>
  type Answer = readonly string[] | number | undefined
  const zone: Zone = {
    both: { A: ['10.0.0.2', '10.0.0.3'], AAAA: ['fd00::2'] },
    old: { A: ['10.0.0.2'], AAAA: noError },
    new: { A: noError, AAAA: ['fd00::2'] },
    half: { A: ['10.0.0.2'], AAAA: failure },
    none: { A: noSuchName, AAAA: noSuchName },
    empty: { A: noError, AAAA: noError },
    broken: { A: failure, AAAA: failure },
    doubtful: { A: noSuchName, AAAA: failure },
    silent: { A: undefined, AAAA: undefined },
  }
  const socket = createSocket('udp4')
  /** The port of each question. */
  const clients: number[] = []
  let servers: readonly string[]

  beforeAll(async () => {
    socket.on('message', (query, { port }) => {
      clients.push(port)
      const { name, type } = questionOf(query)
      const answer = zone[name.replace(/^tasks\./, '')]?.[type]
      if (answer !== undefined) socket.send(replyTo(query, answer), port, '127.0.0.1')
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    servers = [`127.0.0.1:${socket.address().port}`]
  })
  afterAll(() => socket.close())

  const lookUp = (name: string) => createLookUp(systemClock, servers)(`tasks.${name}`, signal)

  test.each<[string, readonly string[]]>([
    ['both', ['10.0.0.2', '10.0.0.3', 'fd00::2']],
    ['old', ['10.0.0.2']],
    ['new', ['fd00::2']],
    ['half', ['10.0.0.2']],
    ['none', []],
    ['empty', []],
  ])('of tasks: %s', async (name, addresses) => {
    expect(await lookUp(name)).toEqual(addresses)
  })

  test.each(['broken', 'doubtful'])('that nobody could answer is no empty answer: %s', async (name) => {
    await expect(lookUp(name)).rejects.toThrow(`the name tasks.${name} can’t be looked up (ESERVFAIL)`)
  })

  test('that gets no answer ends after 3 s, and asks no more', async () => {
    const clock = virtualClock()
    const query = once(socket, 'message')
    const answer = createLookUp(clock, servers)('tasks.silent', signal).catch(String)
    await query
    await clock.pass(3000)
    expect(await answer).toMatch('the name tasks.silent can’t be looked up (no answer)')
    const former = new Set(clients.splice(0))
    // one that goes on is sent again by then
    const leaving = new AbortController()
    const goingOn = createLookUp(clock, servers)('tasks.silent', leaving.signal).catch(String)
    await until('the same question again', () => clients.length >= 4)
    expect(clients.filter((port) => former.has(port))).toEqual([])
    leaving.abort()
    await goingOn
  })

  test('that nobody waits for is not begun', async () => {
    const answer = createLookUp(systemClock, servers)('tasks.both', AbortSignal.abort())
    await expect(answer).rejects.toThrow('can’t be looked up')
  })

  test('of any other name is the system’s, with all its addresses', async () => {
    expect(await createLookUp(systemClock, ['127.0.0.1:1'])('localhost', signal)).toContain('127.0.0.1')
  })
})

const types: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' }

function questionOf(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), type: types[query.readUInt16BE(at + 1)]!, end: at + 5 }
}

/** As RFC 1035 has it: the question again, and each answer with a pointer to its name. */
function replyTo(query: Buffer, answer: readonly string[] | number): Buffer {
  const { type, end } = questionOf(query)
  const records = typeof answer === 'number' ? [] : answer.map((address) => bytesOf(address, type))
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 + (typeof answer === 'number' ? answer : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  const kind = type === 'A' ? 1 : 28
  const answers = records.map((data) =>
    Buffer.from([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, data.length, ...data]),
  )
  return Buffer.concat([head, query.subarray(12, end), ...answers])
}

function bytesOf(address: string, type: 'A' | 'AAAA'): readonly number[] {
  if (type === 'A') return address.split('.').map(Number)
  const [front, back] = address.split('::').map((half) => Buffer.from(half.padStart(4, '0'), 'hex'))
  return [...front!, ...Buffer.alloc(16 - front!.length - back!.length), ...back!]
}
