// Which ports of a target are probed for metrics, in which order and why; or why none is.

import type { Trouble } from '../errors.ts'
import type { EndpointSettings } from '../labels/settings.ts'
import type { Address, Endpoint, Target } from '../model.ts'

/** A possible endpoint, and the host to connect to. */
export interface Candidate extends Endpoint {
  readonly host: string
}

export type Plan =
  | {
      readonly kind: 'probe'
      /** Best first. */
      readonly candidates: readonly Candidate[]
      /** A person configured the port; otherwise the usual ones are scanned. */
      readonly isExplicit: boolean
      /** What to do if no candidate has metrics. */
      readonly hint: string
    }
  | { readonly kind: 'none'; readonly trouble: Trouble }

export interface PlanConfig {
  readonly metricsPath: string
  readonly ports: readonly number[]
}

type ProbeSettings = Pick<EndpointSettings, 'enabled' | 'port' | 'path' | 'scheme' | 'network' | 'params'>

const alwaysScanned = [80, 8080, 9100]
const httpsPorts = new Set([443, 8443])

export function planOf(target: Target, settings: ProbeSettings, config: PlanConfig): Plan {
  const trouble = disabled(settings) ?? notRunning(target)
  if (trouble) return { kind: 'none', trouble }
  if (target.url !== undefined) return planOfUrl(target.url)
  const address = addressOf(target, settings)
  return 'code' in address ? { kind: 'none', trouble: address } : scanOf(address, settings, config)
}

function disabled({ enabled }: ProbeSettings): Trouble | undefined {
  if (enabled?.value !== false) return undefined
  return { code: 'disabled', reason: `switched off by ${enabled.why}` }
}

function notRunning({ state, exitCode }: Target): Trouble | undefined {
  if (state === 'running') return undefined
  if (state === 'paused') return { code: 'paused', reason: 'the container is paused' }
  const withCode = exitCode === undefined ? '' : ` with exit code ${exitCode}`
  return { code: 'stopped', reason: `the container has stopped${withCode}` }
}

function planOfUrl(text: string): Plan {
  const url = new URL(text)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  return {
    kind: 'probe',
    candidates: [{ url: url.href, host, port, why: 'listed in TARGETS' }],
    isExplicit: true,
    hint: 'correct its URL in TARGETS, or fix what answers there',
  }
}

function addressOf(target: Target, { network }: ProbeSettings): Address | Trouble {
  const [first] = target.addresses
  if (!first) return target.unreachable ?? { code: 'no_address', reason: 'no address is known' }
  if (!network) return first
  const named = onNetwork(target.addresses, network.value)
  if (named) return named
  const shared = target.addresses.map((address) => address.network).join(', ')
  return {
    code: 'no_address',
    reason: `the network ${network.value} (${network.why}) is not one that the container and this agent share`,
    hint: `attach the agent to that network, or name one that they share: ${shared}`,
  }
}

/** `name` is the full name, or the name in a stack or Compose file, which lacks the prefix. */
function onNetwork(addresses: readonly Address[], name: string): Address | undefined {
  return (
    addresses.find(({ network }) => network === name) ??
    addresses.find(({ network }) => network.endsWith(`_${name}`))
  )
}

function scanOf({ host }: Address, settings: ProbeSettings, config: PlanConfig): Plan {
  const path = withParams(settings.path?.value ?? config.metricsPath, settings.params)
  const ports = settings.port ? [settings.port.value] : [...new Set([...alwaysScanned, ...config.ports])]
  const why = whyOf(settings)
  const candidates = ports.map((port) => {
    const scheme = settings.scheme?.value ?? (httpsPorts.has(port) ? 'https' : 'http')
    return { url: `${scheme}://${bracketed(host)}:${port}${path}`, host, port, why }
  })
  return { kind: 'probe', candidates, isExplicit: settings.port !== undefined, hint: hintOf(settings, path) }
}

function withParams(path: string, params: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ ...params }).toString()
  if (query === '') return path
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

function whyOf({ port, path, scheme, network }: ProbeSettings): string {
  const labels = [path, scheme, network].flatMap((setting) => (setting ? [setting.why] : []))
  return [...new Set([port?.why ?? 'scanned', ...labels])].join('; ')
}

function hintOf({ port }: ProbeSettings, path: string): string {
  return port
    ? `let the container serve metrics at ${path} on port ${port.value} of all its addresses, or correct ${port.why}`
    : `let the container serve metrics at ${path} on one of these ports, add its port to PORTS, or set the label app-metrics-proxy.port`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
