import { createDeflateRaw, createGunzip, gzipSync, inflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createEngine } from '../src/zlib-engine.ts'

const text = Buffer.from('a 1\nb 2\n')

test('Node’s streams have what is used of them', () => {
  for (const make of [createGunzip, createDeflateRaw]) expect(createEngine(make)).toBeDefined()
})

test('without it there is no engine', () => {
  expect(createEngine(() => Object.assign(createGunzip(), { _handle: {} }))).toBeUndefined()
})

test('each text is one by itself', () => {
  const deflate = createEngine(createDeflateRaw)!
  const output = new Uint8Array(100)
  const packed = [text, text, text].map((input) => output.slice(0, deflate(input, output).written))
  expect(packed.map((one) => inflateRawSync(one))).toEqual([text, text, text])
})

test('says how much it read and wrote, also where there is no room for all', () => {
  const gunzip = createEngine(createGunzip)!
  const packed = gzipSync(text)
  expect(gunzip(packed, new Uint8Array(100))).toEqual({ read: packed.length, written: text.length })
  expect(gunzip(packed, new Uint8Array(3)).written).toBe(3)
  expect(gunzip(packed, new Uint8Array(100)).written).toBe(text.length)
})
