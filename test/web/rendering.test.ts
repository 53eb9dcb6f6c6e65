// In which form a page goes out.

import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { formats } from '../../src/agent/formats.ts'
import { type Page, plainPage } from '../../src/model.ts'
import { createRendering } from '../../src/web/rendering.ts'

test('a container’s own gzip of a large page is sent as it is, or unpacked off the event loop', async () => {
  const body = Buffer.from('x 1\n'.repeat(300_000))
  const bytes = gzipSync(body)
  const page: Page = {
    ...plainPage(body, { format: 'text/0.0.4', series: 1, remarks: [] }),
    content: { kind: 'gzip', bytes },
  }
  const readied: Page[] = []
  const rendering = createRendering({
    ...formats,
    ready(page) {
      readied.push(page)
      return formats.ready(page)
    },
  })
  const packed = await rendering.render(page, { headers: { 'accept-encoding': 'gzip' } })
  expect(packed.body).toEqual(bytes)
  expect(readied).toEqual([])
  const plain = await rendering.render(page, { headers: {} })
  expect(plain.body).toEqual(gunzipSync(bytes))
  expect(readied).toHaveLength(1)
})
