// The versions of the own pages, ready to be told: the newest one, and the packed deltas that lead to it from
// those before. Each delta is made once, whatever the number of peers, and of the former page only the outline is kept.

import type { Page } from '../model.ts'
import { makeDelta } from './delta.ts'
import { keepOutline, type Outline, outlineOf } from './outline.ts'
import { fingerprint, pack, packDelta, printOfCrc } from './pack.ts'

/** A packed delta from the version `from` to the one after it in the list. */
interface Step {
  readonly from: number
  readonly print: string
  readonly packed: Uint8Array
}

interface Version {
  readonly number: number
  readonly page: Text
  readonly print: string
  /** Oldest first; the last one leads to this version. */
  readonly steps: readonly Step[]
  /** Of the page. Made where a peer comes to know this version, if the page can have one. */
  outline?: Outline | undefined
  full?: Uint8Array
}

type Text = Pick<Page, 'body' | 'glance' | 'size' | 'crc'>

/** How a peer gets the newest version. */
export type Way =
  | { readonly kind: 'full'; readonly print: string; readonly packed: Uint8Array }
  | {
      readonly kind: 'steps'
      readonly print: string
      readonly basePrint: string
      readonly packed: readonly Uint8Array[]
    }

export interface Versions {
  /** A new version of a page. Without anybody to tell it to, no delta is made. */
  put(id: string, number: number, page: Text, wanted: boolean): void
  /** The way from the version `base` (0: none) to the newest one. */
  way(id: string, base: number): Way | undefined
  forget(id: string): void
}

/** All steps of a page together stay below this part of its text: then they cost less than a packed copy. */
const stepsPart = 1 / 16

export function createVersions(): Versions {
  const versions = new Map<string, Version>()

  return {
    put(id, number, page, wanted) {
      const last = versions.get(id)
      versions.set(id, wanted ? versionAfter(last, number, page) : lone(number, page))
    },
    way(id, base) {
      const version = versions.get(id)
      if (!version) return undefined
      const { print, steps } = version
      const first = steps.findIndex(({ from }) => from === base)
      if (first < 0) return { kind: 'full', print, packed: fullOf(version) }
      const packed = steps.slice(first).map((step) => step.packed)
      return { kind: 'steps', print, basePrint: steps[first]!.print, packed }
    },
    forget: (id) => versions.delete(id),
  }
}

function lone(number: number, page: Text): Version {
  return { number, page, print: printOf(page), steps: [] }
}

function versionAfter(last: Version | undefined, number: number, page: Text): Version {
  const former = last?.outline
  if (last?.page === page && former)
    return { ...last, number, steps: stepsAfter(last, makeDelta(former, former, nothing), page.size) }
  const text = textOf(page)
  const outline = outlineOf(text)
  return {
    number,
    page,
    print: printOf(page),
    steps: last && former && outline ? stepsAfter(last, makeDelta(former, outline, text), page.size) : [],
    outline: keepOutline(outline, former),
  }
}

function stepsAfter({ number, print, steps }: Version, delta: Uint8Array, size: number): readonly Step[] {
  return affordable([...steps, { from: number, print, packed: packDelta(delta) }], size)
}

function fullOf(version: Version): Uint8Array {
  if (version.full) return version.full
  const text = textOf(version.page)
  version.outline ??= keepOutline(outlineOf(text))
  version.full = pack(text)
  return version.full
}

/** An unchanged page needs no text to tell that. */
const nothing = new Uint8Array()

const textOf = (page: Text) => page.glance?.() ?? page.body

const printOf = (page: Text) => (page.crc === undefined ? fingerprint(textOf(page)) : printOfCrc(page.crc))

/** The newest steps that together cost less than a full copy would. */
function affordable(steps: readonly Step[], size: number): readonly Step[] {
  const most = Math.max(256, size * stepsPart)
  let [first, sum] = [steps.length, 0]
  while (first > 0) {
    sum += steps[first - 1]!.packed.length
    if (sum > most) break
    first -= 1
  }
  return steps.slice(first)
}
