// The documentation that an agent serves, in a browser: its links, its look on a phone, and what axe says of it.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Agent, startAgents } from '../prometheus/parts/agents.ts'
import { axeFindings, open, openBrowser, visit } from './browser.ts'

let browser: Browser
let agent: Agent | undefined

beforeAll(async () => {
  browser = await openBrowser()
  agent = (await startAgents('demo', [['shop=http://127.0.0.1:9']]))[0]
})
afterAll(async () => {
  await browser.close()
  await agent?.stop()
})

test('the help of the status page leads to it', async () => {
  await using visited = await visit(browser, `${agent!.url}/`)
  const { page } = visited
  await page.keyboard.press('?')
  await page.click('#help a[href*="docs"]')
  await page.waitForSelector('main.document h1')
  expect(page.url()).toContain('/-/docs/')
})

test.each(['light', 'dark'] as const)(
  'axe finds nothing in %s, nor does the browser',
  async (colorScheme) => {
    await using visited = await open(browser, { colorScheme, viewport: { width: 390, height: 844 } })
    const { page, complaints } = visited
    for (const name of ['README.md', 'OPERATIONS.md', 'CONFIGURATION.md']) {
      await page.goto(`${agent!.url}/-/docs/${name}`)
      await page.waitForSelector('main.document h1')
      expect(await axeFindings(page), name).toEqual([])
      const tooWide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      expect(tooWide, name).toBeLessThanOrEqual(0)
    }
    expect(complaints).toEqual([])
  },
)
