// Histograms in the details of a target: as bars that are right, with a table and a text for those who don't see them.

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainPage } from '../../src/model.ts'
import { protobufPage } from '../exposition/protobuf/judge.ts'
import { container, healthy, pageOf, type Scene, startScene } from '../helpers/scene.ts'
import { axeFindings, openBrowser, visit } from './browser.ts'

const counts = [1, 20, 300, 40, 5]
const cumulative = counts.map((_, at) => counts.slice(0, at + 1).reduce((sum, count) => sum + count, 0))
const bounds = ['0.1', '0.2', '0.5', '1', '+Inf']
const classic = `# HELP wait_seconds How long requests waited.
# TYPE wait_seconds histogram
${bounds.map((le, at) => `wait_seconds_bucket{path="/a",le="${le}"} ${cumulative[at]}\n`).join('')}wait_seconds_sum{path="/a"} 99.5
wait_seconds_count{path="/a"} 366
${bounds.map((le) => `wait_seconds_bucket{path="/b",le="${le}"} 0\n`).join('')}wait_seconds_sum{path="/b"} 0
wait_seconds_count{path="/b"} 0
`

/** Hundreds of buckets on both sides of zero, and a sum that is no number. */
const size = 300
const delta = (at: number) => (at === 0 ? 10 : at % 2 ? 5 : -5)
const side = {
  span: [{ offset: -100, length: size }],
  delta: Array.from({ length: size }, (_, at) => delta(at)),
}
const total = 2 * side.delta.reduce((sum, change, at) => sum + change * (size - at), 0)
const native = protobufPage([
  {
    ...{ name: 'change', type: 'HISTOGRAM', help: 'Of the price.' },
    metric: [
      {
        histogram: {
          ...{ schema: 3, zeroThreshold: 1e-9, zeroCount: 0, sampleCount: total, sampleSum: Number.NaN },
          ...{ positiveSpan: side.span, positiveDelta: side.delta },
          ...{ negativeSpan: side.span, negativeDelta: side.delta },
        },
      },
    ],
  },
])

let browser: Browser
let scene: Scene

beforeAll(async () => {
  browser = await openBrowser()
  const one = (name: string) => container('n1', name, { kind: 'standalone' })
  const nativePage = plainPage(native.body, { format: 'protobuf', series: 1, remarks: [] })
  scene = await startScene({
    entries: [
      healthy(one('classic'), { page: pageOf(classic) }),
      healthy(one('native'), { page: nativePage }),
    ],
  })
})
afterAll(async () => {
  await scene.stop()
  await browser.close()
})

async function openTarget(page: Page, name: string): Promise<void> {
  await page.click(`.name[aria-label="${name}@node1"]`)
  await page.waitForSelector('.histogram')
}

/** The height of each bar, as a share of the largest. */
async function barsOf(page: Page): Promise<readonly number[]> {
  const path = await page.$eval('.histogram path', (bars) => bars.getAttribute('d') ?? '')
  return [...path.matchAll(/v-([\d.]+)/g)].map(([, height]) => Number(height) / 100)
}

test('a classic histogram has a bar per bucket, its count and quantiles; one without observations says so', async () => {
  await using visited = await visit(browser, scene.url)
  const { page, complaints } = visited
  await openTarget(page, 'classic')
  expect(
    await page.$$eval('.histogram figcaption', (all) => all.map(({ textContent }) => textContent)),
  ).toEqual([
    expect.stringMatching(/^\{path="\/a"\}\s*count\s366, p50\s0\.362, p99\s1, sum\s99\.5$/),
    expect.stringMatching(/^\{path="\/b"\}\s*no observations$/),
  ])
  expect(await barsOf(page)).toEqual([
    0.03,
    expect.closeTo(20 / 300, 2),
    1,
    expect.closeTo(40 / 300, 2),
    0.03,
  ])
  expect(await page.getAttribute('.plot svg', 'aria-label')).toBe(
    '5 buckets from 0 to +Inf, most in 0.2 to 0.5: 82 %',
  )
  expect(await page.$$eval('.plot', (all) => all.map((one) => one.checkVisibility()))).toEqual([true, false])

  await page.click('.axis button')
  const rows = await page.$$eval('.histogram table:not([hidden]) tr', (all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent)),
  )
  expect(rows).toEqual(
    bounds.map((upper, at) => [`${at === 0 ? '0' : bounds[at - 1]} to ${upper}`, `${counts[at]}`]),
  )
  expect(await page.getAttribute('.axis button', 'aria-expanded')).toBe('true')
  expect(complaints).toEqual([])
})

test.each([390, 1440])(
  'a native one with hundreds of buckets, negative ones too, fits into %d pixels',
  async (width) => {
    await using visited = await visit(browser, scene.url, { viewport: { width, height: 900 } })
    const { page, complaints } = visited
    await openTarget(page, 'native')
    expect(await page.textContent('.histogram figcaption')).toMatch(
      new RegExp(`native.*count\\s${total.toLocaleString('en')}, p50\\s.*, p99\\s.*, sum\\sNaN$`),
    )
    const bars = await barsOf(page)
    expect(bars.length).toBeGreaterThan(80)
    expect(bars.length).toBeLessThanOrEqual(100)
    const [lower, upper] = await page.$$eval('.axis span', (all) => all.map(({ textContent }) => textContent))
    expect(Number(lower)).toBe(-Number(upper))
    await page.click('.axis button')
    const counted = await page.$$eval('.histogram td', (all) =>
      all.map(({ textContent }) => Number(textContent?.replaceAll(',', ''))),
    )
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(total)
    expect(await page.$eval('#panel', (panel) => panel.scrollWidth - panel.clientWidth)).toBe(0)
    // the columns of the list have texts of their own on narrow screens
    const added = await page.$$eval('#panel .series-name', (all) =>
      all.map((one) => getComputedStyle(one, '::after').content),
    )
    expect(added).toEqual(['none'])
    expect(complaints).toEqual([])
  },
)

test.each(['light', 'dark'] as const)('axe finds nothing in %s', async (colorScheme) => {
  for (const name of ['classic', 'native']) {
    await using visited = await visit(browser, scene.url, { colorScheme })
    const { page } = visited
    await openTarget(page, name)
    await page.click('.axis button')
    expect(await axeFindings(page)).toEqual([])
  }
})

test('a new scrape changes the bars in place, and the table stays open', async () => {
  await using visited = await visit(browser, scene.url)
  const { page } = visited
  await openTarget(page, 'classic')
  await page.click('.axis button')
  const bars = await page.$('.histogram path')
  const { target } = [...scene.world.entries()].find((entry) => entry.target.name === 'classic')!
  const grown = classic
    .replace('le="+Inf"} 366', 'le="+Inf"} 1000')
    .replace('count{path="/a"} 366', 'count{path="/a"} 1000')
  scene.world.put(healthy(target, { page: pageOf(grown), ago: 0 }))
  await page.waitForSelector('.histogram:has-text("count 1,000")')
  expect(await bars?.getAttribute('d')).toContain('v-100.0')
  expect(await page.textContent('.histogram tr:last-child td')).toBe('639')
  expect((await barsOf(page)).at(-1)).toBe(1)
})
