// The keys of a cluster, derived from its one secret. Host key and client key have a derivation each, so both
// sides of a link prove that they know the secret, and it never crosses the wire.

import { scrypt } from 'node:crypto'
import { createIdentity } from './identity.ts'

interface KeyPair {
  /** The private key, as OpenSSH writes it to a file. */
  readonly file: string
  /** The public key as in SSH's messages. */
  readonly blob: Buffer
}

export interface Keys {
  readonly host: KeyPair
  readonly client: KeyPair
}

/** Slow on purpose: a public key on the wire allows secrets to be tried offline. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }
const algorithm = 'ssh-ed25519'
const seedLength = 32

/** The keys of the secret first, then those of the previous one: all are accepted. */
export async function deriveAccepted(
  { secret, previousSecret }: { readonly secret: string; readonly previousSecret: string | undefined },
  derive = deriveKeys,
): Promise<[Keys, ...Keys[]]> {
  const present = await derive(secret)
  return previousSecret === undefined ? [present] : [present, await derive(previousSecret)]
}

export async function deriveKeys(secret: string): Promise<Keys> {
  const [host, client] = await Promise.all([derive(secret, 'host'), derive(secret, 'client')])
  return { host: keyPair(host), client: keyPair(client) }
}

function derive(secret: string, purpose: keyof Keys): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, `app-metrics-proxy ${purpose} key 1`, seedLength, cost, (error, seed) =>
      error ? reject(error) : resolve(seed),
    )
  })
}

/** Encoded here, field by field: the generators in use leave out leading zeros once in a few hundred keys. */
export function keyPair(seed: Buffer): KeyPair {
  const point = Buffer.from(createIdentity(seed).epoch, 'base64url')
  const blob = Buffer.concat([field(algorithm), field(point)])
  return { file: armour(privateFile(seed, point, blob)), blob }
}

/** The format of OpenSSH's PROTOCOL.key, without encryption. */
function privateFile(seed: Buffer, point: Buffer, blob: Buffer): Buffer {
  const check = Buffer.alloc(4)
  const secrets = [
    check,
    check,
    field(algorithm),
    field(point),
    field(Buffer.concat([seed, point])),
    field(''),
  ]
  return Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    number(1),
    field(blob),
    field(padded(Buffer.concat(secrets))),
  ])
}

function padded(secrets: Buffer): Buffer {
  const padding = Array.from({ length: -secrets.length & 7 }, (_, at) => at + 1)
  return Buffer.concat([secrets, Buffer.from(padding)])
}

function armour(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? []
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([number(bytes.length), bytes])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
