// In place of src/labels/settings.ts: labels that a peer sends again are resolved once. Few differ in a simulation.

import { settingsOf as resolve, type Settings } from '../../../src/labels/settings.ts'
import type { Labels } from '../../../src/model.ts'

export { endpointSettings, jobOf } from '../../../src/labels/settings.ts'

const firstOf = new WeakMap<Labels, Labels>()
const firsts = new Map<string, Labels>()

export function settingsOf(container?: Labels, service?: Labels): Settings {
  return resolve(container && sameAsBefore(container), service && sameAsBefore(service))
}

/** The first labels with this content: what is resolved from them is cached by identity there. */
function sameAsBefore(labels: Labels): Labels {
  const known = firstOf.get(labels)
  if (known) return known
  const text = JSON.stringify(labels)
  const first = firsts.get(text) ?? labels
  firsts.set(text, first)
  firstOf.set(labels, first)
  return first
}
