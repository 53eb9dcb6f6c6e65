// The families to which the samples of one page belong, by what the page itself declares.

import { familyOf } from '../family.ts'
import { unescaped } from '../scan/escapes.ts'
import type { Scan } from '../scan/scan.ts'
import type { Block, Declared } from './blocks.ts'
import type { Families, Family } from './families.ts'
import { type Direction, homeOf } from './home.ts'

export interface Owners {
  declare(block: Block): void
  /** The family of the sample on which the scan stands. */
  of(scan: Scan): Family
}

export function createOwners(families: Families, direction: Direction): Owners {
  const declared = new Map<string, Declared>()
  const known = new Map<string, Family>()
  const typeOf = (name: string) => declared.get(name)?.type
  /** Of what was declared last: what it is and, if all of its samples go there, its family. */
  let block: Block | undefined
  let last: Declared | undefined
  let family: Family | undefined
  const divides = direction.from && !direction.to

  function look(sample: string): Family {
    const name = familyOf(sample, last?.name, typeOf, direction.from)
    return families.add(homeOf(name, typeOf(name), sample, direction), declared.get(name))
  }

  return {
    declare(next) {
      block = next
      for (const one of next.declared) {
        last = declared.get(one.name)
        last = last === undefined ? one : { ...last, ...one }
        declared.set(one.name, last)
        family = families.add(homeOf(one.name, last.type, undefined, direction), last)
      }
    },
    of(scan) {
      if (family && !divides && block?.fits(scan)) return family
      const sample = unescaped(scan.name)
      const before = known.get(sample)
      if (before) return before
      const found = look(sample)
      known.set(sample, found)
      return found
    },
  }
}
