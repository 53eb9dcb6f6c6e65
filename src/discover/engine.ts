// The Docker API behind a narrow interface: the only file that knows dockerode. Every call is a GET of one
// of the sections containers, events, info, networks, and on managers services, tasks, nodes.

import { Agent, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { ApiContainer, ApiEvent, ApiInfo, ApiNetwork, ApiNode, ApiService, ApiTask } from './api.ts'
import { linesOf } from './lines.ts'
import { refusalOf } from './refusal.ts'

/** Each call fails with a ProxyError that says what to do; none hands back half an answer. */
export interface Engine {
  info(signal: AbortSignal): Promise<ApiInfo>
  /** All containers, stopped ones too; or only those of these ids that still exist. */
  containers(signal: AbortSignal, ids?: readonly string[]): Promise<readonly ApiContainer[]>
  networks(signal: AbortSignal): Promise<readonly ApiNetwork[]>
  network(id: string, signal: AbortSignal): Promise<ApiNetwork>
  services(signal: AbortSignal): Promise<readonly ApiService[]>
  /** Those that are meant to run; a job's are meant to complete. */
  tasks(signal: AbortSignal): Promise<readonly ApiTask[]>
  nodes(signal: AbortSignal): Promise<readonly ApiNode[]>
  /** Resolves once the stream is open; the stream ends when Docker, a proxy or the signal ends it. */
  events(filters: Filters, signal: AbortSignal): Promise<AsyncIterable<ApiEvent>>
}

export type Filters = Readonly<Record<string, readonly string[]>>
type Query = Readonly<Record<string, unknown>>

/** An answer that is larger isn't read: that of 10,000 containers with many labels stays far below. */
const largest = 256 * 2 ** 20

export async function openEngine(host: string): Promise<Engine> {
  const dial = await dialer(host)

  async function get<T>(path: string, signal: AbortSignal, query: Query = {}): Promise<T> {
    try {
      return parse(await textOf(await dial(path, query, signal)))
    } catch (error) {
      throw refusalOf(error, { host, path, signal })
    }
  }
  async function list<T>(path: string, signal: AbortSignal, query?: Query): Promise<readonly T[]> {
    const found = await get(path, signal, query)
    if (!Array.isArray(found)) throw refusalOf(new Error('not a list'), { host, path, signal })
    return found
  }
  return {
    info: (signal) => get('/info', signal),
    containers: (signal, ids) =>
      list('/containers/json', signal, { all: 1, ...(ids && { filters: { id: ids } }) }),
    networks: (signal) => list('/networks', signal),
    network: (id, signal) => get(`/networks/${encodeURIComponent(id)}`, signal),
    services: (signal) => list('/services', signal),
    tasks: (signal) =>
      list('/tasks', signal, { filters: { 'desired-state': ['running', 'ready', 'complete'] } }),
    nodes: (signal) => list('/nodes', signal),
    async events(filters, signal) {
      const path = '/events'
      try {
        return eventsOf(await dial(path, { filters }, signal))
      } catch (error) {
        throw refusalOf(error, { host, path, signal })
      }
    },
  }
}

type Dial = (path: string, query: Query, signal: AbortSignal) => Promise<IncomingMessage>

/**
 * dockerode's own methods never settle when an answer is cut off midway, so each answer is taken as a stream
 * and read here. The client has no timeout, which would kill an idle event stream: each call's signal is its
 * deadline.
 */
async function dialer(host: string): Promise<Dial> {
  // dockerode brings grpc and protobuf along, 110 ms and 32 MB: loaded only once Docker is really meant
  const { default: Docker } = await import('dockerode')
  const { modem } = new Docker(placeOf(host))
  // its types lack the two
  const how = modem as { agent?: Agent; protocol?: string }
  if (!host.startsWith('unix://')) how.agent = agentFor(host, how.protocol === 'https')
  return (path, query, abortSignal) =>
    new Promise((resolve, reject) => {
      const statusCodes = { 200: true }
      modem.dial(
        { method: 'GET', path: `${path}?`, options: query, isStream: true, statusCodes, abortSignal },
        (error, answer) => (error ? reject(error) : resolve(answer as IncomingMessage)),
      )
    })
}

/** What stands here counts; TLS by `DOCKER_CERT_PATH` and the like is read by dockerode itself. */
function placeOf(host: string): object {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length), host: undefined }
  return { socketPath: async () => undefined, host: undefined, headers: { host: new URL(host).host } }
}

/** Knows the host in dockerode's place, which would build a URL and parse it in a way that Node warns of. */
function agentFor(host: string, isTls: boolean): Agent {
  const { hostname, port } = new URL(host)
  const place = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port), keepAlive: true }
  return isTls ? new TlsAgent(place) : new Agent(place)
}

const halfPairs = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/g

/** JSON can hold half of a pair of surrogates, which no UTF-8 and so no document of ours can: U+FFFD stands for it. */
function parse<T>(json: string): T {
  const isSuspect = /\\u[dD][89a-fA-F]/.test(json)
  return JSON.parse(isSuspect ? json.replace(halfPairs, (all, half) => (half ? '\\ufffd' : all)) : json)
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largest) throw new Error(`more than ${largest} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

async function* eventsOf(answer: IncomingMessage): AsyncGenerator<ApiEvent> {
  // a stream through a proxy that vanished looks like a quiet one: let the kernel ask
  answer.socket.setKeepAlive(true, 15_000)
  for await (const line of linesOf(answer)) yield parse(line)
}
