// The error for a port that cannot be bound. Names the variable to change.

export class PortError extends Error {
  override readonly name = 'PortError'
}

export function portError(cause: unknown, port: number, variable: 'LISTEN_PORT' | 'SSH_PORT'): PortError {
  return new PortError(explain(cause as NodeJS.ErrnoException, port, variable), { cause })
}

function explain({ code, message }: NodeJS.ErrnoException, port: number, variable: string): string {
  if (code === 'EADDRINUSE')
    return `port ${port} is in use by another process: stop that one or choose another with ${variable}`
  if (code === 'EACCES')
    return `port ${port} may not be bound by this user: choose one above 1023 with ${variable}`
  return `port ${port} cannot be bound: ${message}`
}

/** Node writes the IPv4 clients of a socket for both versions as IPv6 addresses. */
export function withoutIPv4Prefix(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
