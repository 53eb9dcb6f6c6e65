// Every way in which a request can fail, with a reason that people understand.

import { type Code, ProxyError } from '../errors.ts'

/** `9.9 s`, `250 ms`. */
export function durationText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`
}

/** `16 MiB`, `16 KiB`. */
export function sizeText(bytes: number): string {
  const [unit, name] = bytes >= 2 ** 20 ? [2 ** 20, 'MiB'] : [2 ** 10, 'KiB']
  return `${Math.round((bytes / unit) * 10) / 10} ${name}`
}

/** Text from a container, safe to log and to serve: printable, at most `maxLength` characters. */
export function printable(text: string, maxLength = 200): string {
  const plain = text.replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, '\ufffd')
  return plain.length > maxLength ? `${plain.slice(0, maxLength)}…` : plain
}

export function timeoutError(ms: number): ProxyError {
  return new ProxyError('timeout', `no answer within ${durationText(ms)}`)
}

export function tooLargeError(maxBytes: number, suffix = ''): ProxyError {
  return new ProxyError('too_large', `sent more than ${sizeText(maxBytes)}${suffix}`, {
    hint: 'raise MAX_BODY, or let the container expose less',
  })
}

const failureByCode: ReadonlyMap<string, readonly [Code, string]> = new Map(
  Object.entries<readonly [Code, string]>({
    ECONNREFUSED: ['connection_refused', 'connection refused'],
    ECONNRESET: ['reset', 'connection reset'],
    EPIPE: ['reset', 'connection reset'],
    UND_ERR_SOCKET: ['reset', 'connection closed before the answer was complete'],
    HPE_INVALID_EOF_STATE: ['reset', 'connection closed before the answer was complete'],
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['protocol', 'sent another number of bytes than it announced'],
    UND_ERR_HEADERS_OVERFLOW: ['protocol', 'sent too many or too large headers'],
    EHOSTUNREACH: ['unreachable', 'no route to the container'],
    ENETUNREACH: ['unreachable', 'no route to the container'],
    EHOSTDOWN: ['unreachable', 'no route to the container'],
    EADDRNOTAVAIL: ['unreachable', 'no local address is free to connect from'],
    EMFILE: ['overloaded', 'the agent is out of file descriptors'],
    ENOTFOUND: ['unreachable', 'the host name is unknown'],
    EAI_AGAIN: ['unreachable', 'the host name could not be looked up'],
    ETIMEDOUT: ['timeout', 'no connection in time'],
    UND_ERR_CONNECT_TIMEOUT: ['timeout', 'no connection in time'],
  }),
)

const noTlsCodes = new Set(['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'])
const tlsCode = /^(ERR_SSL_|ERR_TLS_|EPROTO|CERT_|UNABLE_TO_)|_CERT(_|$)|_SIGNATURE$/

/** The ProxyError for what a library or the system threw. */
export function scrapeErrorOf(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error
  // `reason` is OpenSSL's: unlike its message, it holds no memory addresses
  const {
    name,
    code = '',
    message = '',
    reason,
  } = error as Partial<NodeJS.ErrnoException & { reason: string }>
  const failure = failureByCode.get(code)
  if (failure) return new ProxyError(...failure, { cause: error })
  // undici asserts some rules of HTTP
  if (name === 'HTTPParserError' || code === 'ERR_ASSERTION')
    return new ProxyError('protocol', 'answered something that is not HTTP', { cause: error })
  if (noTlsCodes.has(code))
    return new ProxyError('tls', 'does not speak TLS as expected', {
      hint: 'set the label app-metrics-proxy.scheme to http if it speaks plain HTTP',
      cause: error,
    })
  if (tlsCode.test(code))
    return new ProxyError('tls', `TLS failed: ${printable(reason ?? message)}`, {
      hint: 'give the container a certificate that this agent trusts, or set VERIFY_TLS=false',
      cause: error,
    })
  return new ProxyError('internal', 'internal error', { cause: error })
}
