// What answers take in memory from when they are made until their clients have them. All together they share one
// budget: who asks when it is spent waits, and is refused after a while; who doesn't read is cut off.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { ByteBudget } from '../runtime/byte-budget.ts'

export interface Sending {
  /**
   * Reserves memory for the answer to this request, until its client has it or is gone. What isn't reserved before is
   * reserved by itself when it is sent.
   */
  reserve(request: FastifyRequest, reply: FastifyReply, bytes: number, timeoutMs: number): Promise<void>
  /** To be registered before all routes. */
  plugin(server: FastifyInstance): void
}

export interface SendingDeps {
  readonly clock: Clock
  readonly budget: ByteBudget
  /** Memory is so short that nothing large is to be made. */
  readonly isMemoryShort: () => boolean
  readonly usualTimeoutMs: number
}

/** The system takes answers of this size at once, whether or not the client reads. */
const uncountedBytes = 16 * 1024
/** Of larger answers none is begun while memory is short. */
const maxBytesWhenShort = 256 * 1024
/** A client that hasn't taken the whole answer after this time is cut off. */
const writeTimeoutMs = 60_000

export function createSending({ clock, budget, isMemoryShort, usualTimeoutMs }: SendingDeps): Sending {
  const reserved = new WeakSet<FastifyRequest>()

  async function reserve(
    request: FastifyRequest,
    reply: FastifyReply,
    bytes: number,
    timeoutMs: number,
  ): Promise<void> {
    reserved.add(request)
    if (isMemoryShort() && bytes > maxBytesWhenShort)
      throw new ProxyError('overloaded', 'the agent is short of memory for an answer of this size')
    const { socket } = request.raw
    const reservation = await budget.reserve({
      ...{ owner: socket.remoteAddress ?? '', bytes, timeoutMs },
      giveUp: () => socket.destroy(),
    })
    if (socket.destroyed) {
      reservation.release()
      throw new ProxyError('overloaded', 'the client has gone while it waited')
    }
    const cancel = clock.after(writeTimeoutMs, () => socket.destroy())
    reply.raw.once('close', () => {
      cancel()
      reservation.release()
    })
  }

  return {
    reserve,
    plugin(server) {
      server.addHook('onSend', async (request, reply, payload) => {
        const bytes = bytesOf(payload)
        if (bytes > uncountedBytes && !reserved.has(request))
          await reserve(request, reply, bytes, usualTimeoutMs)
        return payload
      })
    },
  }
}

function bytesOf(payload: unknown): number {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return Buffer.byteLength(payload)
  return 0
}
