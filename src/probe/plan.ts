// Where to look for a target's metrics, in which order and why; or why not to look at all.

import type { Trouble } from '../errors.ts'
import type { Settings } from '../labels/settings.ts'
import type { Address, Endpoint, Target } from '../model.ts'

/** An endpoint that may turn out to be one, and what to connect to in order to see. */
export interface Candidate extends Endpoint {
  readonly host: string
}

export type Plan =
  | {
      readonly kind: 'probe'
      /** Best first. */
      readonly candidates: readonly Candidate[]
      /** A person has said where the metrics are; else it is a scan of what is usual. */
      readonly told: boolean
      /** What a person can do if none of them answers. */
      readonly hint: string
    }
  | { readonly kind: 'none'; readonly trouble: Trouble }

export interface PlanConfig {
  readonly metricsPath: string
  readonly ports: readonly number[]
}

type Wishes = Pick<Settings, 'enabled' | 'port' | 'path' | 'scheme' | 'network' | 'params'>

const alwaysScanned = [80, 8080, 9100]
const httpsPorts = new Set([443, 8443])

export function planOf(target: Target, wishes: Wishes, config: PlanConfig): Plan {
  const trouble = disabled(wishes) ?? notRunning(target)
  if (trouble) return { kind: 'none', trouble }
  if (target.url !== undefined) return planOfUrl(target.url)
  const address = addressOf(target, wishes)
  return 'code' in address ? { kind: 'none', trouble: address } : scanOf(address, wishes, config)
}

function disabled({ enabled }: Wishes): Trouble | undefined {
  if (enabled?.value !== false) return undefined
  return { code: 'disabled', reason: `switched off by ${enabled.why}` }
}

function notRunning({ state, exitCode }: Target): Trouble | undefined {
  if (state === 'running') return undefined
  if (state === 'paused') return { code: 'paused', reason: 'the container is paused' }
  const how = exitCode === undefined ? '' : ` with exit code ${exitCode}`
  return { code: 'stopped', reason: `the container has stopped${how}` }
}

function planOfUrl(text: string): Plan {
  const url = new URL(text)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  return {
    kind: 'probe',
    candidates: [{ url: url.href, host, port, why: 'listed in TARGETS' }],
    told: true,
    hint: 'correct its URL in TARGETS, or fix what answers there',
  }
}

function addressOf(target: Target, { network }: Wishes): Address | Trouble {
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

/** By its full name, or by its name in a stack or Compose file, which is the full one without its prefix. */
function onNetwork(addresses: readonly Address[], name: string): Address | undefined {
  return (
    addresses.find(({ network }) => network === name) ??
    addresses.find(({ network }) => network.endsWith(`_${name}`))
  )
}

function scanOf({ host }: Address, wishes: Wishes, config: PlanConfig): Plan {
  const path = withParams(wishes.path?.value ?? config.metricsPath, wishes.params)
  const ports = wishes.port ? [wishes.port.value] : [...new Set([...alwaysScanned, ...config.ports])]
  const why = whyOf(wishes)
  const candidates = ports.map((port) => {
    const scheme = wishes.scheme?.value ?? (httpsPorts.has(port) ? 'https' : 'http')
    return { url: `${scheme}://${bracketed(host)}:${port}${path}`, host, port, why }
  })
  return { kind: 'probe', candidates, told: wishes.port !== undefined, hint: hintOf(wishes, path) }
}

function withParams(path: string, params: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ ...params }).toString()
  if (query === '') return path
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

function whyOf({ port, path, scheme, network }: Wishes): string {
  const labels = [path, scheme, network].flatMap((told) => (told ? [told.why] : []))
  return [...new Set([port?.why ?? 'scanned', ...labels])].join('; ')
}

function hintOf({ port }: Wishes, path: string): string {
  return port
    ? `let the container show metrics at ${path} on port ${port.value} of all its addresses, or correct ${port.why}`
    : `let the container show metrics at ${path} on one of these ports, add its port to PORTS, or name it by the label app-metrics-proxy.port`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

export function isSamePlan(one: Plan, other: Plan): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
