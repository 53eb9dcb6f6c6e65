// Whoever runs a container writes names, labels and metrics: all of it is text to the page, and nothing else.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  container,
  failing,
  healthy,
  pageOf,
  place,
  type Scene,
  startScene,
  unscraped,
} from '../helpers/scene.ts'
import { openBrowser, shownTargets, visit } from './browser.ts'

const markup = [
  '<script>window.owned = 1</script>',
  '<img src=x onerror="window.owned = 1">',
  '"><svg onload=window.owned=1>',
  'javascript:window.owned=1',
  '{{constructor.constructor("window.owned=1")()}}',
  '</style><style>*{display:none}</style>',
]

let browser: Browser
let scene: Scene

beforeAll(async () => {
  browser = await openBrowser()
  const entries = markup.flatMap((text, at) => {
    const evil = (name: string) =>
      container(
        'n1',
        name,
        { kind: 'standalone' },
        {
          image: text,
          labels: { [text]: text, 'app-metrics-proxy.port': text },
          addresses: [{ network: text, host: text }],
        },
      )
    const page = pageOf(
      `# HELP evil${at} ${text.replaceAll('\\', '')}\n# TYPE evil${at} gauge\nevil${at}{a="${text.replaceAll('"', '\\"')}"} 1\n`,
    )
    return [
      healthy(evil(`up ${text}`), { page: { ...page, remarks: [text] }, source: text }),
      failing(evil(`down ${text}`), text, text),
      unscraped(evil(`not ${text}`), 'no_address', text, text),
      healthy(container('n2', text, place(`evil_${text}`, text))),
    ]
  })
  scene = await startScene({
    entries,
    cluster: markup[0]!,
    warnings: markup,
    rules: markup.map((text) => ({ service: text, label: text, reason: text, text })),
    ambiguities: markup.map((reason) => ({ code: 'ambiguous', reason, hint: reason })),
  })
})
afterAll(async () => {
  await scene.stop()
  await browser.close()
})

test('hostile text is shown as text, and runs nothing', async () => {
  await using visited = await visit(browser, scene.url)
  const { page, complaints } = visited
  await page.click('#attention-more')
  expect(await page.textContent('#cluster')).toBe(markup[0])
  const names = await shownTargets(page)
  for (const text of markup) {
    expect(names).toContain(`up ${text}@node1`)
    expect(await page.textContent('#attention')).toContain(text)
  }
  const foreign = await page.evaluate(
    () =>
      document.querySelectorAll(
        'body script, #main img, #main style, [onerror], [onload], a[href^="javascript"]',
      ).length,
  )
  expect(foreign).toBe(0)
  expect(await page.evaluate(() => 'owned' in window)).toBe(false)
  expect(complaints).toEqual([])
})

test.each(markup)('details of a target full of %s are text', async (text) => {
  await using visited = await visit(browser, scene.url)
  const { page, complaints } = visited
  await page.click(`.name[aria-label=${JSON.stringify(`up ${text}@node1`)}]`)
  await page.waitForSelector('.family')
  const shown = await page.textContent('#panel')
  expect(shown?.split(text).length).toBeGreaterThan(5)
  expect(await page.getAttribute('.raw-link', 'href')).toBe(
    `./${encodeURIComponent(`up ${text}`)}/node1/metrics`,
  )
  expect(await page.$$eval('#panel :is(script, img, style, iframe)', (all) => all.length)).toBe(0)
  expect(await page.evaluate(() => 'owned' in window)).toBe(false)
  expect(complaints).toEqual([])
})

test('parameters of the URL are text, too', async () => {
  for (const text of markup) {
    const query = new URLSearchParams({
      q: text,
      state: text,
      node: text,
      stack: text,
      target: text,
      find: text,
    })
    await using visited = await visit(browser, `${scene.url}?${query}`)
    const { page } = visited
    await page.waitForSelector('.failure-box:has-text("gone")')
    expect(await page.inputValue('#search')).toBe(text)
    expect(await page.evaluate(() => 'owned' in window)).toBe(false)
  }
})

test('the content security policy blocks scripts, styles and markup', async () => {
  await using visited = await visit(browser, scene.url)
  const outcome = await visited.page.evaluate(async () => {
    const tried: Record<string, string> = {}
    const attempt = (name: string, act: () => void) => {
      try {
        act()
        tried[name] = 'done'
      } catch {
        tried[name] = 'stopped'
      }
    }
    attempt('innerHTML', () => {
      document.createElement('div').innerHTML = '<b>x</b>'
    })
    attempt('eval', () => {
      // biome-ignore lint/security/noGlobalEval: to see it refused
      globalThis.eval('1')
    })
    const script = document.createElement('script')
    attempt('inline', () => {
      script.textContent = 'window.owned = 1'
      document.body.append(script)
    })
    const style = document.createElement('style')
    style.textContent = 'body { opacity: 0.123 }'
    document.head.append(style)
    tried.style = getComputedStyle(document.body).opacity === '0.123' ? 'done' : 'stopped'
    tried.fetch = await fetch('https://example.invalid/').then(
      () => 'done',
      () => 'stopped',
    )
    tried.owned = 'owned' in window ? 'done' : 'stopped'
    return tried
  })
  expect(outcome).toMatchObject({
    innerHTML: 'stopped',
    style: 'stopped',
    fetch: 'stopped',
    owned: 'stopped',
  })
})
