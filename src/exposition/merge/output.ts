// Bytes that are written one after the other into one buffer that grows.

import type { Scan } from '../scan/scan.ts'

/** Beyond this many bytes the copying of the platform wins over a loop of ours. */
const long = 128

export class Output {
  private buffer: Buffer<ArrayBuffer>
  private view: DataView
  private capacity: number
  length = 0

  constructor(expected: number) {
    this.capacity = Math.max(expected, 1024)
    this.buffer = Buffer.allocUnsafeSlow(this.capacity)
    this.view = new DataView(this.buffer.buffer)
  }

  /** What was written: valid until more is. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  put(byte: number): void {
    this.reserve(1)
    this.buffer[this.length++] = byte
  }

  write(text: string): void {
    this.reserve(text.length * 3)
    this.length += this.buffer.write(text, this.length)
  }

  /** Copies a part of the entry that the scan stands on. */
  copy({ body, view, start }: Scan, from: number, to: number): void {
    this.append(body, view, start + from, start + to)
  }

  append(body: Uint8Array, view: DataView, from: number, to: number): void {
    const size = to - from
    this.reserve(size)
    if (size > long) this.buffer.set(body.subarray(from, to), this.length)
    else copyWords(view, from, this.view, this.length, size)
    this.length += size
  }

  /** Copies a part of another output. */
  appendOf(other: Output, from: number, to: number): void {
    this.append(other.buffer, other.view, from, to)
  }

  private reserve(size: number): void {
    if (this.length + size <= this.capacity) return
    this.capacity = 2 * this.capacity + size
    const larger = Buffer.allocUnsafeSlow(this.capacity)
    larger.set(this.bytes)
    this.buffer = larger
    this.view = new DataView(larger.buffer)
  }
}

function copyWords(source: DataView, from: number, target: DataView, to: number, size: number): void {
  let i = 0
  for (; i + 4 <= size; i += 4) target.setInt32(to + i, source.getInt32(from + i))
  for (; i < size; i++) target.setUint8(to + i, source.getUint8(from + i))
}
