import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Page } from '../../src/model.ts'
import { createTexts } from '../../src/scrape/texts.ts'

const about = { format: 'text/0.0.4', series: 1, remarks: [] } as const
const textOf = (value: number | string) => `a_rather_long_name 1\nanother ${value}\n`
const asText = (bytes: Uint8Array | undefined) => Buffer.from(bytes!).toString()

/** Takes pages as they come in. */
function reading() {
  const texts = createTexts()
  /** As it is unpacked: into memory that is used for each of them. */
  function asRoom(text: string): Uint8Array {
    const bytes = Buffer.from(text)
    const room = texts.room(bytes.length).subarray(0, bytes.length)
    room.set(bytes)
    return room
  }
  return (text: string) => texts.pageOf({ text: asRoom(text) }, gzipSync(text), about)
}

test('a page has its text, however many have come after it', () => {
  const read = reading()
  const pages: (readonly [string, Page])[] = []
  for (const value of [1, 22, 3, 'long '.repeat(1000), 4, 55555]) {
    pages.push([textOf(value), read(textOf(value))])
    for (const [text, page] of pages) {
      expect(page.size).toBe(text.length)
      expect(asText(page.glance?.())).toBe(text)
      expect(asText(page.body)).toBe(text)
    }
  }
})

test('a body is its owner’s for good', () => {
  const read = reading()
  const bodies: Uint8Array[] = []
  for (const value of [1, 2, 3]) {
    const page = read(textOf(value))
    bodies.push(page.body)
    read(textOf(9))
    bodies.push(page.body)
  }
  expect(bodies.map(asText)).toEqual([1, 1, 2, 2, 3, 3].map(textOf))
})

test('the newest text is there without unpacking, until another is to be unpacked', () => {
  const read = reading()
  const one = read(textOf(1))
  const place = one.glance?.().buffer
  expect(one.glance?.().buffer).toBe(place)
  const other = read(textOf(2))
  expect(other.glance?.().buffer).toBe(place)
  expect(one.glance?.().buffer).not.toBe(place)
})
