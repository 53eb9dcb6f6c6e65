// A page as it is at another time: the same lines with other numbers at their ends.

/** `number` gives what becomes the new value. */
export function renumbered(page: Uint8Array, number: () => string): Buffer {
  const text = Buffer.from(page).toString('latin1')
  return Buffer.from(
    text.replaceAll(/^([^#\n].*[ \t}])([^\s"}]+)$/gm, (_, series: string) => series + number()),
    'latin1',
  )
}
