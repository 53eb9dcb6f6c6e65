// Protocol buffers on the wire, as far as Prometheus' metrics.proto needs them. Own code: it refuses what Prometheus
// refuses, with the position, and validates without an object for a message.

import { isUtf8 } from 'node:buffer'
import { MetricsError } from '../scan/position.ts'

/** The wire types. */
export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
const START_GROUP = 3
const FIXED32 = 5

const maxVarintBytes = 10
const maxGroupDepth = 100

/** Reads from `at` on. The parameter `end` of its methods is the end of the message that it is in. */
export class WireReader {
  readonly body: Uint8Array
  at = 0
  /** The field on which the reader is, and how its value is written. */
  field = 0
  wireType = VARINT
  private readonly view: DataView
  private latin1: string | undefined

  constructor(body: Uint8Array) {
    // always the same kind of array, so that the loops over it stay fast
    this.body = new Uint8Array(body.buffer, body.byteOffset, body.length)
    this.view = new DataView(body.buffer, body.byteOffset, body.length)
  }

  /** Moves to the next field of the message that ends at `end`; false if there is none. */
  next(end: number): boolean {
    const start = this.at
    if (start >= end) return false
    const byte = this.body[start]!
    // the fields that matter have numbers below 16
    if (byte < 0x80 && byte > 7) {
      this.at = start + 1
      this.field = byte >> 3
      this.wireType = byte & 7
      return true
    }
    const tag = this.varint(end)
    this.field = Math.floor(tag / 8)
    this.wireType = tag % 8
    if (this.field === 0 || tag > 0xffffffff)
      throw new MetricsError(start, 'a field with an impossible number')
    return true
  }

  expect(wireType: number): void {
    if (this.wireType !== wireType)
      throw new MetricsError(
        this.at,
        `field ${this.field} has the wire type ${this.wireType} instead of ${wireType}`,
      )
  }

  /** Exact up to 2^53. */
  varint(end: number): number {
    const { body } = this
    const start = this.at
    if (start < end && body[start]! < 0x80) {
      this.at = start + 1
      return body[start]!
    }
    let value = 0
    let factor = 1
    for (let at = start; at < end; at++) {
      const byte = body[at]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (at - start === maxVarintBytes - 1 && byte > 1) break
        this.at = at + 1
        return value
      }
      if (at - start === maxVarintBytes - 1) break
      factor *= 128
    }
    const isCut = end - start < maxVarintBytes
    throw new MetricsError(
      start,
      isCut ? 'the message ends within a number' : 'a number of more than 64 bits',
    )
  }

  /** All 64 bits. */
  uint64(end: number): bigint {
    const start = this.at
    const value = this.varint(end)
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(value)
    let exact = 0n
    for (let at = start; at < this.at; at++)
      exact |= BigInt(this.body[at]! & 0x7f) << BigInt(7 * (at - start))
    return exact
  }

  int64(end: number): bigint {
    return BigInt.asIntN(64, this.uint64(end))
  }

  /** The lowest 32 bits, which is all that Prometheus reads of such a field. */
  uint32(end: number): number {
    const start = this.at
    const value = this.varint(end)
    if (value <= 0xffffffff) return value
    this.at = start
    return Number(BigInt.asUintN(32, this.uint64(end)))
  }

  sint32(end: number): number {
    const value = this.uint32(end)
    return (value >>> 1) ^ -(value & 1)
  }

  /** Exact up to 2^52. */
  sint64(end: number): number {
    const value = this.varint(end)
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  double(end: number): number {
    const { at } = this
    if (at + 8 > end) throw new MetricsError(at, 'the message ends within a number')
    this.at = at + 8
    return this.view.getFloat64(at, true)
  }

  /** Where the text or the message ends whose length comes next. */
  bytes(end: number): number {
    const start = this.at
    const until = this.varint(end) + this.at
    if (until > end) throw new MetricsError(start, 'a length beyond the end of the message')
    return until
  }

  /** The same for the field on which the reader is. */
  message(end: number): number {
    this.expect(BYTES)
    return this.bytes(end)
  }

  /** Passes over the value of a field that isn't known. */
  skip(end: number, depth = 0): void {
    switch (this.wireType) {
      case VARINT:
        this.varint(end)
        return
      case FIXED64:
        this.pass(8, end)
        return
      case BYTES:
        this.at = this.bytes(end)
        return
      case START_GROUP:
        this.skipGroup(end, depth)
        return
      case FIXED32:
        this.pass(4, end)
        return
      default:
        throw new MetricsError(this.at, `a field with the wire type ${this.wireType}`)
    }
  }

  private pass(size: number, end: number): void {
    if (this.at + size > end) throw new MetricsError(this.at, 'the message ends within a number')
    this.at += size
  }

  private skipGroup(end: number, depth: number): void {
    const start = this.at
    if (depth === maxGroupDepth) throw new MetricsError(start, 'groups within groups')
    while (this.next(end)) {
      if (this.wireType === START_GROUP + 1) return
      this.skip(end, depth + 1)
    }
    throw new MetricsError(start, 'a group without an end')
  }

  isUtf8(from: number, to: number): boolean {
    return this.isAscii(from, to) || isUtf8(this.body.subarray(from, to))
  }

  private isAscii(from: number, to: number): boolean {
    const { body } = this
    let bits = 0
    for (let at = from; at < to; at++) bits |= body[at]!
    return bits < 0x80
  }

  textOf(from: number, to: number): string {
    const { buffer, byteOffset, length } = this.body
    if (!this.isAscii(from, to)) return Buffer.from(buffer, byteOffset + from, to - from).toString()
    // parts of one string are made much faster than strings of bytes
    this.latin1 ??= Buffer.from(buffer, byteOffset, length).toString('latin1')
    return this.latin1.slice(from, to)
  }
}

