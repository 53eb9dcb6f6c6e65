/** Whether so many bytes are the same at both places. Compares eight at a time, the last of which may overlap. */
export function alike(one: DataView, a: number, two: DataView, b: number, size: number): boolean {
  if (size < 8) return alikeShort(one, a, two, b, size)
  const last = size - 8
  for (let i = 0; i < last; i += 8) if (one.getBigInt64(a + i) !== two.getBigInt64(b + i)) return false
  return one.getBigInt64(a + last) === two.getBigInt64(b + last)
}

function alikeShort(one: DataView, a: number, two: DataView, b: number, size: number): boolean {
  if (size >= 4) {
    const last = size - 4
    return one.getInt32(a) === two.getInt32(b) && one.getInt32(a + last) === two.getInt32(b + last)
  }
  for (let i = 0; i < size; i++) if (one.getUint8(a + i) !== two.getUint8(b + i)) return false
  return true
}
