// Which labels we read, and in which order. The same list says which labels may leave the node.
//
// Keys are compared as Prometheus would sanitise them, so `prometheus.port`, `prometheus-port` and
// `prometheus/port` are one key, as they are to people who relabel in Prometheus.

/** A setting with one value, whichever label it comes from. */
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
  | 'interval'
  | 'timeout'

export interface Family {
  /** Sanitised, with what separates it from the rest of the key. */
  readonly prefix: string
  /** What follows the prefix, sanitised; where several mean the same, the first that is set counts. */
  readonly keys: Readonly<Partial<Record<Field, readonly string[]>>>
}

export const ownPrefix = 'app_metrics_proxy_'
export const dockerFlowPrefix = 'com_df_'

/** The order of precedence: what an earlier family says, a later one can't change. */
export const families: readonly Family[] = [
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
      interval: ['interval'],
      timeout: ['timeout'],
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
      interval: ['scrape_interval', 'interval', 'io_scrape_interval', 'io_interval'],
      timeout: ['scrape_timeout', 'timeout', 'io_scrape_timeout', 'io_timeout'],
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
      interval: ['scrape_interval'],
      timeout: ['scrape_timeout'],
    },
  },
  {
    prefix: dockerFlowPrefix,
    keys: {
      port: ['scrapePort'],
      path: ['metricsPath'],
      network: ['scrapeNetwork'],
      shortName: ['shortName'],
      interval: ['scrapeIntervalMs'],
      timeout: ['scrapeTimeoutMs'],
    },
  },
]

/** `app-metrics-proxy.param.<name>` and `prometheus.io/param-<name>`, in the order of precedence. */
export const paramPrefixes = [`${ownPrefix}param_`, 'prometheus_io_param_']
/** `app-metrics-proxy.label.<name>`. */
export const labelPrefix = `${ownPrefix}label_`
/** Docker Flow's labels count only where this one is true, as in Docker Flow itself. */
export const notifyKey = `${dockerFlowPrefix}notify`
/** Docker Flow's alert labels: the part, and the index of those that have one. */
export const alertKey = /^com_df_alert(Name|If|For|Labels|Annotations|Persistent)(?:_([1-9]\d?))?$/

const fields = new Set(families.flatMap(({ keys }) => Object.keys(keys) as Field[]))

/** The whole keys of each field, a list for each family, in the order of precedence. */
export const keysOf: ReadonlyMap<Field, readonly (readonly string[])[]> = new Map(
  [...fields].map((field) => [
    field,
    families.map(({ prefix, keys }) => (keys[field] ?? []).map((key) => prefix + key)),
  ]),
)

/** `com.df.scrapeType` is Docker Flow’s own affair; known, so that it surprises nobody. */
const single = new Set([
  notifyKey,
  `${dockerFlowPrefix}scrapeType`,
  ...families.flatMap(({ prefix, keys }) =>
    Object.values(keys).flatMap((names) => names.map((name) => prefix + name)),
  ),
])

/** One character for one character, so that positions in a key stay what they are. */
export function sanitise(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

/** Whether we read this label: then, and only then, it may leave the node without being listed in `SD_LABELS`. */
export function isOurs(key: string): boolean {
  const plain = sanitise(key)
  return isKnown(plain) || plain.startsWith(ownPrefix)
}

/** Whether a sanitised key means something. In our own family, one that doesn't is a mistake worth telling. */
export function isKnown(plain: string): boolean {
  return (
    single.has(plain) ||
    plain.startsWith(labelPrefix) ||
    paramPrefixes.some((prefix) => plain.startsWith(prefix)) ||
    alertKey.test(plain)
  )
}
