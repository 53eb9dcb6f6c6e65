// Every request on the port comes through here before anything else sees it, those included that no route
// matches or Node's parser can't read: the guard judges it, and whatever is answered carries its headers.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { isInternal, statusOf, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Client } from './auth/access.ts'
import type { Guard, Refusal } from './auth/guard.ts'
import type { RequestCounts } from './requests.ts'

interface GateDeps {
  /** Without one, everybody may ask. */
  readonly guard: Pick<Guard, 'judge' | 'headers'> | undefined
  readonly counts: RequestCounts
  readonly log: Log
}

interface Gate {
  /** For requests that were read; `handle` is called for those that are let in. */
  listener(handle: RequestListener): RequestListener
  /** For what Node's parser refuses, and for requests that don't come in time. */
  refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void
}

interface Text {
  readonly status: number
  readonly reason: string
  readonly headers?: Readonly<Record<string, string>>
}

export function createGate({ guard, counts, log }: GateDeps): Gate {
  function refuse(response: ServerResponse, { status, reason, headers }: Text): void {
    counts.add('none', status, 0)
    const body = bodyOf(reason)
    response.writeHead(status, { ...textHeaders, 'content-length': body.length, ...headers }).end(body)
  }

  function pass(request: IncomingMessage, response: ServerResponse, handle: RequestListener): void {
    const lacksHost = request.headers.host === undefined && request.httpVersion === '1.1'
    if (lacksHost) refuse(response, noHost)
    else handle(request, response)
  }

  async function judge(request: IncomingMessage, response: ServerResponse): Promise<Refusal | undefined> {
    for (const [name, value] of Object.entries(guard!.headers())) response.setHeader(name, value)
    return guard!.judge(askerOf(request.socket, request), () => response.destroyed)
  }

  return {
    listener: (handle) => (request, response) => {
      if (!guard) return pass(request, response, handle)
      judge(request, response).then(
        (refusal) => (refusal ? refuse(response, refusal) : pass(request, response, handle)),
        (error: unknown) => {
          const { code, reason } = troubleOf(error)
          if (isInternal(error)) log.internal(error, 'request')
          refuse(response, { status: statusOf[code], reason })
        },
      )
    },
    refuseUnreadable(error, socket) {
      const flaw = unreadable(error)
      if (!flaw || !socket.writable) return void socket.destroy()
      const refusal = guard?.judge(askerOf(socket), () => socket.destroyed)
      // without credentials there is nothing to wait for
      const text = refusal && !(refusal instanceof Promise) ? refusal : flaw
      counts.add('none', text.status, 0)
      const headers = { ...guard?.headers(), ...text.headers }
      socket.end(printed({ ...text, headers }), () => socket.destroy())
    },
  }
}

const textHeaders = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
const bodyOf = (reason: string) => Buffer.from(`${reason}\n`)
const noHost: Text = {
  status: 400,
  reason: 'the request has no header Host',
  headers: { connection: 'close' },
}

/** Undefined: no response can reach the client, such as before a TLS handshake. */
function unreadable({ code = '' }: NodeJS.ErrnoException): Text | undefined {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, reason: 'the headers of the request are too large' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, reason: 'the request did not come in time' }
  return code.startsWith('HPE_') ? { status: 400, reason: 'the request is not valid HTTP/1.1' } : undefined
}

function printed({ status, reason, headers }: Text): string {
  const body = bodyOf(reason)
  const all = {
    ...headers,
    ...textHeaders,
    connection: 'close',
    'content-length': String(body.length),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}

function askerOf(socket: Socket, request?: IncomingMessage): Client {
  return {
    address: socket.remoteAddress ?? '',
    path: request?.url?.split('?', 1)[0],
    authorization: request?.headers.authorization,
    certificate: certificateOf(socket as TLSSocket),
  }
}

function certificateOf(socket: TLSSocket): Client['certificate'] {
  const certificate = socket.encrypted ? socket.getPeerCertificate() : undefined
  return {
    given: certificate?.raw !== undefined,
    verified: socket.authorized === true,
    sans: certificate?.subjectaltname ?? '',
  }
}
