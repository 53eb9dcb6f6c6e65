// Which labels may leave the node: those that we read, Docker's own, and what the operator allows.

import { isOurs } from '../labels/families.ts'

type Labels = Readonly<Record<string, string>>

/** `allowed`: `SD_LABELS`, where a last `*` stands for any ending. */
export function leaving(labels: Labels | null | undefined, allowed: readonly string[]): Labels {
  const kept = Object.entries(labels ?? {}).filter(([key]) => mayLeave(key, allowed))
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function mayLeave(key: string, allowed: readonly string[]): boolean {
  return (
    key.startsWith('com.docker.') ||
    isOurs(key) ||
    allowed.some((one) => (one.endsWith('*') ? key.startsWith(one.slice(0, -1)) : key === one))
  )
}
