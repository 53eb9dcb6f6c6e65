// Which labels may leave the node: those that we read, Docker's own, and what the operator allows.

import { isOurs } from '../labels/families.ts'
import type { Labels } from '../model.ts'

interface Leaving {
  readonly labels: Labels
  /** How many more might leave, but for their length: labels travel to every node. */
  readonly leftOut: number
}

const longestLabel = 16_384
const longestTogether = 65_536

/** `allowed`: `SD_LABELS`, where a last `*` stands for any ending. */
export function leavingOf(labels: Labels | null | undefined, allowed: readonly string[]): Leaving {
  const wanted = Object.entries(labels ?? {})
    .filter(([key]) => mayLeave(key, allowed))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  let room = longestTogether
  const kept = wanted.filter(([key, value]) => {
    const length = key.length + value.length
    if (length > longestLabel || length > room) return false
    room -= length
    return true
  })
  return { labels: Object.fromEntries(kept), leftOut: wanted.length - kept.length }
}

function mayLeave(key: string, allowed: readonly string[]): boolean {
  return (
    key.startsWith('com.docker.') ||
    isOurs(key) ||
    allowed.some((one) => (one.endsWith('*') ? key.startsWith(one.slice(0, -1)) : key === one))
  )
}
