// The client of Docker's API, and the only file that imports dockerode. Every request is a GET of one of the
// sections containers, events, info, networks, and on managers services, tasks, nodes.

import { Agent, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type {
  ApiContainer,
  ApiEvent,
  ApiInfo,
  ApiNetwork,
  ApiNode,
  ApiService,
  ApiTask,
} from './docker-api.ts'
import { engineError } from './engine-errors.ts'

/** Each request fails with a ProxyError with a hint; none returns part of an answer. */
export interface Engine {
  info(signal: AbortSignal): Promise<ApiInfo>
  /** All of them, stopped ones too. */
  containers(signal: AbortSignal): Promise<readonly ApiContainer[]>
  networks(signal: AbortSignal): Promise<readonly ApiNetwork[]>
  network(id: string, signal: AbortSignal): Promise<ApiNetwork>
  services(signal: AbortSignal): Promise<readonly ApiService[]>
  /** Those that should run; a job's should complete. */
  tasks(signal: AbortSignal): Promise<readonly ApiTask[]>
  /** Those that should run no more, as far as the Swarm keeps them. */
  endedTasks(signal: AbortSignal): Promise<readonly ApiTask[]>
  nodes(signal: AbortSignal): Promise<readonly ApiNode[]>
  /** Resolves once the stream is open; the stream ends when Docker, a proxy or the signal ends it. */
  events(filters: Filters, signal: AbortSignal): Promise<AsyncIterable<ApiEvent>>
}

export type Filters = Readonly<Record<string, readonly string[]>>
type ApiQuery = Readonly<Record<string, unknown>>

/** A larger answer is not read: that of 10,000 containers with many labels is far below. */
const maxAnswerBytes = 256 * 2 ** 20
/** Docker's own errors are a sentence or two. */
const maxErrorBytes = 16 * 2 ** 10
/** A longer line is no event of Docker's: the stream is given up. */
const maxLineLength = 4 * 2 ** 20

export async function openEngine(host: string): Promise<Engine> {
  const request = await createRequest(host)

  async function get<T>(path: string, signal: AbortSignal, query: ApiQuery = {}): Promise<T> {
    try {
      return parse(await textOf(await request(path, query, signal), maxAnswerBytes))
    } catch (error) {
      throw engineError(error, { host, path, signal })
    }
  }
  async function list<T>(path: string, signal: AbortSignal, query?: ApiQuery): Promise<readonly T[]> {
    const found = await get(path, signal, query)
    if (!Array.isArray(found)) throw engineError(new Error('not a list'), { host, path, signal })
    return found
  }
  return {
    info: (signal) => get('/info', signal),
    containers: (signal) => list('/containers/json', signal, { all: 1 }),
    networks: (signal) => list('/networks', signal),
    network: (id, signal) => get(`/networks/${encodeURIComponent(id)}`, signal),
    services: (signal) => list('/services', signal),
    tasks: (signal) =>
      list('/tasks', signal, { filters: { 'desired-state': ['running', 'ready', 'complete'] } }),
    endedTasks: (signal) => list('/tasks', signal, { filters: { 'desired-state': ['shutdown'] } }),
    nodes: (signal) => list('/nodes', signal),
    async events(filters, signal) {
      const path = '/events'
      try {
        return eventsOf(await request(path, { filters }, signal))
      } catch (error) {
        throw engineError(error, { host, path, signal })
      }
    },
  }
}

/**
 * For requests at the same time: once one fails, the others are aborted. Their deadline would not do it, since it is
 * disposed when the reading fails.
 */
export async function abortOnFailure<T>(
  parent: AbortSignal,
  read: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failed = new AbortController()
  try {
    return await read(AbortSignal.any([parent, failed.signal]))
  } catch (error) {
    failed.abort()
    throw error
  }
}

type ApiRequestFunction = (path: string, query: ApiQuery, signal: AbortSignal) => Promise<IncomingMessage>

/**
 * dockerode's own methods never settle when an answer is cut off midway, so each answer is a stream that is read
 * here. The client has no timeout, which would end an idle event stream: each request's signal is its deadline.
 */
async function createRequest(host: string): Promise<ApiRequestFunction> {
  // dockerode brings grpc and protobuf along, 110 ms and 32 MB: loaded only where Docker is used
  const { default: Docker } = await import('dockerode')
  const { modem } = new Docker(connectionTo(host))
  // its types lack these two
  const options = modem as { agent?: Agent; protocol?: string }
  if (!host.startsWith('unix://')) options.agent = agentFor(host, options.protocol === 'https')
  // all, so that dockerode reads no error's body: an unusual one makes it throw where nothing catches
  const statusCodes = Array<true>(1000).fill(true)
  return async (path, query, abortSignal) => {
    abortSignal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    // dockerode does not call back if the server switches to another protocol
    const abort = () => reject(abortSignal.reason)
    abortSignal.addEventListener('abort', abort)
    try {
      modem.dial(
        { method: 'GET', path: `${path}?`, options: query, isStream: true, statusCodes, abortSignal },
        (error, answer) => (error ? reject(error) : resolve(answer as IncomingMessage)),
      )
      const answer = await promise
      if (answer.statusCode !== 200) throw await unexpectedStatus(answer)
      return answer
    } finally {
      abortSignal.removeEventListener('abort', abort)
    }
  }
}

/** Overrides dockerode's reading of `DOCKER_HOST`; it reads `DOCKER_CERT_PATH` and the like itself. */
function connectionTo(host: string): object {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length), host: undefined }
  return { socketPath: async () => undefined, host: undefined, headers: { host: new URL(host).host } }
}

/** Has the host in it, since dockerode would parse its URL in a way of which Node warns. */
function agentFor(host: string, isTls: boolean): Agent {
  const { hostname, port } = new URL(host)
  const options = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port), keepAlive: true }
  return isTls ? new TlsAgent(options) : new Agent(options)
}

const loneSurrogates = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/g

/** JSON can hold a lone surrogate, which UTF-8, and so our own documents, cannot: it is replaced by U+FFFD. */
function parse<T>(json: string): T {
  const isSuspect = /\\u[dD][89a-fA-F]/.test(json)
  return JSON.parse(isSuspect ? json.replace(loneSurrogates, (all, lone) => (lone ? '\\ufffd' : all)) : json)
}

async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The server's own message is for the log. */
async function unexpectedStatus(answer: IncomingMessage): Promise<Error> {
  const text = await textOf(answer, maxErrorBytes).catch((error: Error) => error.message)
  return Object.assign(new Error(text), { statusCode: answer.statusCode })
}

async function* eventsOf(answer: IncomingMessage): AsyncGenerator<ApiEvent> {
  // a stream through a proxy that vanished looks like a silent one: TCP keep-alive finds out
  answer.socket.setKeepAlive(true, 15_000)
  for await (const line of linesOf(answer)) yield parse(line)
}

/** Lines out of a stream that may be cut anywhere, in the middle of a character too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop()!
    if (rest.length > maxLineLength) throw new Error(`a line of more than ${maxLineLength} characters`)
    for (const part of parts) if (part.trim() !== '') yield part
  }
}
