// A value that is made from the store, and made again by the first read after a change that concerns it.

import type { Change, Entry } from '../model.ts'

interface Changing {
  subscribe(listener: (change: Change) => void): unknown
}

/** Of an entry, only changes of these fields count: most changes are scrapes. */
export function cachedUntilChange<T>(
  store: Changing,
  fields: readonly (keyof Entry)[],
  make: () => T,
): () => T {
  let cached: { readonly value: T } | undefined
  store.subscribe((change) => {
    const { entry, before } = change.kind === 'entry' ? change : {}
    if (!entry || !before || fields.some((field) => entry[field] !== before[field])) cached = undefined
  })
  return () => {
    cached ??= { value: make() }
    return cached.value
  }
}
