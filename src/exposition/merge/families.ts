// The families of a merge, in the order of their first appearance.

import type { MetricType } from '../scan/scan.ts'
import { counted } from '../words.ts'
import type { Declared } from './declared.ts'
import type { Home } from './home.ts'

export interface Family {
  readonly key: string
  type: MetricType | undefined
  help: string | undefined
  unit: string | undefined
  /** Where its samples are among all: from, to, from, to, … */
  readonly ranges: number[]
}

export interface Families {
  /** The family of this key, with what one more page says of it. The first help and the first unit stand. */
  add(home: Home, declared: Declared | undefined): Family
  has(key: string): boolean
  count(): number
  all(): Iterable<Family>
  remarks(): string[]
}

export function createFamilies(): Families {
  const families = new Map<string, Family>()
  const conflicts = new Map<string, string>()

  /** No type is right for a family of which two are claimed: it becomes untyped, its samples stay. */
  function declareType(family: Family, type: MetricType | undefined): void {
    if (type === undefined || family.type === type) return
    if (family.type !== undefined && !conflicts.has(family.key))
      conflicts.set(family.key, `${family.key} is ${family.type} and ${type}`)
    family.type = family.type === undefined ? type : 'unknown'
  }

  return {
    add({ key, type }, declared) {
      const family = families.get(key) ?? {
        key,
        type,
        help: declared?.help,
        unit: declared?.unit,
        ranges: [],
      }
      families.set(key, family)
      declareType(family, type)
      family.help ??= declared?.help
      family.unit ??= declared?.unit
      return family
    },
    has: (key) => families.has(key),
    count: () => families.size,
    all: () => families.values(),
    remarks() {
      const [first] = conflicts.values()
      if (first === undefined) return []
      return [
        `${counted(conflicts.size, 'family has', 'families have')} conflicting types and no type now: ${first}`,
      ]
    },
  }
}
