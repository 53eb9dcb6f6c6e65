// The versions of the own pages, ready to be told: the newest one, and the packed deltas that lead to it from
// those before. Each delta is made once, whatever the number of peers, and of the former page only the outline is kept.

import type { Page } from '../model.ts'
import { bodyOf } from './body.ts'
import { makeDelta } from './delta.ts'
import { keepOutline, type Outline, outlineOf } from './outline.ts'
import { fingerprint, pack, packDelta } from './pack.ts'

/** A packed delta from the version `from` to the one after it in the list. */
interface Step {
  readonly from: number
  readonly print: string
  /** Absent: nothing has changed. */
  readonly packed?: Uint8Array
}

interface Version {
  readonly number: number
  readonly page: Page
  /** Oldest first; the last one leads to this version. */
  readonly steps: readonly Step[]
  /** What is made of the body, once it has been read for a peer. */
  read?: Read
  full?: Uint8Array
}

interface Read {
  readonly print: string
  /** Absent if the page can have none. */
  readonly outline: Outline | undefined
}

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
  /** A new version of a page. Without anybody to tell it to, no delta is made. Never throws. */
  put(id: string, number: number, page: Page, wanted: boolean): void
  /** The way from the version `base` (0: none) to the newest one. Throws where the page can't be read. */
  way(id: string, base: number): Way | undefined
  forget(id: string): void
}

/** All steps of a page together stay below this part of its text: then they cost less than a packed copy. */
const stepsPart = 1 / 16
/** What a step costs beside its delta. */
const stepBytes = 8

/** All outlines together: without one, a page is sent in full each time it changes. */
const maxOutlineBytes = 48 * 2 ** 20
/** A larger full copy is made anew for each peer that needs it. */
const maxKeptFullBytes = 256 * 1024

export function createVersions(maxBytes = maxOutlineBytes): Versions {
  const versions = new Map<string, Version>()
  let outlineBytes = 0

  /** A copy for good in the place of a former one, if there is room for it. */
  function keep(outline: Outline | undefined, former?: Outline): Outline | undefined {
    outlineBytes -= bytesOf(former)
    const isRoom = outlineBytes + (outline?.byteLength ?? 0) <= maxBytes
    const kept = isRoom ? keepOutline(outline, former) : undefined
    outlineBytes += bytesOf(kept)
    return kept
  }

  function lone(last: Version | undefined, number: number, page: Page): Version {
    outlineBytes -= bytesOf(last?.read?.outline)
    return { number, page, steps: [] }
  }

  function versionAfter(last: Version | undefined, number: number, page: Page): Version {
    const former = last?.read?.outline
    if (last && former && last.page === page) return { ...last, number, steps: stepsAfter(last) }
    const body = bodyOf(page)
    const outline = outlineOf(body)
    const steps = last && former && outline ? stepsAfter(last, makeDelta(former, outline, body)) : []
    return { number, page, steps, read: { print: fingerprint(body), outline: keep(outline, former) } }
  }

  function read(version: Version): Read {
    if (version.read) return version.read
    const body = bodyOf(version.page)
    version.read = { print: fingerprint(body), outline: keep(outlineOf(body)) }
    return version.read
  }

  function fullOf(version: Version): Way {
    const { print } = read(version)
    const packed = version.full ?? pack(bodyOf(version.page))
    if (packed.length <= maxKeptFullBytes) version.full = packed
    return { kind: 'full', print, packed }
  }

  return {
    put(id, number, page, wanted) {
      const last = versions.get(id)
      try {
        versions.set(id, wanted ? versionAfter(last, number, page) : lone(last, number, page))
      } catch {
        // who asks for the way to it is told why there is none
        versions.set(id, lone(last, number, page))
      }
    },
    way(id, base) {
      const version = versions.get(id)
      if (!version) return undefined
      const { steps } = version
      const first = steps.findIndex(({ from }) => from === base)
      if (first < 0) return fullOf(version)
      const packed = steps.slice(first).flatMap((step) => step.packed ?? [])
      return { kind: 'steps', print: read(version).print, basePrint: steps[first]!.print, packed }
    },
    forget(id) {
      outlineBytes -= bytesOf(versions.get(id)?.read?.outline)
      versions.delete(id)
    },
  }
}

const bytesOf = (outline: Outline | undefined) => outline?.buffer.byteLength ?? 0

function stepsAfter({ number, page, read, steps }: Version, delta?: Uint8Array): readonly Step[] {
  const step = { from: number, print: read!.print, ...(delta && { packed: packDelta(delta) }) }
  return affordable([...steps, step], page.size)
}

/** The newest steps that together cost less than a full copy would. */
function affordable(steps: readonly Step[], size: number): readonly Step[] {
  const most = Math.max(256, size * stepsPart)
  let [first, sum] = [steps.length, 0]
  while (first > 0) {
    sum += stepBytes + (steps[first - 1]!.packed?.length ?? 0)
    if (sum > most) break
    first -= 1
  }
  return steps.slice(first)
}
