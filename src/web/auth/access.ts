// Whether a request may be answered: one pure decision over what is known of the client.

import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import type { ClientAuthType, WebConfig } from './web-config.ts'

/** A client's certificate, as far as TLS has checked it. */
export interface Certificate {
  readonly given: boolean
  /** Signed by one of the configured authorities. */
  readonly verified: boolean
  /** As Node tells them: `DNS:a.example, IP Address:10.0.0.1`. */
  readonly sans: string
}

export interface Client {
  readonly address: string
  /** Absent where the request can't be read. */
  readonly path?: string | undefined
  readonly authorization?: string | undefined
  readonly certificate: Certificate
}

export type Verdict =
  /** `verified`: has proved to be one of those that may ask, or everybody may. */
  | { readonly kind: 'allowed'; readonly verified: boolean }
  /** The address or the certificate is not among those that may ask. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The client must log in; with the reason for people. */
  | { readonly kind: 'unauthorized'; readonly reason: string }
  /** A user's password is to be compared: slow, so left to the caller. */
  | { readonly kind: 'login'; readonly user: string; readonly password: string }

export type Decide = (client: Client) => Verdict

export function createDecide(config: WebConfig): Decide {
  const allowed = addressesOf(config.allowedAddresses)
  const tokens = Object.values(config.tokens).map((hash) => Buffer.from(hash, 'hex'))
  const needsLogin = tokens.length > 0 || Object.keys(config.users).length > 0
  const needsCertificate = config.tls?.clientAuthType.startsWith('Require') ?? false

  return ({ address, path, authorization, certificate }) => {
    if (!allowed(address)) return { kind: 'refused', reason: 'this address may not ask here' }
    if (path !== undefined && config.openPaths.includes(path))
      return { kind: 'allowed', verified: !needsLogin && !needsCertificate }
    const flaw =
      config.tls && certificateFlaw(certificate, config.tls.clientAuthType, config.tls.clientAllowedSans)
    if (flaw) return { kind: 'refused', reason: flaw }
    return needsLogin ? login(authorization, tokens) : { kind: 'allowed', verified: true }
  }
}

function addressesOf(list: readonly string[]): (address: string) => boolean {
  if (list.length === 0) return () => true
  const allowed = new BlockList()
  for (const one of list) {
    const [address = '', bits] = one.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) allowed.addAddress(address, family)
    else allowed.addSubnet(address, Number(bits), family)
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
    return allowed.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}

function certificateFlaw(
  { given, verified, sans }: Certificate,
  type: ClientAuthType,
  allowedSans: readonly string[],
): string | undefined {
  if (type.startsWith('Require') && !given) return 'a client certificate is needed'
  if (type.includes('Verify') && given && !verified)
    return 'the client certificate is of no authority that counts here'
  if (allowedSans.length > 0 && given && !sansOf(sans).some((san) => allowedSans.includes(san)))
    return 'the client certificate bears none of the names that may ask here'
  return undefined
}

function sansOf(sans: string): readonly string[] {
  return sans.split(', ').map((san) => san.slice(san.indexOf(':') + 1))
}

/**
 * A token comes with the scheme `Bearer` or, from Prometheus' HTTP service discovery where no type is set,
 * without any.
 */
function login(authorization: string | undefined, tokens: readonly Buffer[]): Verdict {
  if (!authorization) return unauthorized('a user and password, or a token, is needed')
  const basic = /^basic +(\S+)$/i.exec(authorization)?.[1]
  if (basic === undefined) {
    const token = authorization.replace(/^bearer +/i, '')
    return isKnown(token, tokens)
      ? { kind: 'allowed', verified: true }
      : unauthorized('the token is not known')
  }
  const pair = Buffer.from(basic, 'base64').toString()
  const colon = pair.indexOf(':')
  if (colon < 0) return unauthorized('the user and password cannot be read')
  return { kind: 'login', user: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

const unauthorized = (reason: string): Verdict => ({ kind: 'unauthorized', reason })

/** Compares with every token, in a time that tells nothing. */
function isKnown(token: string, tokens: readonly Buffer[]): boolean {
  const hash = createHash('sha256').update(token).digest()
  return tokens.map((known) => timingSafeEqual(known, hash)).includes(true)
}
