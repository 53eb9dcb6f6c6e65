// The families to which the samples of one page belong, by what the page itself declares.

import { familyOf } from '../family.ts'
import { unescaped } from '../scan/escapes.ts'
import type { Scan } from '../scan/scan.ts'
import { type Block, fits } from './blocks.ts'
import type { Declared } from './declared.ts'
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
  let block: Block | undefined
  /** Known blocks whose names nobody has asked for yet: mostly nobody will. */
  let unread: Block[] = []
  /** Only here a family may be several in the target. */
  const divides = direction.from && !direction.to

  /** What the page said of a family, in all of its blocks. */
  function read(one: Declared): Declared {
    const all = { ...declared.get(one.name), ...one }
    declared.set(one.name, all)
    return all
  }

  function readAll(): void {
    for (const { declared } of unread) declared.forEach(read)
    unread = []
  }

  function look(sample: string): Family {
    readAll()
    const last = block?.declared.at(-1)?.name
    const name = familyOf(sample, last, typeOf, direction.from)
    return families.add(homeOf(name, typeOf(name), sample, direction), declared.get(name))
  }

  return {
    declare(next) {
      block = next
      // what was another's before may be that of the family declared now
      if (known.size > 0) known.clear()
      if (next.family) {
        unread.push(next)
        return
      }
      readAll()
      let family: Family | undefined
      for (const one of next.declared) {
        const { type } = read(one)
        family = families.add(homeOf(one.name, type, undefined, direction), declared.get(one.name))
      }
      if (next.declared.every(({ type }) => type !== undefined)) next.family = family
    },
    of(scan) {
      if (block?.family && !divides && fits(block, scan)) return block.family
      const sample = unescaped(scan.name)
      const before = known.get(sample)
      if (before) return before
      const found = look(sample)
      known.set(sample, found)
      return found
    },
  }
}
