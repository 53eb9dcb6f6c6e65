// Whether a request may be answered: a pure decision over the client's address, certificate and credentials.

import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import { withoutIPv4Prefix } from '../../http/ports.ts'
import type { ClientAuthType, WebConfig } from './web-config.ts'

export interface AccessRequest {
  readonly address: string
  /** Absent where the request cannot be parsed. */
  readonly path?: string | undefined
  readonly authorization?: string | undefined
  readonly certificate: ClientCertificate
}

interface ClientCertificate {
  readonly isGiven: boolean
  /** Signed by one of the configured authorities. */
  readonly isVerified: boolean
  /** As Node returns them: `DNS:a.example, IP Address:10.0.0.1`. */
  readonly sans: string
}

export type AccessDecision =
  /** `isVerified`: the client has proved who it is, or need not. */
  | { readonly kind: 'allowed'; readonly isVerified: boolean }
  /** Its address or certificate is not allowed. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'unauthorized'; readonly reason: string }
  /** The password is to be compared: slow, so left to the caller. */
  | { readonly kind: 'login'; readonly user: string; readonly password: string }

export type DecideAccess = (request: AccessRequest) => AccessDecision

export function createDecideAccess(config: WebConfig): DecideAccess {
  const isAllowed = addressFilter(config.allowedAddresses)
  const tokenHashes = Object.values(config.tokens).map((hash) => Buffer.from(hash, 'hex'))
  const needsLogin = tokenHashes.length > 0 || Object.keys(config.users).length > 0
  const needsCertificate = config.tls?.clientAuthType.startsWith('Require') ?? false

  return ({ address, path, authorization, certificate }) => {
    if (!isAllowed(address)) return { kind: 'forbidden', reason: 'this address is not allowed' }
    if (path !== undefined && config.openPaths.includes(path))
      return { kind: 'allowed', isVerified: !needsLogin && !needsCertificate }
    const problem =
      config.tls && certificateProblem(certificate, config.tls.clientAuthType, config.tls.clientAllowedSans)
    if (problem) return { kind: 'forbidden', reason: problem }
    return needsLogin ? login(authorization, tokenHashes) : { kind: 'allowed', isVerified: true }
  }
}

function addressFilter(list: readonly string[]): (address: string) => boolean {
  if (list.length === 0) return () => true
  const allowed = new BlockList()
  for (const one of list) {
    const [address = '', bits] = one.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) allowed.addAddress(address, family)
    else allowed.addSubnet(address, Number(bits), family)
  }
  return (address) => {
    const plain = withoutIPv4Prefix(address)
    return allowed.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}

function certificateProblem(
  { isGiven, isVerified, sans }: ClientCertificate,
  type: ClientAuthType,
  allowedSans: readonly string[],
): string | undefined {
  if (type.startsWith('Require') && !isGiven) return 'a client certificate is needed'
  if (type.includes('Verify') && isGiven && !isVerified)
    return 'the client certificate is not signed by an accepted authority'
  if (allowedSans.length > 0 && isGiven && !sansOf(sans).some((san) => allowedSans.includes(san)))
    return 'the client certificate has none of the allowed names'
  return undefined
}

function sansOf(sans: string): readonly string[] {
  return sans.split(', ').map((san) => san.slice(san.indexOf(':') + 1))
}

/** Prometheus' HTTP service discovery may send a token without the scheme `Bearer`. */
function login(authorization: string | undefined, tokenHashes: readonly Buffer[]): AccessDecision {
  if (!authorization) return unauthorized('a user and password, or a token, is needed')
  const basic = /^basic +(\S+)$/i.exec(authorization)?.[1]
  if (basic === undefined) {
    const token = authorization.replace(/^bearer +/i, '')
    return isKnownToken(token, tokenHashes)
      ? { kind: 'allowed', isVerified: true }
      : unauthorized('the token is not known')
  }
  const pair = Buffer.from(basic, 'base64').toString()
  const colon = pair.indexOf(':')
  if (colon < 0) return unauthorized('the user and password cannot be read')
  return { kind: 'login', user: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

const unauthorized = (reason: string): AccessDecision => ({ kind: 'unauthorized', reason })

/** Compares with all tokens, so that the time it takes reveals nothing. */
function isKnownToken(token: string, tokenHashes: readonly Buffer[]): boolean {
  const hash = createHash('sha256').update(token).digest()
  return tokenHashes.map((known) => timingSafeEqual(known, hash)).includes(true)
}
