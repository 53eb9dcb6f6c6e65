// Checks of what peers say: unknown JSON becomes a value of a known type, or ends the link. Fields that we
// don't know are left out, so that a newer agent may say more.

import { ProxyError } from '../errors.ts'

/** Returns the value if it has the shape, else throws with the place where it hasn't. */
export type Shape<T> = (value: unknown, where: string) => T
export type Of<S> = S extends Shape<infer T> ? T : never
type Shapes = Readonly<Record<string, Shape<unknown>>>

function wrong(where: string, expected: string): never {
  throw new ProxyError('protocol', `a message whose ${where} is not ${expected}`)
}

/** Half a pair of surrogates, which no document that it gets into could hold, is replaced. */
export const text: Shape<string> = (value, where) =>
  typeof value === 'string' ? value.toWellFormed() : wrong(where, 'a text')

export const flag: Shape<boolean> = (value, where) =>
  typeof value === 'boolean' ? value : wrong(where, 'true or false')

/** Of a field that is left out where it isn't. */
export const isTrue: Shape<true> = (value, where) => (value === true ? value : wrong(where, 'true'))

/** Some thirty years: beyond any real age, and far from where arithmetic with it stops being exact or finite. */
const maxDurationMs = 1e12

export const duration: Shape<number> = (value, where) =>
  typeof value === 'number' && value >= 0 && value <= maxDurationMs ? value : wrong(where, 'a duration')

export const integer: Shape<number> = (value, where) =>
  Number.isSafeInteger(value) ? (value as number) : wrong(where, 'a whole number')

export const count: Shape<number> = (value, where) => {
  const number = integer(value, where)
  return number >= 0 ? number : wrong(where, 'a whole number from 0')
}

export function oneOf<const T extends string>(allowed: readonly T[]): Shape<T> {
  return (value, where) =>
    allowed.find((one) => one === value) ?? wrong(where, `one of ${allowed.join(', ')}`)
}

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return (value, where) =>
    Array.isArray(value) ? value.map((one, at) => item(one, `${where}[${at}]`)) : wrong(where, 'a list')
}

export function record<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, where) =>
    Object.fromEntries(
      Object.entries(plain(value, where)).map(([key, one]) => [
        key.toWellFormed(),
        item(one, `${where}.${key}`),
      ]),
    )
}

/** An object on the wire whose keys come from outside. */
export function map<T>(item: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return (value, where) => new Map(Object.entries(record(item)(value, where)))
}

/** A list of given length, each place with its own shape. */
export function row<T extends readonly unknown[]>(...items: { [K in keyof T]: Shape<T[K]> }): Shape<T> {
  return (value, where) => {
    if (!Array.isArray(value)) return wrong(where, 'a list')
    return items.map((item, at) => item(value[at], `${where}[${at}]`)) as unknown as T
  }
}

export function object<R extends Shapes, O extends Shapes = Record<never, never>>(
  required: R,
  optional?: O,
): Shape<{ readonly [K in keyof R]: Of<R[K]> } & { readonly [K in keyof O]?: Of<O[K]> }> {
  return (value, where) => {
    const given = plain(value, where)
    const known = Object.entries(required).map(([key, shape]) => [key, shape(given[key], `${where}.${key}`)])
    const more = Object.entries(optional ?? {})
      .filter(([key]) => given[key] !== undefined)
      .map(([key, shape]) => [key, shape(given[key], `${where}.${key}`)])
    return Object.fromEntries([...known, ...more])
  }
}

/** One of several objects, told apart by the text at `key`. */
export function variant<K extends string, V extends Shapes>(key: K, shapes: V): Shape<Of<V[keyof V]>> {
  const kind = oneOf(Object.keys(shapes))
  return (value, where) => {
    const shape = shapes[kind(plain(value, where)[key], `${where}.${key}`)]!
    return shape(value, where) as Of<V[keyof V]>
  }
}

function plain(value: unknown, where: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : wrong(where, 'an object')
}
