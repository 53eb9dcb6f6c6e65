// The memory that responses take, from when they are made until their clients have read them. All share one budget:
// when it is used up, a request waits and is then refused; a client that does not read is disconnected.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { ByteBudget } from '../runtime/byte-budget.ts'

export interface ResponseMemory {
  /**
   * Reserves memory until the client has the response or is gone. A response without a reservation gets one for its body
   * when it is sent.
   */
  reserve(request: FastifyRequest, reply: FastifyReply, bytes: number, timeoutMs: number): Promise<void>
  /** To be registered before all routes. */
  plugin(server: FastifyInstance): void
}

interface ResponseMemoryDeps {
  readonly clock: Clock
  readonly budget: ByteBudget
  readonly isMemoryShort: () => boolean
  readonly defaultTimeoutMs: number
}

/** The kernel's socket buffer takes smaller bodies at once. */
const minCountedBytes = 16 * 1024
/** While the agent is short of memory, larger responses are refused. */
const maxBytesWhenShort = 256 * 1024
const writeTimeoutMs = 60_000

export function createResponseMemory(deps: ResponseMemoryDeps): ResponseMemory {
  const { clock, budget, isMemoryShort, defaultTimeoutMs } = deps
  const reserved = new WeakSet<FastifyRequest>()

  const reserve: ResponseMemory['reserve'] = async (request, reply, bytes, timeoutMs) => {
    reserved.add(request)
    if (isMemoryShort() && bytes > maxBytesWhenShort)
      throw new ProxyError('overloaded', 'the agent is short of memory for a response of this size')
    const { socket } = request.raw
    const reservation = await budget.reserve({
      ...{ owner: socket.remoteAddress ?? '', bytes, timeoutMs },
      revoke: () => socket.destroy(),
    })
    if (socket.destroyed) {
      reservation.release()
      throw new ProxyError('overloaded', 'the client has disconnected while it waited')
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
        if (bytes > minCountedBytes && !reserved.has(request))
          await reserve(request, reply, bytes, defaultTimeoutMs)
        return payload
      })
    },
  }
}

function bytesOf(payload: unknown): number {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? Buffer.byteLength(payload) : 0
}
