// The versions of the own pages, ready to be told: the newest one, and the packed deltas that lead to it from
// those before. Each delta is made once, whatever the number of peers.

import type { Page } from '../model.ts'
import { makeDelta } from './delta.ts'
import { fingerprint, pack, packDelta } from './pack.ts'

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
  full?: Uint8Array
}

type Text = Pick<Page, 'body' | 'glance' | 'crc'>

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
      const text = textOf(page)
      const steps = last && wanted ? affordable([...last.steps, stepFrom(last, text)], text.length) : []
      versions.set(id, { number, page, print: fingerprint(text, page.crc), steps })
    },
    way(id, base) {
      const version = versions.get(id)
      if (!version) return undefined
      const { print, steps } = version
      const first = steps.findIndex(({ from }) => from === base)
      if (first < 0) {
        version.full ??= pack(textOf(version.page))
        return { kind: 'full', print, packed: version.full }
      }
      const packed = steps.slice(first).map((step) => step.packed)
      return { kind: 'steps', print, basePrint: steps[first]!.print, packed }
    },
    forget: (id) => versions.delete(id),
  }
}

function stepFrom({ number, page, print }: Version, to: Uint8Array): Step {
  return { from: number, print, packed: packDelta(makeDelta(textOf(page), to)) }
}

const textOf = (page: Text) => page.glance?.() ?? page.body

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
