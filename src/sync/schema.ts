// Validates what peers send: unknown JSON becomes a value of a known type, or ends the link. Unknown fields are left
// out, so that a newer agent may send more. By hand, since valibot's records drop keys like `constructor`, which a label
// or a service may have as its name.

import { ProxyError } from '../errors.ts'

/** Returns the value if it has the shape, else throws with its path. */
export type Shape<T> = (value: unknown, path: string) => T
export type Of<S> = S extends Shape<infer T> ? T : never
type Fields = Readonly<Record<string, Shape<unknown>>>

function wrong(path: string, expected: string): never {
  throw new ProxyError('protocol', `a message whose ${path} is not ${expected}`)
}

/** Half a pair of surrogates, which no document could contain, is replaced. */
export const text: Shape<string> = (value, path) =>
  typeof value === 'string' ? value.toWellFormed() : wrong(path, 'a text')

export const flag: Shape<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : wrong(path, 'true or false')

/** Of a field that is left out where it isn't. */
export const isTrue: Shape<true> = (value, path) => (value === true ? value : wrong(path, 'true'))

/** Some thirty years: beyond any real age, and far from where arithmetic with it stops being exact or finite. */
const maxDurationMs = 1e12

export const duration: Shape<number> = (value, path) =>
  typeof value === 'number' && value >= 0 && value <= maxDurationMs ? value : wrong(path, 'a duration')

export const integer: Shape<number> = (value, path) =>
  Number.isSafeInteger(value) ? (value as number) : wrong(path, 'a whole number')

export const count: Shape<number> = (value, path) => {
  const number = integer(value, path)
  return number >= 0 ? number : wrong(path, 'a whole number from 0')
}

export function oneOf<const T extends string>(allowed: readonly T[]): Shape<T> {
  return (value, path) => allowed.find((one) => one === value) ?? wrong(path, `one of ${allowed.join(', ')}`)
}

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((one, at) => item(one, `${path}[${at}]`)) : wrong(path, 'a list')
}

export function record<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, path) =>
    Object.fromEntries(
      Object.entries(plain(value, path)).map(([key, one]) => [
        key.toWellFormed(),
        item(one, `${path}.${key}`),
      ]),
    )
}

/** An object on the wire whose keys come from outside. */
export function map<T>(item: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return (value, path) => new Map(Object.entries(record(item)(value, path)))
}

/** A list of given length, each place with its own shape. */
export function row<T extends readonly unknown[]>(...items: { [K in keyof T]: Shape<T[K]> }): Shape<T> {
  return (value, path) => {
    if (!Array.isArray(value)) return wrong(path, 'a list')
    return items.map((item, at) => item(value[at], `${path}[${at}]`)) as unknown as T
  }
}

export function object<R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optional?: O,
): Shape<{ readonly [K in keyof R]: Of<R[K]> } & { readonly [K in keyof O]?: Of<O[K]> }> {
  const [needed, possible] = [Object.entries(required), Object.entries(optional ?? {})]
  return (value, path) => {
    const given = plain(value, path)
    const present = possible.filter(([key]) => given[key] !== undefined)
    const fields = [...needed, ...present].map(([key, shape]) => [key, shape(given[key], `${path}.${key}`)])
    return Object.fromEntries(fields)
  }
}

/** One of several objects, told apart by the text at `key`. */
export function variant<K extends string, V extends Fields>(key: K, shapes: V): Shape<Of<V[keyof V]>> {
  const kind = oneOf(Object.keys(shapes))
  return (value, path) => {
    const shape = shapes[kind(plain(value, path)[key], `${path}.${key}`)]!
    return shape(value, path) as Of<V[keyof V]>
  }
}

function plain(value: unknown, path: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : wrong(path, 'an object')
}
