// Whether a user's password is right. Comparing with a bcrypt hash is slow by design, so a password that was right once is
// remembered. All others queue for one thread, fairly by the clients' networks.
//
// Neither the answer nor the time it takes reveals whether a user exists: an unknown one costs as much as a known one.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { createFairQueue } from './fair-queue.ts'
import { createPasswordThread } from './password-thread.ts'

interface Login {
  readonly user: string
  readonly password: string
}

/** Bcrypt hashes by user. */
type PasswordHashes = Readonly<Record<string, string>>

export interface Passwords {
  /** Whether this user and password were right before, by the same hash. Fast. */
  isVerified(login: Login, hashes: PasswordHashes): boolean
  /** Queued by `address`, and not compared if the client `isGone` by then. `busy`: too many wait. */
  verify(login: Login, hashes: PasswordHashes, address: string, isGone: () => boolean): Promise<LoginResult>
  stop(): Promise<void>
}

type LoginResult = 'right' | 'wrong' | 'busy'

interface QueuedLogin {
  readonly hash: string
  readonly password: string
  readonly isGone: () => boolean
  readonly result: PromiseWithResolvers<LoginResult>
}

/** One comparison for all clients that wait for its result. */
interface SharedLogin {
  readonly areGone: (() => boolean)[]
  readonly result: Promise<LoginResult>
}

const maxWaiting = 64
const maxWaitingPerNetwork = 16
/** Of a random password. */
const unknownUsersHash = '$2b$10$YZ8QB0TYfiVvERUKIQRKsOqwDdY7a1CHMM.eXqyYiOApIXAOk5Pay'

export function createPasswords(): Passwords {
  const secret = randomBytes(32)
  const thread = createPasswordThread()
  const queue = createFairQueue<QueuedLogin>({ maxItems: maxWaiting, maxPerGroup: maxWaitingPerNetwork })
  /** By user: nobody else's attempts can push one out. */
  const verified = new Map<string, Buffer>()
  /** By user, password and hash. */
  const inProgress = new Map<string, SharedLogin>()
  let isComparing = false

  const digestOf = (...texts: readonly string[]) =>
    createHmac('sha256', secret).update(JSON.stringify(texts)).digest()
  const hashOf = (user: string, hashes: PasswordHashes) => (Object.hasOwn(hashes, user) ? hashes[user]! : '')

  /** An unknown user's password is compared at the cost of a known user's hash, always of the same one. */
  function hashForUnknown(user: string, hashes: PasswordHashes): string {
    const known = Object.values(hashes)
    const similar = known[digestOf(user).readUInt32BE() % known.length] ?? unknownUsersHash
    return unknownUsersHash.replace('$10$', /\$\d\d\$/.exec(similar)![0].replaceAll('$', '$$$$'))
  }

  async function compareAll(): Promise<void> {
    if (isComparing) return
    isComparing = true
    for (let next = queue.next(); next; next = queue.next()) {
      const { hash, password, isGone, result } = next
      if (isGone()) result.resolve('busy')
      else
        await thread
          .compare({ password, hash })
          .then((isSame) => result.resolve(isSame ? 'right' : 'wrong'), result.reject)
    }
    isComparing = false
  }

  return {
    isVerified({ user, password }, hashes) {
      const known = verified.get(user)
      return (
        timingSafeEqual(known ?? secret, digestOf(user, password, hashOf(user, hashes))) &&
        known !== undefined
      )
    },
    async verify({ user, password }, hashes, address, isGone) {
      const hash = hashOf(user, hashes)
      const digest = digestOf(user, password, hash)
      const key = digest.toString('base64')
      const shared = inProgress.get(key)
      shared?.areGone.push(isGone)
      if (shared) return shared.result
      const areGone = [isGone]
      const compared = Promise.withResolvers<LoginResult>()
      const displaced = queue.add(networkOf(address), {
        ...{ hash: hash || hashForUnknown(user, hashes), password, result: compared },
        isGone: () => areGone.every((one) => one()),
      })
      displaced?.result.resolve('busy')
      void compareAll()
      const result = compared.promise.then((result) => {
        if (hash === '' && result === 'right') return 'wrong'
        if (result === 'right') verified.set(user, digest)
        return result
      })
      inProgress.set(key, { areGone, result })
      return result.finally(() => inProgress.delete(key))
    },
    stop: thread.stop,
  }
}

/** An IPv6 host can use any address of its /64 network. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''))
  const missing = Array<string>(
    tail === undefined ? 0 : Math.max(0, 8 - before!.length - after!.length),
  ).fill('0')
  return [...before!, ...missing, ...after!].slice(0, 4).join(':')
}
