// Whether a user's password is right. A bcrypt comparison is slow by design, so who was right once is known from
// then on, and waits for nobody. All others queue for the one thread that compares, fairly by their networks.
//
// Neither the answer nor the time it takes tells whether a user exists: an unknown one costs what a known one does.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { Clock } from '../../clock.ts'
import { createComparer } from './compare.ts'
import { createTurns } from './turns.ts'

export interface Login {
  readonly user: string
  readonly password: string
}

/** Bcrypt hashes by user. */
type Hashes = Readonly<Record<string, string>>

export interface Passwords {
  /** Whether this user and password were right before, by the same hash. */
  isVerified(login: Login, hashes: Hashes): boolean
  /** `busy`: too many wait. `address`: whose turn it takes; `isGone`: nobody waits for the outcome any more. */
  verify(login: Login, hashes: Hashes, address: string, isGone: () => boolean): Promise<Outcome>
  stop(): Promise<void>
}

type Outcome = 'right' | 'wrong' | 'busy'

interface Waiting {
  readonly hash: string
  readonly password: string
  readonly isGone: () => boolean
  readonly settle: PromiseWithResolvers<Outcome>
}

const maxWaiting = 64
const maxWaitingPerNetwork = 16
/** Of a password that nobody has. */
const nobodysHash = '$2b$10$YZ8QB0TYfiVvERUKIQRKsOqwDdY7a1CHMM.eXqyYiOApIXAOk5Pay'

export function createPasswords(clock: Clock): Passwords {
  const secret = randomBytes(32)
  const comparer = createComparer(clock)
  const turns = createTurns<Waiting>({ maxItems: maxWaiting, maxPerGroup: maxWaitingPerNetwork })
  /** By user: nobody else's attempts can push one out. */
  const verified = new Map<string, Buffer>()
  const underWay = new Map<string, Promise<Outcome>>()
  let isComparing = false

  const digestOf = (...texts: readonly string[]) =>
    createHmac('sha256', secret).update(JSON.stringify(texts)).digest()
  const hashOf = (user: string, hashes: Hashes) => (Object.hasOwn(hashes, user) ? hashes[user]! : '')

  /** A user that doesn't exist is compared at the cost of one that does: always the same one's. */
  function standInFor(user: string, hashes: Hashes): string {
    const known = Object.values(hashes)
    const like = known[digestOf(user).readUInt32BE() % known.length] ?? nobodysHash
    return nobodysHash.replace('$10$', /\$\d\d\$/.exec(like)![0].replaceAll('$', '$$$$'))
  }

  async function compareAll(): Promise<void> {
    if (isComparing) return
    isComparing = true
    for (let one = turns.next(); one; one = turns.next()) {
      const { hash, password, isGone, settle } = one
      if (isGone()) settle.resolve('busy')
      else
        await comparer
          .compare({ password, hash })
          .then((isSame) => settle.resolve(isSame ? 'right' : 'wrong'), settle.reject)
    }
    isComparing = false
  }

  function enqueue(hash: string, password: string, address: string, isGone: () => boolean): Promise<Outcome> {
    const settle = Promise.withResolvers<Outcome>()
    turns.add(networkOf(address), { hash, password, isGone, settle })?.settle.resolve('busy')
    void compareAll()
    return settle.promise
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
      const shared = underWay.get(key)
      if (shared) return shared
      const outcome = enqueue(hash || standInFor(user, hashes), password, address, isGone).then((outcome) => {
        if (hash === '' && outcome === 'right') return 'wrong'
        if (outcome === 'right') verified.set(user, digest)
        return outcome
      })
      underWay.set(key, outcome)
      return outcome.finally(() => underWay.delete(key))
    },
    stop: comparer.stop,
  }
}

/** An IPv6 host has a whole network of addresses: its /64. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''))
  const missing = Array<string>(
    tail === undefined ? 0 : Math.max(0, 8 - before!.length - after!.length),
  ).fill('0')
  return [...before!, ...missing, ...after!].slice(0, 4).join(':')
}
