// The documentation as an agent serves it: every page, and every link of each.

import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Scene, startScene } from '../helpers/scene.ts'
import { ask } from '../web/agent.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene({ entries: [] })
})
afterAll(() => scene.stop())

const names = ['README.md', ...readdirSync('docs').filter((name) => name.endsWith('.md'))]
const pathOf = (name: string) => `/-/docs/${name}`
const get = (path: string) => ask(scene.port, path)
const linksOf = (html: string) =>
  [...html.matchAll(/\b(?:href|src|srcset)="([^"]+)"/g)].map(([, link]) => link!)

test.each(names)('%s has no link or picture that leads nowhere', async (name) => {
  const { status, headers, text } = await get(pathOf(name))
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  const base = new URL(`http://agent${pathOf(name)}`)
  for (const link of new Set(linksOf(text))) {
    const { host, pathname, hash } = new URL(link, base)
    if (host !== 'agent') continue
    const linked = await get(pathname)
    expect([link, linked.status]).toEqual([link, 200])
    if (hash !== '') expect(linked.text, link).toContain(` id="${decodeURIComponent(hash.slice(1))}"`)
  }
})

test('loads nothing from elsewhere', async () => {
  for (const name of names) {
    const { text } = await get(pathOf(name))
    expect([...text.matchAll(/<(?:img|script|link|source)[^>]*"https?:[^>]*>/g)].map(String)).toEqual([])
  }
})

test('pages link to each other, and begin with the README', async () => {
  for (const path of ['/-/docs', '/-/docs/', '/-/docs?a=/', '/-/docs/?a=b']) {
    const { headers } = await get(path)
    expect(new URL(`${headers.location}`, `http://agent${path}`).pathname).toBe(pathOf('README.md'))
  }
  const { text } = await get(pathOf('README.md'))
  expect(linksOf(text)).toEqual(expect.arrayContaining(['./LABELS.md', './images/status.png']))
  expect(linksOf((await get(pathOf('STATUS.md'))).text)).toContain('./images/details.png')
})

test.each(['..%2fpackage.json', '../package.json', 'benchmarks/', 'images', 'none.md'])(
  'there is no %s',
  async (name) => {
    expect((await get(pathOf(name))).status).toBe(404)
  },
)
