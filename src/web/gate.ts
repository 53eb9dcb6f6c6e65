// Every request on the port passes here first, also those that no route matches or that Node cannot parse. The guard
// decides whether it is answered, and every response has the guard's headers.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { failureOf, httpStatusByCode, isInternal } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { AccessRequest } from './auth/access.ts'
import type { Guard, Refusal } from './auth/guard.ts'

interface GateDeps {
  /** Without one, every request is let through. */
  readonly guard: Pick<Guard, 'judge' | 'headers'> | undefined
  readonly log: Log
  countRefusal(status: number): void
}

interface RequestGate {
  /** For requests that Node could parse; `handle` is called for those that are let through. */
  listener(handle: RequestListener): RequestListener
  /** For requests that Node could not parse, or that did not arrive in time. */
  refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void
}

export function createGate({ guard, log, countRefusal }: GateDeps): RequestGate {
  async function whyRefused(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Refusal | undefined> {
    try {
      for (const [name, value] of Object.entries(guard?.headers() ?? {})) response.setHeader(name, value)
      const refusal = await guard?.judge(accessRequestOf(request.socket, request), () => response.destroyed)
      return refusal ?? (hasHost(request) ? undefined : noHost)
    } catch (error) {
      const { code, reason } = failureOf(error)
      if (isInternal(error)) log.internal(error, 'request')
      return { status: httpStatusByCode[code], reason }
    }
  }

  function refuse(response: ServerResponse, { status, reason, headers }: Refusal): void {
    countRefusal(status)
    const body = bodyOf(reason)
    response.writeHead(status, { ...textHeaders, 'content-length': body.length, ...headers }).end(body)
  }

  return {
    listener: (handle) => async (request, response) => {
      const refusal = await whyRefused(request, response)
      if (refusal) refuse(response, refusal)
      else handle(request, response)
    },
    refuseUnreadable(error, socket) {
      const problem = responseToParseError(error)
      if (!problem || !socket.writable) return void socket.destroy()
      const refusal = guard?.judge(accessRequestOf(socket), () => socket.destroyed)
      // a promise is a password to compare, and without headers there is none
      const response = refusal && !(refusal instanceof Promise) ? refusal : problem
      countRefusal(response.status)
      const headers = { ...guard?.headers(), ...response.headers }
      socket.end(print({ ...response, headers }), () => socket.destroy())
    },
  }
}

const textHeaders = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }
const bodyOf = (reason: string) => Buffer.from(`${reason}\n`)

const hasHost = ({ headers, httpVersion }: IncomingMessage) =>
  headers.host !== undefined || httpVersion !== '1.1'
const noHost: Refusal = {
  status: 400,
  reason: 'the request has no header Host',
  headers: { connection: 'close' },
}

/** Undefined where no response can reach the client, such as before a TLS handshake. */
function responseToParseError({ code = '' }: NodeJS.ErrnoException): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, reason: 'the headers of the request are too large' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, reason: 'the request did not arrive in time' }
  return code.startsWith('HPE_') ? { status: 400, reason: 'the request is not valid HTTP/1.1' } : undefined
}

function print({ status, reason, headers }: Refusal): string {
  const body = bodyOf(reason)
  const all = { ...headers, ...textHeaders, connection: 'close', 'content-length': String(body.length) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}

function accessRequestOf(socket: Socket, request?: IncomingMessage): AccessRequest {
  return {
    address: socket.remoteAddress ?? '',
    path: request?.url?.split('?', 1)[0],
    authorization: request?.headers.authorization,
    certificate: certificateOf(socket as TLSSocket),
  }
}

function certificateOf(socket: TLSSocket): AccessRequest['certificate'] {
  const certificate = socket.encrypted ? socket.getPeerCertificate() : undefined
  return {
    isGiven: certificate?.raw !== undefined,
    isVerified: socket.authorized === true,
    sans: certificate?.subjectaltname ?? '',
  }
}
