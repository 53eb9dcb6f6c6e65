// Which ports of a target are probed for metrics, in which order and why; or why none is.

import { type Failure, stoppedFailure } from '../errors.ts'
import { type EndpointSettings, endpointSettings, type Settings } from '../labels/settings.ts'
import { type Address, type Endpoint, endpointNumberOf, type Target } from '../model.ts'

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
  | { readonly kind: 'none'; readonly failure: Failure }

export interface PlanConfig {
  readonly metricsPath: string
  readonly ports: readonly number[]
}

type ProbeSettings = Pick<EndpointSettings, 'enabled' | 'port' | 'path' | 'scheme' | 'network' | 'params'>

const alwaysScanned = [80, 8080, 9100]
const httpsPorts = new Set([443, 8443])

/** `container`: the settings of all of its endpoints, of which the target is one. */
export function planOf(target: Target, container: Settings, config: PlanConfig): Plan {
  const settings = endpointSettings(container, endpointNumberOf(target.id))
  if (!settings) return { kind: 'none', failure: { code: 'disabled', reason: 'no label configures it' } }
  const failure = disabled(settings) ?? notRunning(target)
  if (failure) return { kind: 'none', failure }
  if (target.url !== undefined) return planOfUrl(target.url)
  const address = addressOf(target, settings)
  if ('code' in address) return { kind: 'none', failure: address }
  const others = [container, ...container.endpoints.values()].filter((other) => other !== settings)
  return scanOf(address, settings, others, config)
}

function disabled({ enabled }: ProbeSettings): Failure | undefined {
  if (enabled?.value !== false) return undefined
  return { code: 'disabled', reason: `switched off by ${enabled.source}` }
}

function notRunning({ state, exitCode }: Target): Failure | undefined {
  if (state === 'running') return undefined
  if (state === 'paused') return { code: 'paused', reason: 'the container is paused' }
  return stoppedFailure(exitCode)
}

function planOfUrl(text: string): Plan {
  const url = new URL(text)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  return {
    kind: 'probe',
    candidates: [{ url: url.href, host, port, source: 'listed in TARGETS' }],
    isExplicit: true,
    hint: 'correct its URL in TARGETS, or fix what answers there',
  }
}

function addressOf(target: Target, { network }: ProbeSettings): Address | Failure {
  const [first] = target.addresses
  if (!first) return target.unreachable ?? { code: 'no_address', reason: 'no address is known' }
  if (!network) return first
  const named = onNetwork(target.addresses, network.value)
  if (named) return named
  const shared = target.addresses.map((address) => address.network).join(', ')
  return {
    code: 'no_address',
    reason: `the network ${network.value} (${network.source}) is not one that the container and this agent share`,
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

/** What labels give to another endpoint is not found by scanning: it would stand in for this one when that fails. */
function scanOf(
  { host }: Address,
  settings: ProbeSettings,
  others: readonly ProbeSettings[],
  config: PlanConfig,
): Plan {
  const own = candidatesOf(host, settings, config)
  const configured = others.filter(({ port }) => port).flatMap((other) => candidatesOf(host, other, config))
  const taken = new Set(settings.port ? [] : configured.map(({ url }) => url))
  const candidates = own.filter(({ url }) => !taken.has(url))
  const hint = hintOf(settings, pathOf(settings, config))
  if (candidates.length > 0)
    return { kind: 'probe', candidates, isExplicit: settings.port !== undefined, hint }
  const reason = 'each port that would be scanned is another endpoint’s by its label'
  return { kind: 'none', failure: { code: 'no_metrics', reason, hint } }
}

function candidatesOf(host: string, settings: ProbeSettings, config: PlanConfig): readonly Candidate[] {
  const path = pathOf(settings, config)
  const ports = settings.port ? [settings.port.value] : [...new Set([...alwaysScanned, ...config.ports])]
  const source = endpointSourceOf(settings)
  return ports.map((port) => {
    const scheme = settings.scheme?.value ?? (httpsPorts.has(port) ? 'https' : 'http')
    return { url: `${scheme}://${bracketed(host)}:${port}${path}`, host, port, source }
  })
}

function pathOf({ path, params }: ProbeSettings, { metricsPath }: PlanConfig): string {
  return withParams(path?.value ?? metricsPath, params)
}

function withParams(path: string, params: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ ...params }).toString()
  if (query === '') return path
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

function endpointSourceOf({ port, path, scheme, network }: ProbeSettings): string {
  const labels = [path, scheme, network].flatMap((setting) => (setting ? [setting.source] : []))
  return [...new Set([port?.source ?? 'scanned', ...labels])].join('; ')
}

function hintOf({ port }: ProbeSettings, path: string): string {
  return port
    ? `let the container serve metrics at ${path} on port ${port.value} of all its addresses, or correct ${port.source}`
    : `let the container serve metrics at ${path} on one of these ports, add its port to PORTS, or set the label app-metrics-proxy.port`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
