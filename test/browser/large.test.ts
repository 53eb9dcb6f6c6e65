// Two thousand targets: shown and found quickly, and cheap to update.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scaled } from '../helpers/limits.ts'
import { failing, healthy, nodeView, type Scene, startScene } from '../helpers/scene.ts'
import { axeFindings, open, openBrowser, shownTargets, visit } from './browser.ts'
import { largeCluster } from './cluster.ts'

const size = 2000
const soon = { timeout: scaled(20_000) }

let browser: Browser
let scene: Scene

beforeAll(async () => {
  browser = await openBrowser()
  const nodes = Array.from({ length: 30 }, (_, at) =>
    nodeView(`n${at + 1}`, `node${at + 1}`, at === 0 ? 'self' : 'up', {}, 0.5),
  )
  scene = await startScene({ entries: largeCluster(size), nodes })
})
afterAll(async () => {
  await scene.stop()
  await browser.close()
})

test('healthy services start collapsed, services with failures expanded; the search finds every target', async () => {
  await using visited = await visit(browser, scene.url)
  const { page, complaints } = visited
  await expect.poll(() => page.textContent('#count'), soon).toBe('2,000 targets')
  await expect.poll(() => page.$$eval('.service', (all) => all.length), soon).toBe(size / 10)
  expect(await page.$$eval('.row.target[data-state="down"]', (all) => all.length)).toBe(21)
  await page.fill('#search', 'service42.7')
  await expect.poll(() => shownTargets(page), soon).toEqual(['stack2_service42.7'])
  await page.click('#clear')
  await page.click('.chip[data-state="down"]')
  await expect.poll(async () => (await shownTargets(page)).length, soon).toBe(21)
  expect(complaints).toEqual([])
})

test('rows are created in several frames', async () => {
  await using visited = await open(browser)
  const { page } = visited
  await page.addInitScript(() => {
    const seen = new Set<number>()
    Object.assign(window, { seen })
    const look = () => {
      seen.add(document.querySelectorAll('.group').length)
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  await page.goto(scene.url)
  await expect.poll(() => page.$$eval('.service', (all) => all.length), soon).toBe(size / 10)
  const seen = await page.evaluate(() => [...(window as unknown as { seen: Set<number> }).seen])
  expect(seen.filter((rows) => rows > 0 && rows < size / 10).length).toBeGreaterThan(0)
})

test('a change of one target updates one row', async () => {
  await using visited = await visit(browser, scene.url)
  const { page } = visited
  await page.click('.chip[data-state="down"]')
  await expect.poll(async () => (await shownTargets(page)).length, soon).toBe(21)
  await page.evaluate(() => {
    const changed = new Set<string>()
    Object.assign(window, { changed })
    new MutationObserver((records) => {
      for (const { target } of records) {
        const row = (target instanceof Element ? target : target.parentElement)?.closest('.row.target')
        const age = (target instanceof Element ? target : target.parentElement)?.closest('.age, .lasted')
        if (row && !age) changed.add(row.querySelector('.name')?.getAttribute('aria-label') ?? '')
      }
    }).observe(document.querySelector('#targets')!, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    })
  })
  const { target } = [...scene.world.entries()].find(({ snapshot }) => snapshot?.ok === false)!
  const before = [...scene.world.entries()].find((entry) => entry.target === target)!
  scene.world.put(healthy(target, { durationMs: 123 }))
  await expect.poll(async () => (await shownTargets(page)).length, soon).toBe(20)
  scene.world.put({ ...before, history: [] })
  await expect.poll(async () => (await shownTargets(page)).length, soon).toBe(21)
  const changed = await page.evaluate(() => [...(window as unknown as { changed: Set<string> }).changed])
  expect(changed.length).toBeLessThanOrEqual(1)
})

test('thirty nodes are a strip, so that targets show on the first screen', async () => {
  await using visited = await visit(browser, scene.url, { viewport: { width: 1440, height: 900 } })
  const { page } = visited
  await page.waitForSelector('.row.target')
  expect(await page.$$eval('.node .name', (names) => names.length)).toBe(30)
  const first = await page.$eval('.row.target', (row) => row.getBoundingClientRect().bottom)
  expect(first).toBeLessThan(900)
  const isCut = await page.$$eval('.node', (nodes) =>
    nodes.some((node) => node.scrollWidth > node.clientWidth),
  )
  expect(isCut).toBe(false)
})

test('if everything fails, services start collapsed', async () => {
  const entries = largeCluster(600).map(({ target }) => failing(target))
  const failed = await startScene({ entries })
  try {
    await using visited = await visit(browser, failed.url)
    const { page } = visited
    await expect.poll(() => page.$$eval('.service', (all) => all.length), soon).toBe(60)
    expect(await shownTargets(page)).toEqual([])
    expect(await page.textContent('#attention')).toContain('600 × connection refused')
  } finally {
    await failed.stop()
  }
})

test('if many nodes are lost, what most targets share shows nonetheless', async () => {
  const nodes = Array.from({ length: 8 }, (_, at) =>
    nodeView(`n${at + 1}`, `node${at + 1}`, at === 0 ? 'self' : 'lost'),
  )
  const scene = await startScene({ entries: largeCluster(20).map(({ target }) => failing(target)), nodes })
  try {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.waitForSelector('#attention li')
    const items = await page.$$eval('#attention li', (all) => all.map(({ textContent }) => textContent))
    expect(items).toHaveLength(5)
    expect(items.at(-1)).toContain('× connection refused')
  } finally {
    await scene.stop()
  }
})

test('axe finds nothing', async () => {
  await using visited = await visit(browser, `${scene.url}?state=down`)
  await visited.page.waitForSelector('.row.target')
  expect(await axeFindings(visited.page)).toEqual([])
})
