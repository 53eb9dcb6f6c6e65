// What the status page shows of metrics, made without a pause.

import { families as familiesInSteps, type ShownFamily } from '../../src/exposition/families.ts'
import type { Exposition } from '../../src/exposition/formats.ts'

export const families = (page: Exposition): readonly ShownFamily[] => resultOf(familiesInSteps(page)).families

export function resultOf<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}
