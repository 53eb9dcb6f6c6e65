// What a container's labels and its service's labels configure: one resolver for all families of labels.
//
// The order: families as prefixes.ts lists them; within a family, service labels before container labels,
// since a container's labels include those of its image, while a service's are set by the operator. An invalid
// value is reported, and the next label in the order counts.

import {
  boolean,
  duration,
  durationOrOff,
  InvalidValue,
  labelName,
  line,
  oneOf,
  path,
  pathSegment,
  port,
} from '../config/values.ts'
import type { Labels } from '../model.ts'
import {
  endpointFamily,
  endpointOfKey,
  type Field,
  families,
  type LabelFamily,
  labelPrefix,
  ownPrefix,
  paramPrefixes,
} from './prefixes.ts'
import {
  type AlertDefinition,
  alertsOf,
  filterDockerFlow,
  type LabelSource,
  type RawLabel,
  sourceOf,
} from './sources.ts'

/** A value and, for people, where it comes from: `com.df.scrapePort, service label`. */
export interface Sourced<T> {
  readonly value: T
  readonly source: string
}

/** Of one endpoint of a container. */
export interface EndpointSettings {
  /**
   * What tells it from the first in `instance`, on the status page and in commands: `:9113`, or `?endpoint=3` if it has no
   * port of its own. Empty: it is the first.
   */
  readonly instanceSuffix: string
  /** Opted in or out; absent: neither. */
  readonly enabled?: Sourced<boolean>
  readonly port?: Sourced<number>
  /** Begins with `/`; may hold a query. */
  readonly path?: Sourced<string>
  readonly scheme?: Sourced<'http' | 'https'>
  /** The Docker network through which to reach the container. */
  readonly network?: Sourced<string>
  readonly job?: Sourced<string>
  /** Docker Flow’s: the job is the service’s name without its stack. */
  readonly shortName?: Sourced<boolean>
  readonly maxAgeMs?: Sourced<number | 'off'>
  readonly intervalMs?: Sourced<number>
  /** Never above `intervalMs` where both are set. */
  readonly timeoutMs?: Sourced<number>
  /** Query parameters of each scrape. */
  readonly params: Readonly<Record<string, string>>
  /** Labels that Prometheus adds to every series; none that identifies targets. */
  readonly labels: Readonly<Record<string, string>>
}

/** Of a container, and so of its first endpoint. */
export interface Settings extends EndpointSettings {
  /** Those of its other endpoints, by number. */
  readonly endpoints: ReadonlyMap<number, EndpointSettings>
  /** An additional name for its path. */
  readonly name?: Sourced<string>
  /** Docker Flow’s alerts, unchecked. */
  readonly alerts: readonly AlertDefinition[]
  /** Invalid labels, each with what is allowed. */
  readonly remarks: readonly string[]
}

const none: Labels = Object.freeze({})
const cache = new WeakMap<Labels, WeakMap<Labels, Settings>>()

/** Cached by identity: every request, list and status needs it, with and without the service, and it takes some 40 µs. */
export function settingsOf(container: Labels = none, service: Labels = none): Settings {
  const byService = cache.get(container) ?? new WeakMap<Labels, Settings>()
  cache.set(container, byService)
  const settings = byService.get(service) ?? resolve(container, service)
  byService.set(service, settings)
  return settings
}

function resolve(container: Labels, service: Labels): Settings {
  const remarks: string[] = []
  const sources = filterDockerFlow(
    [sourceOf('service label', service, remarks), sourceOf('container label', container, remarks)],
    remarks,
  ).filter(({ labels }) => labels.size > 0)
  const first = {
    instanceSuffix: '',
    ...withinInterval(endpointFields({ sources, families, remarks }), remarks),
    params: named(sources, paramPrefixes, labelName, maxParams, remarks),
    labels: named(sources, [labelPrefix], extraLabelName, maxLabels, remarks),
  }
  return Object.freeze({
    ...first,
    ...optional({ name: firstValid({ sources, families, remarks }, 'name', pathSegment) }),
    endpoints: furtherEndpoints(sources, first, remarks),
    alerts: alertsOf(sources, remarks),
    remarks,
  })
}

