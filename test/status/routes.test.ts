import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import type { Status, TargetDetails } from '../../src/status/shape.ts'
import { container, failing, healthy, pageOf, place, type Scene, startScene } from '../helpers/scene.ts'
import { ask, type Response } from '../web/agent.ts'

const json = { accept: 'application/json' }
let scene: Scene
const target = container('n1', 'shop_web.1.x', place('shop_web', '1'))
const start = async () => {
  scene = await startScene({ entries: [healthy(target)] })
}
const get = (path: string, headers: Readonly<Record<string, string>> = json) =>
  ask(scene.port, path, { headers })
const statusOf = (response: Response) => JSON.parse(response.text) as Status
afterEach(() => scene?.stop())

describe('/', () => {
  test('is the page for browsers and for clients that accept anything', async () => {
    await start()
    for (const accept of ['text/html,application/xhtml+xml;q=0.9,*/*;q=0.8', '*/*']) {
      const { headers, text } = await get('/', { accept })
      expect(headers['content-type']).toBe('text/html; charset=utf-8')
      expect(text).toMatch(/^<!doctype html>/)
    }
  })

  test('is the status as JSON for clients that prefer it', async () => {
    await start()
    const response = await get('/')
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
    const { targets, nodes } = statusOf(response)
    expect(nodes.map(({ name }) => name)).toEqual(['node1', 'node2', 'node3'])
    expect(targets).toMatchObject([{ key: `n1/${target.id}`, state: 'up', path: '/shop_web/1/metrics' }])
  })

  test('is one target in full with ?target, its metrics filtered by ?find', async () => {
    await start()
    const details = async (query: string) =>
      JSON.parse((await get(`/?target=${query}`)).text) as TargetDetails
    const key = encodeURIComponent(`n1/${target.id}`)
    const { metrics, sizes } = await details(key)
    expect(metrics).toMatchObject({ families: 2, series: 3 })
    expect(sizes.filter((bytes) => bytes !== null && bytes > 0)).toHaveLength(20)
    scene.world.put(failing(target))
    expect((await details(key)).sizes.slice(-4)).toEqual([expect.any(Number), null, null, null])
    scene.world.put(healthy(target))
    expect((await details(`${key}&find=memory`)).metrics?.shown.map(({ name }) => name)).toEqual([
      'process_resident_memory_bytes',
    ])
    expect((await get('/?target=n1/none')).status).toBe(404)
  })
})

describe('the details of a target with large metrics', () => {
  const lines = Array.from(
    { length: 60_000 },
    (_, at) => `requests{path="/a/long/path/${at}",code="200"} ${at}`,
  )
  const large = healthy(target, { page: pageOf(`# TYPE requests gauge\n${lines.join('\n')}\n`) })
  const path = `/?target=${encodeURIComponent(`n1/${target.id}`)}&find=path/5999`

  test('are made in steps, between which the agent does other work', async () => {
    scene = await startScene({ entries: [large] })
    let longestMs = 0
    let turns = 0
    const isOver = new AbortController()
    async function measureTurns() {
      for (let before = performance.now(); !isOver.signal.aborted; turns += 1) {
        await new Promise((resolve) => setTimeout(resolve))
        const now = performance.now()
        longestMs = Math.max(longestMs, now - before)
        before = now
      }
    }
    const measured = measureTurns()
    const startedAt = performance.now()
    const { metrics } = JSON.parse((await get(path)).text) as TargetDetails
    const tookMs = performance.now() - startedAt
    isOver.abort()
    await measured
    expect(metrics).toMatchObject({ families: 1, series: 11 })
    expect(turns).toBeGreaterThan(5)
    expect(longestMs).toBeLessThan(tookMs / 2)
  })

  test('count as memory for responses, and are refused without', async () => {
    const reserved: number[] = []
    scene = await startScene({
      entries: [large],
      async reserve(_request, _reply, bytes) {
        reserved.push(bytes)
        throw new ProxyError('overloaded', 'no memory')
      },
    })
    const { status, text } = await get(path)
    expect([status, text]).toEqual([503, 'no memory\n'])
    expect(reserved).toEqual([7 * (large.snapshot?.ok ? large.snapshot.page.size : 0)])
  })
})

test('large responses are compressed for clients that accept gzip', async () => {
  await start()
  for (let slot = 2; slot < 20; slot += 1)
    scene.world.put(healthy(container('n2', `shop_web.${slot}.x`, place('shop_web', `${slot}`))))
  const compressed = await get('/', { ...json, 'accept-encoding': 'gzip' })
  expect(compressed.headers['content-encoding']).toBe('gzip')
  expect(JSON.parse(gunzipSync(compressed.body).toString()).targets).toHaveLength(19)
  for (const refusal of ['gzip;q=0', 'br, gzip; q=0.0, *', 'identity, gzip;q=0.5']) {
    const plain = await get('/', { ...json, 'accept-encoding': refusal })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(JSON.parse(plain.text).targets).toHaveLength(19)
  }
})

describe('the page’s files', () => {
  test('are all served, with their types and ETags', async () => {
    await start()
    const { text } = await get('/', { accept: 'text/html' })
    const files = [...text.matchAll(/(?:src|href)="\.(\/-\/page\/[^"]+)"/g)].map(([, path]) => path!)
    expect(files.length).toBeGreaterThan(2)
    for (const file of files) {
      const response = await get(file, {})
      expect(response.status).toBe(200)
      const known = await get(file, { 'if-none-match': String(response.headers.etag) })
      expect(known.status).toBe(304)
    }
    expect((await get('/-/page/base.css')).headers['content-type']).toBe('text/css; charset=utf-8')
  })

  test.each(['none.js', 'tsconfig.json', '..%2froutes.ts', '%2e%2e%2froutes.ts', 'index.html%00'])(
    'do not include %s',
    async (file) => {
      await start()
      expect((await get(`/-/page/${file}`)).status).toBe(404)
    },
  )
})

test('every response has a restrictive content security policy', async () => {
  await start()
  for (const [path, headers] of [
    ['/', { accept: 'text/html' }],
    ['/', json],
    ['/-/page/main.js', {}],
  ] as const) {
    const response = await get(path, headers)
    const policy = String(response.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('unsafe')
    expect(response.headers['x-content-type-options']).toBe('nosniff')
  }
})
