// Characters that change the direction of text are shown as escapes: no name of a container changes the text beside it.

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  container,
  failing,
  healthy,
  nodeView,
  pageOf,
  place,
  type Scene,
  startScene,
  unscraped,
} from '../helpers/scene.ts'
import { openBrowser, visit } from './browser.ts'

/** The right-to-left override, as in a file name that hides its type. */
const turned = 'a\u202Egnp'
const shownTurned = 'a\\u202egnp'
/** Right-to-left letters are no attack: they change only their own direction. */
const hebrew = 'שלום'

let browser: Browser
let scene: Scene

beforeAll(async () => {
  browser = await openBrowser()
  const entries = [turned, hebrew].flatMap((text) => {
    const one = (name: string, more = {}) =>
      container('n1', name, { kind: 'standalone' }, { image: text, labels: { [text]: text }, ...more })
    const page = pageOf(`# HELP told ${text} is told\n# TYPE told gauge\ntold{a="${text}",b="2"} 17\n`)
    const addresses = [{ network: text, host: '10.0.0.1' }]
    return [
      healthy(one(`up ${text} 12`, { addresses }), {
        page: { ...page, remarks: [text] },
        source: `${text} 3`,
      }),
      failing(one(`down ${text} 12`), `${text} was refused`, `start ${text} again`),
      unscraped(one(`not ${text} 12`), 'no_address', `${text} has none`, `join ${text} to it`),
      healthy(container('n2', text, place(`stack${text}_web${text}`, '1'))),
    ]
  })
  scene = await startScene({
    entries,
    cluster: turned,
    warnings: [`${turned} is not known`],
    nodes: [nodeView('n1', `node ${turned}`, 'self'), nodeView('n2', `node ${hebrew}`, 'up')],
  })
})
afterAll(async () => {
  await scene.stop()
  await browser.close()
})

/** Texts of which two neighbouring letters of Latin words stand on one line in the wrong order. */
function turnedTexts(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const range = document.createRange()
    const boxAt = (node: Node, at: number) => {
      range.setStart(node, at)
      range.setEnd(node, at + 1)
      return range.getBoundingClientRect()
    }
    const found: string[] = []
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent ?? ''
      for (const { index } of text.matchAll(/[\w.](?=[\w.])/g)) {
        const [one, next] = [boxAt(node, index), boxAt(node, index + 1)]
        if (one.width > 0 && next.width > 0 && one.top === next.top && next.left < one.left) found.push(text)
      }
    }
    return [...new Set(found)]
  })
}

test('the list keeps the direction of all other text', async () => {
  await using visited = await visit(browser, scene.url)
  const { page } = visited
  expect(await turnedTexts(page)).toEqual([])
  const said = await page.textContent('body')
  expect(said).toContain(`up ${shownTurned} 12`)
  expect(said).toContain(`node ${shownTurned}`)
  expect(said).toContain(`${shownTurned} is not known`)
  expect(said).toContain(`up ${hebrew} 12`)
  expect(said).not.toContain(turned)
})

test.each([turned, hebrew])('nor in the details of %j', async (text) => {
  await using visited = await visit(browser, scene.url)
  const { page } = visited
  await page.click(`.name[aria-label^=${JSON.stringify(`up ${text} 12`)}]`)
  await page.waitForSelector('.family')
  expect(await turnedTexts(page)).toEqual([])
  expect(await page.textContent('#panel')).not.toContain(turned)
})
