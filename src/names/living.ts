// Whether a container runs, and whether one that doesn't is missed.

import type { Entry } from '../model.ts'

export function isLive({ target, ended }: Entry): boolean {
  return ended === undefined && target.state !== 'stopped'
}

/** It failed, or was stopped, and may come again; what has done its work or was removed won't. */
export function stays({ target, ended }: Entry): boolean {
  return !ended?.removed && (ended?.exitCode ?? target.exitCode) !== 0
}
