// Whether a user's password is right. A bcrypt comparison is slow by design: its outcomes are remembered, only
// a few run at once, and an unknown user costs as much time as a known one.

import { createHmac, randomBytes } from 'node:crypto'
import { compare } from 'bcryptjs'
import pLimit from 'p-limit'
import { ProxyError } from '../../errors.ts'

export type CheckPassword = (
  user: string,
  password: string,
  /** By user. */
  hashes: Readonly<Record<string, string>>,
) => Promise<boolean>

/** Of a password that nobody has. */
const nobodys = '$2b$10$YZ8QB0TYfiVvERUKIQRKsOqwDdY7a1CHMM.eXqyYiOApIXAOk5Pay'
const mostRemembered = 1000
const atOnce = 2
const mostWaiting = 50

export function createCheckPassword(): CheckPassword {
  const secret = randomBytes(32)
  const outcomes = new Map<string, boolean>()
  const limit = pLimit(atOnce)

  function remember(key: string, right: boolean): void {
    const [oldest] = outcomes.keys()
    if (outcomes.size >= mostRemembered && oldest !== undefined) outcomes.delete(oldest)
    outcomes.set(key, right)
  }

  return async (user, password, hashes) => {
    const isUser = Object.hasOwn(hashes, user)
    const hash = isUser ? hashes[user]! : likeOthers(hashes)
    const key = createHmac('sha256', secret)
      .update(JSON.stringify([user, password, hash]))
      .digest('base64')
    const known = outcomes.get(key)
    if (known !== undefined) return known
    if (limit.pendingCount >= mostWaiting)
      throw new ProxyError('overloaded', 'too many passwords are being checked')
    const right = (await limit(() => compare(password, hash))) && isUser
    remember(key, right)
    return right
  }
}

/** What is compared with where there is no such user: as slow as the hash of one that there is. */
function likeOthers(hashes: Readonly<Record<string, string>>): string {
  const [, cost = '10'] = /^\$2\w?\$(\d\d)\$/.exec(Object.values(hashes)[0] ?? '') ?? []
  return nobodys.replace('$10$', `$${cost}$`)
}
