// In place of src/sync/identity.ts: a hash for a signature. Nobody in a simulation makes a proof in another way than by
// its own identity, or takes one that it received.

import { hash } from 'node:crypto'
import type { SignedHello } from '../../../src/sync/identity.ts'

type Real = typeof import('../../../src/sync/identity.ts')

export const createIdentity: Real['createIdentity'] = (seed) => {
  const epoch = hash('sha256', seed!, 'base64url')
  return { epoch, prove: (claim) => proofOf(epoch, claim) }
}

export const isProven: Real['isProven'] = (epoch, proof, claim) => proof === proofOf(epoch, claim)

function proofOf(epoch: string, { role, node, sessionId }: SignedHello): string {
  return hash(
    'sha256',
    JSON.stringify([epoch, role, node, Buffer.from(sessionId).toString('base64')]),
    'base64url',
  )
}
