// Whether a request may be answered: one pure decision over what is known of the asker.

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

export interface Asker {
  readonly address: string
  readonly path: string
  readonly authorization: string | undefined
  readonly certificate: Certificate
}

export type Verdict =
  | 'allowed'
  /** The address or the certificate is not among those that may ask. */
  | { readonly refused: string }
  /** Who asks must say who they are; with the reason for people. */
  | { readonly unauthorized: string }
  /** A user's password is to be compared: slow, so left to the caller. */
  | { readonly user: string; readonly password: string }

export type Decide = (asker: Asker) => Verdict

export function createDecide(config: WebConfig): Decide {
  const allowed = addressesOf(config.allowedAddresses)
  const tokens = Object.values(config.tokens).map((hash) => Buffer.from(hash, 'hex'))
  const needsLogin = tokens.length > 0 || Object.keys(config.users).length > 0

  return ({ address, path, authorization, certificate }) => {
    if (!allowed(address)) return { refused: 'this address may not ask here' }
    if (config.openPaths.includes(path)) return 'allowed'
    const flaw =
      config.tls && certificateFlaw(certificate, config.tls.clientAuthType, config.tls.clientAllowedSans)
    if (flaw) return { refused: flaw }
    return needsLogin ? login(authorization, tokens) : 'allowed'
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
  if (!authorization) return { unauthorized: 'a user and password, or a token, is needed' }
  const basic = /^basic +(\S+)$/i.exec(authorization)?.[1]
  if (basic === undefined) {
    const token = authorization.replace(/^bearer +/i, '')
    return isKnown(token, tokens) ? 'allowed' : { unauthorized: 'the token is not known' }
  }
  const pair = Buffer.from(basic, 'base64').toString()
  const colon = pair.indexOf(':')
  if (colon < 0) return { unauthorized: 'the user and password cannot be read' }
  return { user: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

/** Compares with every token, in a time that tells nothing. */
function isKnown(token: string, tokens: readonly Buffer[]): boolean {
  const hash = createHash('sha256').update(token).digest()
  return tokens.map((known) => timingSafeEqual(known, hash)).includes(true)
}
