// A real browser: Debian's headless Chromium. One for all tests of a file, a new profile for each test.

import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { scaled } from '../helpers/limits.ts'

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export interface Visit extends AsyncDisposable {
  readonly page: Page
  /** Errors and warnings of the browser: of scripts, of the content security policy, of requests. */
  readonly complaints: string[]
}

/** An empty page. */
export async function open(browser: Browser, how: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...how })
  context.setDefaultTimeout(scaled(30_000))
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** The status page with the first response of its agent. */
export async function visit(browser: Browser, url: string, how: BrowserContextOptions = {}): Promise<Visit> {
  const visited = await open(browser, how)
  await visited.page.goto(url)
  const { page, complaints } = visited
  await page.waitForSelector('#live[data-live="true"]').catch(async (cause) => {
    const shown = await page.textContent('body')
    throw new Error(`not live: ${complaints.join('; ')}; ${shown}`, { cause })
  })
  return visited
}

/** The violations that axe finds, a line each. It is injected past the content security policy. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<{
    violations: readonly { id: string; help: string; nodes: readonly { html: string }[] }[]
  }>('axe.run(document, { resultTypes: ["violations"] })')
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`),
  )
}

/** The names of the targets on the screen, top to bottom. */
export function shownTargets(page: Page): Promise<readonly string[]> {
  return page.$$eval('.row.target .name', (names) =>
    names
      .filter((name) => (name as HTMLElement).offsetParent !== null)
      .map((name) => name.getAttribute('aria-label') ?? ''),
  )
}
