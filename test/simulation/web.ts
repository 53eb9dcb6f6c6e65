// Requests to an agent without HTTP: the routes are the real ones, and so is what they answer.

import { EventEmitter } from 'node:events'
import type { FastifyInstance } from 'fastify'
import { failureOf, httpStatusByCode } from '../../src/errors.ts'

export interface Response {
  readonly status: number
  /** Seconds, where the header is there. */
  readonly age: number | undefined
  readonly body: string
}

interface Reply {
  status: number
  readonly headersSent: Map<string, unknown>
  readonly request: { readonly protocol: 'http' }
  body: unknown
  /** As of Node's response: it closes when all is sent. */
  readonly raw: EventEmitter
  code(status: number): Reply
  header(name: string, value: unknown): Reply
  headers(all: Readonly<Record<string, unknown>>): Reply
  send(body: unknown): Reply
}

type Handler = (request: object, reply: Reply) => unknown

export interface Web {
  /** Takes the routes. */
  readonly server: FastifyInstance
  get(path: string, headers: Readonly<Record<string, string>>): Promise<Response>
}

export function createWeb(onInternal: (error: unknown) => void): Web {
  const handlers = new Map<string, Handler>()
  const server = {
    get: (route: string, handler: Handler) => void handlers.set(route, handler),
    /** Nothing is counted, and small responses need no memory. */
    addHook() {},
  }

  async function answer(path: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    const reply = createReply()
    const { route, ...asked } = askedOf(path, handlers.keys())
    const handler = route !== undefined && handlers.get(route)
    if (!handler) return reply.code(404)
    try {
      await handler({ ...asked, headers, raw: { socket }, url: path }, reply)
    } catch (error) {
      const failure = failureOf(error)
      if (failure.code === 'internal') onInternal(error)
      reply.code(httpStatusByCode[failure.code]).send(`${failure.reason}\n`)
    }
    reply.raw.emit('close')
    return reply
  }

  return {
    server: server as unknown as FastifyInstance,
    async get(path, headers) {
      const { status, headersSent, body } = await answer(path, headers)
      const age = headersSent.get('age')
      return { status, age: age === undefined ? undefined : Number(age), body: String(body ?? '') }
    },
  }
}

interface Asked {
  readonly route: string | undefined
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
}

/** All agents have the same routes, and few paths are asked for, again and again. */
const known = new Map<string, Asked>()

function askedOf(path: string, routes: Iterable<string>): Asked {
  const asked = known.get(path) ?? parse(path, [...routes])
  known.set(path, asked)
  return asked
}

function parse(path: string, routes: readonly string[]): Asked {
  const { pathname, searchParams } = new URL(path, 'http://agent')
  const query = Object.fromEntries(searchParams)
  for (const route of routes) {
    const found = new RegExp(`^${route.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`).exec(pathname)
    if (!found) continue
    const params = Object.entries(found.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)])
    return { route, params: Object.fromEntries(params), query }
  }
  return { route: undefined, params: {}, query }
}

/** Of no network: it takes everything at once. */
const socket = { remoteAddress: '', destroyed: false, destroy() {} }

function createReply(): Reply {
  const reply: Reply = {
    status: 200,
    headersSent: new Map(),
    request: { protocol: 'http' },
    body: undefined,
    raw: new EventEmitter(),
    code(status) {
      reply.status = status
      return reply
    },
    header(name, value) {
      reply.headersSent.set(name, value)
      return reply
    },
    headers(all) {
      for (const [name, value] of Object.entries(all)) reply.headersSent.set(name, value)
      return reply
    },
    send(body) {
      reply.body = body
      return reply
    },
  }
  return reply
}
