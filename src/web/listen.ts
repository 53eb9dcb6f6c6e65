// Binds the port on IPv6 and IPv4 at once, on IPv4 alone where the machine has no IPv6.

import { createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { portError } from '../http/ports.ts'

interface Where {
  readonly port: number
  readonly host?: string
}

export async function listen(server: FastifyInstance, { port, host }: Where): Promise<void> {
  try {
    await server.listen({ port, host: host ?? ((await hasIpv6()) ? '::' : '0.0.0.0') })
  } catch (error) {
    await server.close()
    throw portError(error, port, 'LISTEN_PORT')
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
