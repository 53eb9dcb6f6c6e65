// A Docker API with configured answers and faults. Recorded answers of the real one are in test/fixtures; how the
// real one behaves is tested in test/lab.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { node } from './recorded.ts'

export interface EngineServer extends AsyncDisposable {
  readonly host: string
  /** `GET /containers/json?…` and so on, in the order in which they came. */
  readonly requests: string[]
  /** By path. */
  readonly answers: Record<string, unknown>
  /** Called for each request; true: it has answered, or will not. */
  fault: (path: string, answer: ServerResponse, request: IncomingMessage) => boolean
  /** Whether an answer is being sent, other than by a fault. */
  busy(): boolean
  /** How many event streams are open. */
  listeners(): number
  emit(...events: object[]): void
  /** Writes to the event streams, also parts of lines. */
  write(text: string | Uint8Array): void
  cutStreams(): void
  /** Stops listening; `open` listens again at the same address. */
  close(): Promise<void>
  open(): Promise<void>
}

/** A fault: the client's HTTP ends here, without a response and without an error. */
export function switchProtocols(answer: ServerResponse): true {
  answer.socket!.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
  return true
}

export async function startEngineServer(how: 'unix' | 'tcp' = 'unix'): Promise<EngineServer> {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'))
  const streams = new Set<ServerResponse>()
  const server = createServer(handle)
  let port = 0
  let answering = 0

  function handle(request: IncomingMessage, answer: ServerResponse): void {
    const { pathname } = new URL(request.url!, 'http://docker')
    engine.requests.push(`${request.method} ${pathname}`)
    if (engine.fault(pathname, answer, request)) return
    if (pathname === '/events') listen(answer)
    else reply(answer, engine.answers[pathname])
  }
  function reply(answer: ServerResponse, body: unknown): void {
    answering += 1
    answer.on('close', () => {
      answering -= 1
    })
    answer
      .writeHead(body === undefined ? 404 : 200)
      .end(JSON.stringify(body ?? { message: 'page not found' }))
  }
  function listen(answer: ServerResponse): void {
    answer.writeHead(200).flushHeaders()
    streams.add(answer)
    answer.on('close', () => streams.delete(answer))
  }
  const engine: EngineServer = {
    get host() {
      return how === 'unix' ? `unix://${join(folder, 'docker.sock')}` : `tcp://127.0.0.1:${port}`
    },
    requests: [],
    answers: {
      '/info': node.info,
      '/containers/json': [...node.containers],
      '/networks': node.networks,
    },
    fault: () => false,
    busy: () => answering > 0,
    listeners: () => streams.size,
    emit: (...events) => engine.write(events.map((event) => `${JSON.stringify(event)}\n`).join('')),
    write(text) {
      for (const stream of streams) stream.write(text)
    },
    cutStreams() {
      for (const stream of streams) stream.destroy()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
    async open() {
      const at = how === 'unix' ? { path: join(folder, 'docker.sock') } : { host: '127.0.0.1', port }
      await new Promise<void>((resolve) => server.listen(at, resolve))
      if (how === 'tcp') port = (server.address() as AddressInfo).port
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await engine.close()
      rmSync(folder, { recursive: true })
    },
  }
  await engine.open()
  return engine
}
