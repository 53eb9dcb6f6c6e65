// Who an agent is, provably: a key pair of its own, made at each start. The public key is its epoch. A hello signs
// the SSH session that it goes through, so that it can't be relayed through another one.

import {
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign as signWith,
  verify as verifyWith,
} from 'node:crypto'

export interface AgentIdentity {
  /** The public key: 32 bytes as base64url. */
  readonly epoch: string
  /** Proves to the other side of this session that the epoch is this agent's. */
  prove(hello: SignedHello): string
}

/** What a hello claims of its sender, in a session that only the two sides share. */
export interface SignedHello {
  readonly role: 'caller' | 'listener'
  readonly node: string
  readonly sessionId: Uint8Array
}

const purpose = 'app-metrics-proxy hello 2'
/** What precedes the seed of an Ed25519 key in PKCS #8. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The key of this seed, which must be random and known to nobody else. */
export function createIdentity(seed: Uint8Array = randomBytes(32)): AgentIdentity {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return {
    epoch: x!,
    prove: (hello) => signWith(null, signed(hello), key).toString('base64url'),
  }
}

export function isProven(epoch: string, proof: string, hello: SignedHello): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: epoch }, format: 'jwk' })
    return verifyWith(null, signed(hello), key, Buffer.from(proof, 'base64url'))
  } catch {
    // the epoch is no key
    return false
  }
}

/** Each field after its length, so that no two claims are the same bytes. */
function signed({ role, node, sessionId }: SignedHello): Buffer {
  return Buffer.concat(
    [purpose, role, node, sessionId].flatMap((field) => {
      const bytes = Buffer.from(field)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}
