// Load is spread by what a thing is called, never by chance: the same on every start and every node.

import { hash } from 'node:crypto'

/** A number from 0 up to but not including 1, always the same for the same text. */
export function spread(text: string): number {
  return hash('sha1', text, 'buffer').readUInt32BE() / 2 ** 32
}
