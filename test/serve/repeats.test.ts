import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { node, standalone } from '../store/world.ts'
import { type Agent, page, read, startAgent } from './agent.ts'

const entry = (text: string, more: Parameters<typeof standalone>[2] = {}) => ({
  ...standalone('n1', 'web', more),
  snapshot: read(text, 3000),
})
const get = (path: string, ...headers: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')

let agent: Agent
let socket: Socket
let heard = ''
beforeEach(async () => {
  agent = await startAgent({ entries: [entry('a 1\n')], maxAge: 'off' })
  heard = ''
  socket = connect({ host: '127.0.0.1', port: agent.port })
  socket.setEncoding('latin1').on('data', (text) => {
    heard += text
  })
  await once(socket, 'connect')
})
afterEach(async () => {
  socket.destroy()
  await agent.stop()
})

/** The bodies of all answers so far, each with its status. */
function answers(): string[] {
  const found: string[] = []
  for (let rest = heard; rest !== ''; ) {
    const [, status, length] = /^HTTP\/1.1 (\d+) [\s\S]*?content-length: (\d+)/i.exec(rest) ?? []
    const start = rest.indexOf('\r\n\r\n') + 4
    if (status === undefined || rest.length < start + Number(length)) break
    found.push(`${status} ${rest.slice(start, start + Number(length)).trimEnd()}`)
    rest = rest.slice(start + Number(length))
  }
  return found
}
async function send(bytes: string, expected: number): Promise<readonly string[]> {
  socket.write(bytes)
  await until(`${expected} answers`, () => answers().length >= expected, { every: 5 })
  return answers()
}
async function repeated(): Promise<number> {
  const { text } = await agent.ask('/metrics')
  return Number(/http_requests_total\{route="repeated",status="200"\} (\d+)/.exec(text)?.[1] ?? 0)
}

describe('a request that comes again in the same bytes', () => {
  test('is answered like the first, without being parsed', async () => {
    for (const count of [1, 2, 3]) await send(get('/web/metrics'), count)
    expect(answers()).toEqual(['200 a 1', '200 a 1', '200 a 1'])
    expect(await repeated()).toBe(2)
    const [first, second] = heard
      .split(/(?=HTTP)/)
      .map((one) => one.split('\r\n').map((line) => line.toLowerCase()))
    for (const line of [
      'content-type: text/plain; version=0.0.4; charset=utf-8',
      expect.stringMatching(/^age: [3-9]$/),
      'vary: accept, accept-encoding',
    ]) {
      expect(first).toContainEqual(line)
      expect(second).toContainEqual(line)
    }
  })

  test('is asked of the node as it is called then', async () => {
    await send(get('/web/metrics'), 1)
    agent.change((world) => world.see([node('n9', 'one', 'self'), node('n2')]))
    agent.change((world) => world.remove('n1', entry('').target.id))
    agent.put(standalone('n9', 'web', { ended: { at: 0, exitCode: 1, removed: false } }))
    agent.put({ ...standalone('n2', 'web'), snapshot: read('of another node 1\n', 3000) })
    expect((await send(get('/web/metrics'), 2))[1]).toBe('502 the container has stopped with exit code 1')
  })

  test('is answered with what is true then', async () => {
    await send(get('/web/metrics'), 1)
    agent.put(entry('a 2\n'))
    expect((await send(get('/web/metrics'), 2))[1]).toBe('200 a 2')
    agent.put(entry('a 2\n', { state: 'paused' }))
    expect((await send(get('/web/metrics'), 3))[2]).toBe('502 the container is paused')
    agent.put(entry('a 3\n'))
    expect((await send(get('/web/metrics'), 4))[3]).toBe('200 a 3')
    expect(await repeated()).toBe(2)
  })

  test('is answered as itself, whatever else was asked on its connection or another', async () => {
    agent.put({ ...standalone('n1', 'db'), snapshot: read('b 1\n', 3000) })
    await agent.ask('/web/metrics', { headers: { host: 'x' } })
    const asked = ['web', 'db', 'web', 'web', 'db', 'db', 'web']
    for (const [at, name] of asked.entries()) await send(get(`/${name}/metrics`), at + 1)
    expect(answers()).toEqual(asked.map((name) => (name === 'web' ? '200 a 1' : '200 b 1')))
    expect(await repeated()).toBe(5)
  })

  test('is packed for who takes it so, and plain for who doesn’t', async () => {
    agent.put({ ...entry(''), snapshot: read(page('b 1\n'.repeat(1000))) })
    for (const count of [1, 2]) await send(get('/web/metrics', 'Accept-Encoding: gzip'), count)
    expect(heard.match(/content-encoding: gzip/gi)).toHaveLength(2)
    expect((await send(get('/web/metrics'), 3))[2]).toMatch(/^200 b 1\nb 1/)
    expect(await repeated()).toBe(1)
  })
})

describe('what could be misunderstood takes the usual way', () => {
  beforeEach(async () => {
    await agent.ask('/web/metrics', { headers: { host: 'x' } })
    await send(get('/web/metrics'), 1)
  })

  test('requests in one piece', async () => {
    const both = `${get('/web/metrics')}${get('/nobody/metrics')}`
    expect(await send(both, 3)).toEqual([
      '200 a 1',
      '200 a 1',
      '404 no container or service is called "nobody"',
    ])
  })

  test('a request in many pieces, and what follows it on its connection', async () => {
    const bytes = get('/web/metrics')
    for (const piece of [bytes.slice(0, 7), bytes.slice(7, 20)]) {
      socket.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await send(bytes.slice(20), 2)
    expect(await send(bytes, 3)).toEqual(['200 a 1', '200 a 1', '200 a 1'])
    expect(await repeated()).toBe(0)
  })

  test('the same path by HEAD or by HTTP/1.0, again and again', async () => {
    const request = get('/web/metrics')
    for (const other of [request.replace('GET', 'HEAD'), request.replace('HTTP/1.1', 'HTTP/1.0')]) {
      const asking = connect({ host: '127.0.0.1', port: agent.port }).setEncoding('latin1')
      let text = ''
      asking.on('data', (more) => {
        text += more
      })
      const closed = once(asking, 'close')
      asking.write(other)
      await until('an answer', () => text.includes('\r\n\r\n'), { every: 5 })
      asking.end(other)
      await closed
      expect(text.match(/a 1\n/g) ?? []).toHaveLength(other.startsWith('HEAD') ? 0 : 1)
    }
    expect(await repeated()).toBe(0)
  })

  test('two that are known, in one piece', async () => {
    await send(get('/web/metrics'), 2)
    expect(await repeated()).toBe(1)
    expect(await send(get('/web/metrics').repeat(2), 4)).toEqual(Array(4).fill('200 a 1'))
    expect(await send(get('/web/metrics'), 5)).toHaveLength(5)
    expect(await repeated()).toBe(1)
  })

  test('a body that looks like a request', async () => {
    const body = get('/web/metrics')
    socket.write(`POST /web/metrics HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`)
    await until('the refusal', () => answers().length === 2, { every: 5 })
    socket.write(body)
    await until('the end of the connection', () => socket.closed, { every: 5 })
    expect(answers().map((one) => one.slice(0, 3))).toEqual(['200', '405'])
  })

  test.each(['Connection: close', 'Expect: 100-continue', 'Transfer-Encoding: chunked'])(
    'a request with %s',
    async (header) => {
      const before = await repeated()
      socket.write(get('/web/metrics', header))
      await until('an answer', () => answers().length >= 1, { every: 5 })
      expect(await repeated()).toBe(before)
    },
  )
})

test('an agent that stops closes connections that repeat themselves, too', async () => {
  for (const count of [1, 2]) await send(get('/web/metrics'), count)
  const closed = once(socket, 'close')
  await agent.stop()
  await closed
})
