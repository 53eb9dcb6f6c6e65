// The families of a merge, in the order of their first appearance.

import type { Escaping } from '../formats.ts'
import type { MetricType } from '../scan/scan.ts'
import { counted } from '../words.ts'
import type { Declared } from './declared.ts'
import type { Home } from './home.ts'
import { counterName, plainMetric, told } from './names.ts'

export interface Family {
  /** The name by which it is known here, as the asker is told it. */
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
  /** In OpenMetrics a counter has another name than its samples; one that is another family's can have no type. */
  settleForOpenMetrics(): void
  count(): number
  all(): Iterable<Family>
  remarks(): string[]
}

/** Families that the asker is told of by one name are one. */
export function createFamilies(escaping: Escaping): Families {
  const families = new Map<string, Family>()
  const conflicts = new Map<string, string>()

  function conflict(family: Family, type: MetricType): void {
    if (!conflicts.has(family.key)) conflicts.set(family.key, `${family.key} is ${family.type} and ${type}`)
    family.type = 'unknown'
  }

  /** No type is right for a family of which two are claimed: it becomes untyped, its samples stay. */
  function declareType(family: Family, type: MetricType | undefined): void {
    if (type === undefined || family.type === type) return
    if (family.type === undefined) family.type = type
    else conflict(family, type)
  }

  return {
    add({ key: name, type }, declared) {
      const key = told(name, plainMetric, escaping)
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
    settleForOpenMetrics() {
      const counters = [...families.values()].filter(isRenamed)
      // by then it is known what became of one with a shorter name
      for (const family of counters.sort((a, b) => a.key.length - b.key.length)) {
        const other = families.get(counterName(family.key))
        if (other && !isRenamed(other)) conflict(family, other.type ?? 'unknown')
      }
    },
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

/** Whether OpenMetrics has another name for it than for its samples. */
const isRenamed = ({ key, type }: Family) => type === 'counter' && counterName(key) !== key