/** Writes messages one after the other into memory that grows. */
export class WireWriter {
  length = 0
  private buffer = Buffer.allocUnsafe(128)

  written(): Uint8Array {
    return Buffer.from(this.buffer.subarray(0, this.length))
  }

  varint(value: number): this {
    this.reserve(maxVarintBytes)
    let rest = value
    while (rest > 0x7f) {
      this.buffer[this.length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.length++] = rest
    return this
  }

  /** A negative number as well, which takes ten bytes. */
  int64(field: number, value: bigint): this {
    this.tag(field, VARINT)
    let rest = BigInt.asUintN(64, value)
    this.reserve(maxVarintBytes)
    for (; rest > 0x7fn; rest >>= 7n) this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80
    this.buffer[this.length++] = Number(rest)
    return this
  }

  tag(field: number, wireType: number): this {
    return this.varint(field * 8 + wireType)
  }

  uint(field: number, value: number): this {
    return this.tag(field, VARINT).varint(value)
  }

  double(field: number, value: number): this {
    this.tag(field, FIXED64).reserve(8)
    this.length = this.buffer.writeDoubleLE(value, this.length)
    return this
  }

  text(field: number, text: string): this {
    const size = Buffer.byteLength(text)
    this.tag(field, BYTES).varint(size).reserve(size)
    this.length += this.buffer.write(text, this.length)
    return this
  }

  /** What `write` writes, as a message. */
  message(field: number, write: () => void): this {
    const start = this.tag(field, BYTES).length
    write()
    return this.prefixLength(start)
  }

  /** Puts before what was written since `start` its length. */
  prefixLength(start: number): this {
    const size = this.length - start
    const prefixSize = varintSize(size)
    this.reserve(prefixSize)
    this.buffer.copyWithin(start + prefixSize, start, this.length)
    this.length = start
    this.varint(size)
    this.length += size
    return this
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  private reserve(size: number): void {
    if (this.length + size <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, this.length + size))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }
}

/** How many bytes a number takes. */
function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}
