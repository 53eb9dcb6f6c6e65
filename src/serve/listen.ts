// Binds the port on IPv6 and IPv4 at once, on IPv4 alone where the machine has no IPv6.

import { createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'

interface Where {
  readonly port: number
  readonly host?: string
}

/** The port can't be had. The message says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

export async function listen(server: FastifyInstance, { port, host }: Where): Promise<void> {
  try {
    await server.listen({ port, host: host ?? ((await hasIpv6()) ? '::' : '0.0.0.0') })
  } catch (error) {
    await server.close()
    throw new ListenError(explain(error as NodeJS.ErrnoException, port), { cause: error })
  }
}

/** Whether a socket can be bound on IPv6: some kernels and containers have it switched off. */
function hasIpv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port: 0, host: '::1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}

function explain({ code, message }: NodeJS.ErrnoException, port: number): string {
  if (code === 'EADDRINUSE')
    return `port ${port} is in use by another process: stop that one or choose another with LISTEN_PORT`
  if (code === 'EACCES')
    return `port ${port} may not be bound by this user: choose one above 1023 with LISTEN_PORT`
  return `port ${port} cannot be bound: ${message}`
}
