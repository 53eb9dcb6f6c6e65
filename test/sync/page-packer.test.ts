// Large pages are packed one at a time.

import { expect, test } from 'vitest'
import { plainPage } from '../../src/model.ts'
import { createPagePacker } from '../../src/sync/page-packer.ts'
import { until } from '../helpers/until.ts'

const large = (text: string) =>
  plainPage(Buffer.alloc(2 ** 20 + 1, text), { format: 'text/0.0.4', series: 1, remarks: [] })

test('what somebody waits for goes first', async () => {
  const ready: string[] = []
  const packer = createPagePacker((id) => ready.push(id))
  const ids = ['a', 'b', 'c', 'd', 'e']
  for (const id of ids) {
    packer.put(id, 1, { ok: true, at: 0, durationMs: 1, page: large('x 1\n') }, true)
    expect(packer.get(id, 0)).toBeUndefined()
  }
  // while one waits for the page in full, the next one comes
  packer.put('d', 2, { ok: true, at: 0, durationMs: 1, page: large('x 2\n') }, true)
  await packer.idle('d')
  expect(ready).toEqual(['a', 'd'])
  expect(packer.get('d', 1)).toMatchObject({ number: 2, base: 1 })
  await until('the rest', () => ready.length === ids.length)
  expect(ready).toEqual(['a', 'd', 'b', 'c', 'e'])
})