/** What is read, and where what is wrong is added. */
interface LabelInput {
  readonly sources: readonly LabelSource[]
  /** In the order of precedence. */
  readonly families: readonly LabelFamily[]
  readonly remarks: string[]
}

type EndpointFields = Omit<EndpointSettings, 'instanceSuffix' | 'params' | 'labels'>

type ParseValue<T> = (text: string) => T

const dayMs = 86_400_000
const anyDuration = duration(50, dayMs)

function endpointFields(reading: LabelInput): EndpointFields {
  const one = <T>(field: Field, parse: ParseValue<T>) => firstValid(reading, field, parse)
  return optional({
    enabled: enabledOf(one('enabled', boolean), one('ignored', boolean)),
    port: one('port', port),
    path: one('path', path),
    scheme: one('scheme', oneOf(['http', 'https'] as const)),
    network: one('network', line),
    job: one('job', line),
    shortName: one('shortName', boolean),
    maxAgeMs: one('maxAgeMs', durationOrOff(0, dayMs)),
    intervalMs: one('intervalMs', anyDuration),
    timeoutMs: one('timeoutMs', anyDuration),
  })
}

/** In the order of their numbers. Each has a port or a path of its own. */
function furtherEndpoints(
  sources: readonly LabelSource[],
  first: EndpointSettings,
  remarks: string[],
): ReadonlyMap<number, EndpointSettings> {
  const keys = sources.flatMap(({ labels }) => [...labels.keys()])
  const numbers = new Set(keys.flatMap((key) => endpointOfKey(key) ?? []))
  const endpoints = new Map<number, EndpointSettings>()
  for (const number of [...numbers].sort()) {
    const ownFields = endpointFields({ sources, families: [endpointFamily(number)], remarks })
    const params = named(sources, [`${ownPrefix}param_${number}_`], labelName, maxParams, remarks)
    const labels = named(sources, [`${labelPrefix}${number}_`], extraLabelName, maxLabels, remarks)
    if (ownFields.port || ownFields.path) {
      const instanceSuffix = instanceSuffixOf(number, ownFields, [first, ...endpoints.values()])
      // nobody chose the first one's timeout for this one
      const fields = withinInterval(
        { ...inherited(first, ownFields), ...ownFields },
        ownFields.timeoutMs ? remarks : [],
      )
      endpoints.set(number, { ...fields, instanceSuffix, params, labels: { ...first.labels, ...labels } })
    } else if (Object.keys({ ...ownFields, ...params, ...labels }).length > 0)
      remarks.push(
        `there is no endpoint ${number}, though labels configure it: set app-metrics-proxy.port.${number} or app-metrics-proxy.path.${number}`,
      )
  }
  return endpoints
}

/** What is about the container; and where only the path is another one, also its port. */
function inherited(first: EndpointSettings, ownFields: EndpointFields): EndpointFields {
  const { instanceSuffix, params, labels, port, path, scheme, ...ofContainer } = first
  return ownFields.port ? ofContainer : { ...ofContainer, ...optional({ port, scheme }) }
}

function instanceSuffixOf(
  number: number,
  { port }: EndpointFields,
  before: readonly EndpointSettings[],
): EndpointSettings['instanceSuffix'] {
  const isOwnPort = port && before.every((other) => other.port?.value !== port.value)
  return isOwnPort ? `:${port.value}` : `?endpoint=${number}`
}

const flags: readonly Field[] = ['enabled', 'ignored', 'shortName']

