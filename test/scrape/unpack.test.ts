import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'

test('Node’s unpacker has what we take from it', () => {
  const { engine } = gunzipSync(gzipSync('a 1\n'), { info: true }) as unknown as { engine: object }
  expect(engine).toHaveProperty('_outBuffer', expect.any(Buffer))
})
