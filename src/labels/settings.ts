// What a container's labels and its service's labels ask for: one resolver for all families of labels.
//
// The order: families as families.ts lists them; within a family, service labels before container labels,
// since a container's labels include those that the image's author baked in, while a service's are always
// the operator's own word. A value that isn't allowed is told, and the next label in the order counts.

import type { Labels } from '../model.ts'
import { type AlertDefinition, alertsOf } from './alerts.ts'
import { type Field, keysOf, labelPrefix, notifyKey, paramPrefixes } from './families.ts'
import { type Given, hasDockerFlow, type Source, sourceOf, withoutDockerFlow } from './source.ts'
import {
  age,
  duration,
  flag,
  labelName,
  line,
  type Parse,
  path,
  pathSegment,
  port,
  Refused,
  scheme,
} from './values.ts'

export type { AlertDefinition } from './alerts.ts'

/** A value, and where it came from, for people: `com.df.scrapePort, service label`. */
export interface Told<T> {
  readonly value: T
  readonly why: string
}

export interface Settings {
  /** Opted in or out; absent: nobody said. */
  readonly enabled?: Told<boolean>
  readonly port?: Told<number>
  /** Begins with `/`; may hold a query. */
  readonly path?: Told<string>
  readonly scheme?: Told<'http' | 'https'>
  /** The Docker network on which the container is to be reached. */
  readonly network?: Told<string>
  /** A further name under which it can be asked for. */
  readonly name?: Told<string>
  readonly job?: Told<string>
  /** Docker Flow’s: the job is the service’s name without its stack. */
  readonly shortName?: Told<boolean>
  /** Durations in milliseconds. */
  readonly maxAgeMs?: Told<number | 'off'>
  readonly interval?: Told<number>
  /** Never above `interval` where both are set. */
  readonly timeout?: Told<number>
  /** Query parameters with which the container is asked. */
  readonly params: Readonly<Record<string, string>>
  /** Labels that Prometheus is to add to every series. Never one that tells targets apart. */
  readonly labels: Readonly<Record<string, string>>
  /** Docker Flow’s alerts, as they were written. */
  readonly alerts: readonly AlertDefinition[]
  /** What was not understood, each with its label and what is allowed. */
  readonly problems: readonly string[]
}

const none: Labels = Object.freeze({})
const known = new WeakMap<Labels, { readonly service: Labels; readonly settings: Settings }>()

/** Pure, and remembered by identity: asking again for the same two objects costs nothing. */
export function settingsOf(container: Labels, service: Labels = none): Settings {
  const before = known.get(container)
  if (before?.service === service) return before.settings
  const settings = resolve(container, service)
  known.set(container, { service, settings })
  return settings
}

function resolve(container: Labels, service: Labels): Settings {
  const problems: string[] = []
  const sources = heeded(
    [sourceOf('service label', service, problems), sourceOf('container label', container, problems)],
    problems,
  ).filter(({ labels }) => labels.size > 0)
  const one = <T>(field: Field, parse: Parse<T>) => settle(sources, field, parse, problems)

  const interval = one('interval', duration)
  return Object.freeze({
    ...optional({
      enabled: enabledOf(one('enabled', flag), one('ignored', flag)),
      port: one('port', port),
      path: one('path', path),
      scheme: one('scheme', scheme),
      network: one('network', line),
      name: one('name', pathSegment),
      job: one('job', line),
      shortName: one('shortName', flag),
      maxAgeMs: one('maxAgeMs', age),
      interval,
      timeout: within(interval, one('timeout', duration), problems),
    }),
    params: named(sources, paramPrefixes, labelName, mostParams, problems),
    labels: named(sources, [labelPrefix], extraName, mostLabels, problems),
    alerts: alertsOf(sources, problems),
    problems,
  })
}

/** Docker Flow acts only on services that say `com.df.notify=true`; its labels mean nothing elsewhere. */
function heeded(sources: readonly Source[], problems: string[]): readonly Source[] {
  const notify = sources.map(({ labels }) => labels.get(notifyKey)).find((given) => given !== undefined)
  if (notify && /^true$/i.test(notify.value)) return sources
  if (!notify && sources.some(hasDockerFlow))
    problems.push('com.df.notify is not set to true: the other com.df labels are not read')
  return sources.map(withoutDockerFlow)
}

/** The first label in the order whose value is allowed. */
function settle<T>(
  sources: readonly Source[],
  field: Field,
  parse: Parse<T>,
  problems: string[],
): Told<T> | undefined {
  for (const keys of keysOf.get(field) ?? [])
    for (const { labels, origin } of sources)
      for (const key of keys) {
        const given = labels.get(key)
        const value = given && attempt(parse, given, origin, problems)
        if (value !== undefined) return { value, why: `${given!.key}, ${origin}` }
      }
  return undefined
}

function attempt<T>(parse: Parse<T>, given: Given, origin: string, problems: string[]): T | undefined {
  try {
    return parse(given.value)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    problems.push(`${given.key}=${shortened(given.value)} (${origin}): must be ${error.message}`)
    return undefined
  }
}

const shortened = (value: string) => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)

/** To be ignored is to be off, whatever else is said. */
function enabledOf(
  enabled: Told<boolean> | undefined,
  ignored: Told<boolean> | undefined,
): Told<boolean> | undefined {
  return ignored?.value ? { value: false, why: ignored.why } : enabled
}

/** Prometheus drops a target whose timeout exceeds its interval. */
function within(
  interval: Told<number> | undefined,
  timeout: Told<number> | undefined,
  problems: string[],
): Told<number> | undefined {
  if (!interval || !timeout || timeout.value <= interval.value) return timeout
  problems.push(`${timeout.why}: longer than the interval (${interval.why}), which counts`)
  return { value: interval.value, why: interval.why }
}

const mostParams = 16
const mostLabels = 32

/** What tells targets and clusters apart can't be set by a neighbour; the job has a label of its own. */
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

const extraName = (text: string): string => {
  const name = labelName(text)
  if (reserved.includes(name)) throw new Refused(`another name than ${reserved.join(', ')}`)
  return name
}

/** All labels below the prefixes, by the rest of their keys. */
function named(
  sources: readonly Source[],
  prefixes: readonly string[],
  parseName: Parse<string>,
  most: number,
  problems: string[],
): Readonly<Record<string, string>> {
  const found = new Map<string, string>()
  for (const prefix of prefixes)
    for (const { labels, origin } of sources)
      for (const [key, given] of labels) {
        if (!key.startsWith(prefix)) continue
        const name = attempt(parseName, { ...given, value: key.slice(prefix.length) }, origin, problems)
        if (name === undefined || found.has(name)) continue
        const value = attempt(line, given, origin, problems)
        if (value === undefined) continue
        if (found.size < most) found.set(name, value)
        else problems.push(`${given.key} (${origin}): one of too many, at most ${most} are read`)
      }
  return Object.freeze(Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** Without what is undefined, for optional properties. */
function optional<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
