import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Page } from '../../src/model.ts'
import { createTexts, newPlace } from '../../src/scrape/texts.ts'

const about = { format: 'text/0.0.4', series: 1, remarks: [] } as const
const textOf = (value: number | string) => `a_rather_long_name 1\nanother ${value}\n`
const asText = (bytes: Uint8Array | undefined) => Buffer.from(bytes!).toString()

/** The pages of some endpoints, as they come in. */
function endpoints() {
  const texts = createTexts()
  /** As it is unpacked: into memory that is used for each of them. */
  function asRoom(text: string): Uint8Array {
    const bytes = Buffer.from(text)
    const room = texts.room(bytes.length).subarray(0, bytes.length)
    room.set(bytes)
    return room
  }
  return () => {
    const place = newPlace()
    return (text: string) => texts.pageOf(place, { text: asRoom(text) }, gzipSync(text), about)
  }
}

test('a page has its text, however many have come after it', () => {
  const add = endpoints()
  const [one, other] = [add(), add()]
  const pages: (readonly [string, Page])[] = []
  const read = (endpoint: (text: string) => Page, text: string) => pages.push([text, endpoint(text)])
  for (const value of [1, 22, 3, 'long '.repeat(1000), 4, 55555]) {
    read(one, textOf(value))
    read(other, textOf(`${value}0`))
    for (const [text, page] of pages) {
      expect(page.size).toBe(text.length)
      expect(asText(page.glance?.())).toBe(text)
      expect(asText(page.body)).toBe(text)
    }
  }
})

test('a body is its owner’s for good', () => {
  const add = endpoints()
  const [one, other] = [add(), add()]
  const bodies: Uint8Array[] = []
  for (const value of [1, 2, 3]) {
    const page = one(textOf(value))
    bodies.push(page.body)
    other(textOf(9))
    bodies.push(page.body)
  }
  expect(bodies.map(asText)).toEqual([1, 1, 2, 2, 3, 3].map(textOf))
})

test('whoever compares a page with the one before has both without unpacking', () => {
  const add = endpoints()
  const [one, other] = [add(), add()]
  const before = one(textOf(1))
  other(textOf(9))
  const place = before.glance?.().buffer
  const after = one(textOf(2))
  expect(before.glance?.().buffer).toBe(place)
  expect(after.glance?.().buffer).toBe(after.glance?.().buffer)
  other(textOf(10))
  expect(before.glance?.().buffer).not.toBe(place)
  expect(after.glance?.().buffer).toBe(place)
})
