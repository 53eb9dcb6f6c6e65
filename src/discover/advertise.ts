// Under which address Prometheus finds a node's agent: the operator's word, else what the node knows of itself.

import { isIP, isIPv6 } from 'node:net'

interface Configured {
  readonly advertise: string | undefined
  readonly listenPort: number
}

interface Node {
  readonly hostname: string
  readonly address?: string
}

/** What a node tells its peers as `Self.advertise`. */
export function advertisedBy(config: Configured, node: Node): string {
  return config.advertise ?? hostPort(node.address ?? node.hostname, config.listenPort)
}

/** With IPv6 in brackets, as in URLs. */
export function hostPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Why Prometheus can hardly reach this address from another machine; undefined: nothing speaks against it. */
export function doubtsAbout(advertise: string): string | undefined {
  const host = advertise.slice(0, advertise.lastIndexOf(':')).replaceAll(/[[\]]/g, '').toLowerCase()
  if (host === 'localhost' || /^127\./.test(host) || host === '::1')
    return 'it means the machine itself, wherever it is used'
  if (host === '0.0.0.0' || host === '::') return 'it is no address of a machine'
  if (/^169\.254\./.test(host) || /^fe[89ab][0-9a-f]:/.test(host)) return 'it is valid on one link only'
  if (/^172\.(17|18)\./.test(host)) return 'it looks like an address inside Docker'
  if (isIP(host) === 0 && /^[0-9a-f]{12}$/.test(host)) return 'it looks like a container’s hostname'
  return undefined
}
