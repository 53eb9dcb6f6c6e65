const pageBits = 16

/** Whether there is, or was still to be had, memory up to this place. */
export function grow(to: usize): bool {
  const missing = <i32>((to + (1 << pageBits) - 1) >> pageBits) - memory.size()
  return missing <= 0 || memory.grow(missing) >= 0
}
