// Compares passwords in a thread of its own, since bcrypt is slow by design.

import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

export interface PasswordComparison {
  readonly password: string
  readonly hash: string
}

parentPort!.on('message', ({ password, hash }: PasswordComparison) =>
  parentPort!.postMessage(compareSync(password, hash)),
)