/** The first label in the order whose value is allowed. An empty one sets nothing, unless it is true or false. */
function firstValid<T>(
  { sources, families, remarks }: LabelInput,
  field: Field,
  parse: ParseValue<T>,
): Sourced<T> | undefined {
  for (const { prefix, keys } of families)
    for (const { labels, origin } of sources)
      for (const key of keys[field] ?? []) {
        const label = labels.get(prefix + key)
        const isSet = label && (label.value !== '' || flags.includes(field))
        const value = isSet ? parsed(parse, label, origin, remarks) : undefined
        if (value !== undefined) return { value, source: `${label!.key}, ${origin}` }
      }
  return undefined
}

function parsed<T>(parse: ParseValue<T>, label: RawLabel, origin: string, remarks: string[]): T | undefined {
  try {
    return parse(label.value)
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    remarks.push(`${label.key}=${shortened(label.value)} (${origin}): must be ${error.message}`)
    return undefined
  }
}

const shortened = (value: string) => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)

/** A label that says ignore outranks all that say enabled. */
function enabledOf(
  enabled: Sourced<boolean> | undefined,
  ignored: Sourced<boolean> | undefined,
): Sourced<boolean> | undefined {
  return ignored?.value ? { value: false, source: ignored.source } : enabled
}

/** Prometheus drops a target whose timeout exceeds its interval. */
function withinInterval(fields: EndpointFields, remarks: string[]): EndpointFields {
  const { intervalMs: interval, timeoutMs: timeout } = fields
  if (!interval || !timeout || timeout.value <= interval.value) return fields
  remarks.push(`${timeout.source}: longer than the interval (${interval.source}), which counts`)
  return { ...fields, timeoutMs: interval }
}

const maxParams = 16
const maxLabels = 32

/** A container can't change what identifies targets and clusters; for the job there is a label of its own. */
const reserved = [
  'job',
  'instance',
  'cluster',
  'service',
  'stack',
  'slot',
  'node',
  'alertname',
  'le',
  'quantile',
]

const extraLabelName = (text: string): string => {
  const name = labelName(text)
  if (reserved.includes(name)) throw new InvalidValue(`another name than ${reserved.join(', ')}`)
  return name
}

/** All labels below the prefixes, by the rest of their keys. */
function named(
  sources: readonly LabelSource[],
  prefixes: readonly string[],
  parseName: ParseValue<string>,
  max: number,
  remarks: string[],
): Readonly<Record<string, string>> {
  const found = new Map<string, string>()
  for (const prefix of prefixes)
    for (const { labels, origin } of sources)
      for (const [key, label] of labels) {
        if (!key.startsWith(prefix) || isOfOtherEndpoint(key, prefix)) continue
        const name = parsed(parseName, { ...label, value: key.slice(prefix.length) }, origin, remarks)
        if (name === undefined || found.has(name) || label.value === '') continue
        const value = parsed(line, label, origin, remarks)
        if (value === undefined) continue
        if (found.size < max) found.set(name, value)
        else remarks.push(`${label.key} (${origin}): one of too many, at most ${max} are read`)
      }
  return Object.freeze(Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** `app-metrics-proxy.label.2.team` is no label of the first endpoint. */
function isOfOtherEndpoint(key: string, prefix: string): boolean {
  return prefix.startsWith(ownPrefix) && /^[2-9]_/.test(key.slice(prefix.length))
}

/** Without what is undefined, for optional properties. */
function optional<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/** Undefined: the container has no endpoint with this number. */
export function endpointSettings(settings: Settings, number: number): EndpointSettings | undefined {
  return number === 1 ? settings : settings.endpoints.get(number)
}

/** The job of a service in Prometheus: in its list of targets and in alerts about it. */
export function jobOf(settings: EndpointSettings, service: string, stack: string | undefined): string {
  if (settings.job) return settings.job.value
  const prefix = `${stack}_`
  const isShort = settings.shortName?.value && stack !== undefined && service.startsWith(prefix)
  return isShort ? service.slice(prefix.length) : service
}
