// The families of labels that we read, in their order of precedence. Only these labels may leave the node.
//
// Keys are compared as Prometheus would sanitise them: `prometheus.port`, `prometheus-port` and
// `prometheus/port` are one key, as in Prometheus' relabelling.

import { endpointNumbers, type Labels } from '../model.ts'

/** A setting with one value. */
export type Field =
  | 'enabled'
  | 'ignored'
  | 'port'
  | 'path'
  | 'scheme'
  | 'network'
  | 'name'
  | 'job'
  | 'shortName'
  | 'maxAgeMs'
  | 'intervalMs'
  | 'timeoutMs'

export interface LabelFamily {
  /** Sanitised, with its separator. */
  readonly prefix: string
  /** The rest of the key, sanitised; of synonyms the first that is set counts. */
  readonly keys: Readonly<Partial<Record<Field, readonly string[]>>>
}

export const ownPrefix = 'app_metrics_proxy_'
export const dockerFlowPrefix = 'com_df_'

/** An earlier family takes precedence. */
export const families: readonly LabelFamily[] = [
  {
    prefix: ownPrefix,
    keys: {
      enabled: ['enabled', 'enable', 'scrape'],
      ignored: ['ignore'],
      port: ['port'],
      path: ['path'],
      scheme: ['scheme'],
      network: ['network'],
      name: ['name'],
      job: ['job'],
      maxAgeMs: ['max_age'],
      intervalMs: ['interval'],
      timeoutMs: ['timeout'],
    },
  },
  {
    prefix: 'prometheus_',
    keys: {
      enabled: ['scrape', 'enable', 'enabled', 'io_scrape'],
      ignored: ['ignore'],
      port: ['port', 'io_port'],
      path: ['path', 'io_path'],
      scheme: ['scheme', 'io_scheme'],
      job: ['job', 'io_job'],
      intervalMs: ['scrape_interval', 'interval', 'io_scrape_interval', 'io_interval'],
      timeoutMs: ['scrape_timeout', 'timeout', 'io_scrape_timeout', 'io_timeout'],
    },
  },
  {
    prefix: 'io_prometheus_',
    keys: {
      enabled: ['enabled'],
      port: ['scrape_port'],
      path: ['metrics_path'],
      scheme: ['scrape_scheme'],
      job: ['job_name'],
      intervalMs: ['scrape_interval'],
      timeoutMs: ['scrape_timeout'],
    },
  },
  {
    prefix: dockerFlowPrefix,
    keys: {
      port: ['scrapePort'],
      path: ['metricsPath'],
      network: ['scrapeNetwork'],
      shortName: ['shortName'],
      intervalMs: ['scrapeInterval'],
      timeoutMs: ['scrapeTimeout'],
    },
  },
]

/** Of an endpoint after the first, in our own family alone: `app-metrics-proxy.port.2`. Its container has one name. */
export function endpointFamily(number: number): LabelFamily {
  const [{ prefix, keys }] = families as readonly [LabelFamily]
  const { name: _, ...ofEndpoint } = keys
  const indexed = Object.entries(ofEndpoint).map(([field, synonyms]) => [
    field,
    synonyms.map((key) => `${key}_${number}`),
  ])
  return { prefix, keys: Object.fromEntries(indexed) }
}

/** `app-metrics-proxy.param.<name>` and `prometheus.io/param-<name>`, in the order of precedence. */
export const paramPrefixes = [`${ownPrefix}param_`, 'prometheus_io_param_']
/** `app-metrics-proxy.label.<name>`. */
export const labelPrefix = `${ownPrefix}label_`
/** `app-metrics-proxy.port.2`, and `app-metrics-proxy.param.2.<name>`: at its end the number would belong to the name. */
const endpointKey = new RegExp(`^${ownPrefix}(?:(?:param|label)_([2-9])_.*|.*_([2-9]))$`)
/** The endpoint after the first that a sanitised key may be about. */
export function endpointOfKey(plain: string): number | undefined {
  const [, ofName, last] = endpointKey.exec(plain) ?? []
  return Number(ofName ?? last) || undefined
}
export const notifyKey = `${dockerFlowPrefix}notify`
/** Docker Flow's alert labels: the part and, optionally, the index. */
export const alertKey = /^com_df_alert(Name|If|For|Labels|Annotations|Persistent)(?:_([1-9]\d?))?$/

/** `com.df.scrapeType` has no meaning here, but is no mistake either. */
const knownKeys = new Set([
  notifyKey,
  `${dockerFlowPrefix}scrapeType`,
  ...[...families, ...endpointNumbers.slice(1).map(endpointFamily)].flatMap(({ prefix, keys }) =>
    Object.values(keys).flatMap((names) => names.map((name) => prefix + name)),
  ),
])

/** Replaces character by character, so that positions in a key stay the same. */
export function sanitise(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

/**
 * Docker's labels as those of Prometheus. Where two keys give one name, the first in alphabetical order counts, for every
 * agent.
 */
export function labelsAs(prefix: string, labels: Labels): Labels {
  const named = new Map<string, string>()
  for (const [key, value] of Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = prefix + sanitise(key)
    if (!named.has(name)) named.set(name, value)
  }
  return Object.fromEntries(named)
}

/** Whether this label may leave the node without being listed in `SD_LABELS`. */
export function isOurs(key: string): boolean {
  const plain = sanitise(key)
  return isKnown(plain) || plain.startsWith(ownPrefix)
}

/** Whether a sanitised key has a meaning. One of our own family that has none is reported. */
export function isKnown(plain: string): boolean {
  return (
    knownKeys.has(plain) ||
    plain.startsWith(labelPrefix) ||
    paramPrefixes.some((prefix) => plain.startsWith(prefix)) ||
    alertKey.test(plain)
  )
}
