// The pages of complete agents, connected over SSH: changes on one node are shown by the page of another.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scaled } from '../helpers/limits.ts'
import { type Agent, type Application, startAgents, startApplication } from '../prometheus/parts/agents.ts'
import { axeFindings, openBrowser, shownTargets, visit } from './browser.ts'

const soon = { timeout: scaled(20_000) }

let browser: Browser
let applications: readonly Application[]
let agents: readonly Agent[]

beforeAll(async () => {
  browser = await openBrowser()
  applications = await Promise.all(['shop 1\n', 'queue 2\n', 'weather 3\n'].map(startApplication))
  const names = ['shop', 'queue', 'weather']
  agents = await startAgents(
    'demo',
    applications.map(({ url }, at) => [`${names[at]}=${url}`]),
  )
})
afterAll(async () => {
  await browser.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await Promise.all(applications.map((application) => application.stop()))
})

test('a client that scrapes the same by two paths is a warning, with what to do', async () => {
  await using visited = await visit(browser, `${agents[0]!.url}/`)
  const { page } = visited
  const headers = { 'user-agent': 'Prometheus/3.5.0' }
  const warning = async () => {
    for (const path of ['shop/metrics', 'shop/node1/metrics', 'queue/node2/metrics'])
      await fetch(`${agents[0]!.url}/${path}`, { headers })
    return page.textContent('#clients-warnings')
  }
  await expect
    .poll(warning, { ...soon, interval: 300 })
    .toMatch(
      /^Prometheus\/3\.5\.0 at 127\.0\.0\.1 scrapes 1 target twice in each interval: by \/shop\/metrics and by \/shop\/node1\/metrics\. remove one/,
    )
  expect(await axeFindings(page)).toEqual([])
})

test('the page shows the whole cluster, a failing application and a stopped agent', async () => {
  await using visited = await visit(browser, `${agents[0]!.url}/`)
  const { page, complaints } = visited
  const all = ['queue@node2', 'shop@node1', 'weather@node3']
  await expect
    .poll(async () => (await shownTargets(page)).filter((name) => !name.startsWith('app-metrics')), soon)
    .toEqual(all)
  await expect.poll(() => page.$$eval('.node[data-link="up"]', (nodes) => nodes.length), soon).toBe(2)
  expect(await axeFindings(page)).toEqual([])

  applications[1]!.well = false
  await page.waitForSelector('.row.target[data-state="down"]:has-text("queue"):has-text("500")', soon)
  await page.waitForSelector('#attention:has-text("queue@node2")')
  applications[1]!.well = true
  await page.waitForSelector('.row.target[data-state="up"]:has-text("queue")', soon)

  await page.click('.name[aria-label="weather@node3"]')
  await page.waitForSelector('.family tr:has-text("weather"):has-text("3")')
  await page.keyboard.press('Escape')

  await agents[2]!.stop()
  await page.waitForSelector('.node[data-link="lost"]:has-text("node3")', soon)
  await page.waitForSelector('.row.target[data-state="lost"]:has-text("weather")', soon)
  expect(await page.textContent('#attention')).toMatch(
    /node3: .*the agent is stopping|node3: the link is lost/,
  )
  expect(complaints).toEqual([])
})
