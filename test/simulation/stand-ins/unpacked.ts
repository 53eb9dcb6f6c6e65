// The largest size to which anything was unpacked in this thread, as the stand-in of zstd notes it. Real zstd doesn't.

let maxBytes = 0

export function noteUnpacked(bytes: number): void {
  maxBytes = Math.max(maxBytes, bytes)
}

/** Since the last call. */
export function takeMaxUnpacked(): number {
  const bytes = maxBytes
  maxBytes = 0
  return bytes
}
