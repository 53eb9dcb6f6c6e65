// In which form a page goes out.

import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { formats } from '../../src/agent/formats.ts'
import { type MetricsPage, plainPage } from '../../src/model.ts'
import { createRendering } from '../../src/web/rendering.ts'

test('a container’s own gzip of a large page is sent as it is, or unpacked off the event loop', async () => {
  const body = Buffer.from('x 1\n'.repeat(300_000))
  const bytes = gzipSync(body)
  const page: MetricsPage = {
    ...plainPage(body, { format: 'text/0.0.4', series: 1, remarks: [] }),
    content: { kind: 'gzip', bytes },
  }
  const readied: MetricsPage[] = []
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

test.each(['text/0.0.4', 'openmetrics/1.0.0'] as const)(
  'a container’s own gzip of %s is sent as it is to a client that takes no quoted names, if there are none',
  async (format) => {
    const bytes = gzipSync('a 1\n# EOF\n')
    const facts = { format, size: 10, series: 1, remarks: [], content: { kind: 'gzip' as const, bytes } }
    const headers = { accept: formats.contentTypeOf(format), 'accept-encoding': 'gzip' }
    const { render } = createRendering(formats)
    expect((await render(facts, { headers })).body).toEqual(bytes)
    expect((await render({ ...facts, hasUtf8Names: true }, { headers })).body).not.toEqual(bytes)
  },
)

test('clients of the same small page share one response, each in the format that it accepts', async () => {
  const page = plainPage(Buffer.from(`# TYPE "a.b" gauge\n{"a.b"} 1\n`.padEnd(2000, '\n')), {
    format: 'text/1.0.0',
    hasUtf8Names: true,
    series: 1,
    remarks: [],
  })
  let read = 0
  const rendering = createRendering({
    ...formats,
    bodyOf(page) {
      read += 1
      return formats.bodyOf(page)
    },
  })
  const render = (accept: string, encoding = 'gzip') =>
    rendering.render(page, { headers: { accept, 'accept-encoding': encoding } })
  const utf8 = 'text/plain;version=1.0.0;escaping=allow-utf-8'
  const [one, two] = await Promise.all([render(utf8), render(utf8)])
  expect(two.body).toBe(one.body)
  expect((await render(utf8)).body).toBe(one.body)
  expect(read).toBe(1)
  expect((await render(utf8, 'identity')).body).toEqual(gunzipSync(one.body))
  const names = ['underscores', 'dots'].map(async (escaping) => {
    const { body } = await render(`text/plain;version=0.0.4;escaping=${escaping}`, 'identity')
    return body.toString().match(/^a\w+/m)?.[0]
  })
  expect(await Promise.all(names)).toEqual(['a_b', 'a_dot_b'])
})

test('a page that changed, and one among many others, is rendered again', async () => {
  const rendering = createRendering(formats)
  const pageOf = (value: number) =>
    plainPage(Buffer.from(`a ${value}\n`), { format: 'text/0.0.4', series: 1, remarks: [] })
  const textOf = async (page: MetricsPage) => (await rendering.render(page, { headers: {} })).body.toString()
  const pages = Array.from({ length: 40 }, (_, at) => pageOf(at))
  for (const round of [1, 2])
    for (const [at, page] of pages.entries()) expect(await textOf(page), `${round}`).toBe(`a ${at}\n`)
})
