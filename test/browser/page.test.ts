import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { endpointId, plainPage } from '../../src/model.ts'
import { bodyOf } from '../../src/sync/codec.ts'
import { service, swarmState } from '../helpers/cluster.ts'
import { scaled } from '../helpers/limits.ts'
import {
  container,
  failing,
  healthy,
  nodeView,
  ownMetrics,
  place,
  type Scene,
  startScene,
  threeNodes,
  unscraped,
} from '../helpers/scene.ts'
import { axeFindings, openBrowser, shownTargets, visit } from './browser.ts'
import { smallCluster } from './cluster.ts'

/** The page polls each second. */
const soon = { timeout: scaled(10_000) }

let browser: Browser
let scene: Scene

beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser.close())
beforeEach(async () => {
  scene = await startScene({ entries: smallCluster() })
})
afterEach(() => scene.stop())

const entryOf = (name: string) =>
  [...scene.world.entries()].find(({ target }) => target.name.startsWith(name))!
const urlOf = (name: string) => {
  const { owner, target } = entryOf(name)
  return `${scene.url}?target=${encodeURIComponent(`${owner}/${target.id}`)}`
}

describe('a container with several endpoints', () => {
  const labels = { 'app-metrics-proxy.port': '8080', 'app-metrics-proxy.port.2': '9113' }

  test('has a row for each, distinguished by the port, with reason, fix and path', async () => {
    const shop = container('n2', 'shop', { kind: 'standalone' }, { labels })
    scene.world.put(healthy(shop))
    const hint = 'let the container serve metrics on port 9113'
    scene.world.put(
      unscraped({ ...shop, id: endpointId(shop.id, 2) }, 'no_metrics', 'port 9113 is closed', hint),
    )
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const titles = await page.$$eval('.row.target .name', (all) =>
      all.map((one) => one.getAttribute('aria-label')).filter((title) => title?.startsWith('shop@')),
    )
    // failures first
    expect(titles).toEqual(['shop@node2:9113', 'shop@node2'])
    const row = await page.textContent('.row.target:has([aria-label="shop@node2:9113"])')
    for (const part of ['@node2:9113', 'port 9113 is closed', hint]) expect(row).toContain(part)
    await page.click('[aria-label="shop@node2:9113"]')
    await expect.poll(() => page.textContent('.prometheus'), soon).toContain('__param_endpoint2')
    expect(await page.textContent('.prometheus')).toContain('params: { endpoint: ["2"] }')
    expect(await page.textContent('#panel-title')).toBe('shop@node2:9113')
    await page.fill('#search', 'shop@node2:9113')
    await expect.poll(() => page.textContent('#count'), soon).toBe('1 of 15 targets')
  })
})

describe('the overview', () => {
  test('shows nodes, services, targets, and needs nothing but itself', async () => {
    await using visited = await visit(browser, scene.url)
    const { page, complaints } = visited
    const origins = new Set<string>()
    page.on('request', (request) => origins.add(new URL(request.url()).origin))
    await page.reload()
    await page.waitForSelector('.row.target')
    expect(await page.textContent('#cluster')).toBe('demo')
    expect(await page.$$eval('.node .name', (names) => names.map(({ textContent }) => textContent))).toEqual([
      'node1',
      'node2',
      'node3',
    ])
    expect(
      await page.$$eval('.service .base-name', (names) => names.map(({ textContent }) => textContent)),
    ).toEqual(['shop_api', 'monitor_node', 'shop_web'])
    expect(await shownTargets(page)).toHaveLength(13)
    expect([...origins]).toEqual([new URL(scene.url).origin])
    expect(complaints).toEqual([])
  })

  test('shows the endpoint of each target, why that one, and numbers', async () => {
    await using visited = await visit(browser, scene.url)
    const row = await visited.page.textContent('.row.target:has-text("com.df.scrapePort")')
    for (const part of ['node2', ':9100/metrics', 'com.df.scrapePort, service label', '3', '342 B', '9.0 ms'])
      expect(row).toContain(part)
  })

  test('shows why a target is not scraped, and how to fix it', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const legacy = await page.textContent('.row.target:has-text("legacy")')
    expect(legacy).toContain('not on a shared network')
    expect(legacy).toContain('attach it to `monitor`')
    expect(await page.textContent('.row.target:has-text("blog_wiki")')).toContain('switched off by')
    expect(await page.textContent('#attention')).toMatch(/shop_api\.3.*connection refused.*legacy/s)
  })

  test('shows what the managers know of services, and how containers have run', async () => {
    await scene.stop()
    const run = { health: 'unhealthy' as const, restarts: 4, oomKills: 1, lastExitCode: 137 }
    const slots = ['1', '2', '3']
    scene = await startScene({
      entries: [...smallCluster(), healthy(container('n1', 'restless', { kind: 'standalone' }, { run }))],
      swarmState: swarmState([
        service('shop_web', { replicas: 3, running: 2, slots, updateState: 'paused' }),
        service('shop_api', { replicas: 3, running: 3, slots, updateState: 'completed' }),
      ]),
    })
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const summary = (name: string) =>
      page.$$eval(`.service:has-text("${name}") .summary > span:not([hidden])`, (all) =>
        all.map(({ textContent }) => textContent).filter(Boolean),
      )
    expect(await summary('shop_web')).toEqual(['2 of 3 replicas', '3 up', 'update paused'])
    expect(await summary('shop_api')).toEqual(['3 of 3 replicas', '2 up, 1 down'])
    const unusual = 'unhealthy, 4 restarts, last exit code 137, out of memory'
    expect(await page.textContent('.row.target:has-text("restless") .remarks:not([hidden])')).toBe(unusual)
    await page.fill('#search', 'unhealthy')
    await expect.poll(() => shownTargets(page)).toEqual(['restless@node1'])
    await page.click('.name[aria-label="restless@node1"]')
    await page.waitForSelector('.family')
    expect(await page.textContent('.facts')).toMatch(
      /Healthunhealthy.*Restarts4 since its agent started.*Last exitcode 137, 1 process killed for lack of memory/,
    )
    expect(await axeFindings(page)).toEqual([])
  })

  test('shows the problems of the cluster', async () => {
    await scene.stop()
    scene = await startScene({
      entries: smallCluster(),
      nodes: [...threeNodes(), { ...nodeView('n4', 'node4', 'lost'), version: '0.9.0' }],
      peers: [
        {
          address: '10.0.0.9:2140',
          state: 'failed',
          failure: { code: 'unproven', reason: 'the agent there has another secret' },
          sentBytes: 0,
          receivedBytes: 0,
        },
      ],
      rules: [
        {
          service: 'shop_web',
          label: 'com.df.alertIf (service label)',
          reason: 'unexpected "="',
          position: 4,
          text: 'shop_web: com.df.alertIf (service label), character 4: unexpected "="',
        },
      ],
      ambiguities: [
        { code: 'ambiguous', reason: '"web" means more than one thing', hint: 'request /shop_web/metrics' },
      ],
    })
    await using visited = await visit(browser, scene.url)
    await visited.page.click('#attention-more')
    const text = await visited.page.textContent('#attention')
    for (const part of [
      'node4: the link is lost',
      'another secret',
      'unexpected "="',
      '0.9.0 on node4',
      '"web" means more',
    ])
      expect(text).toContain(part)
  })
})

describe('search and filters', () => {
  test('narrow the list, and are kept in the URL', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.fill('#search', 'shop_api refused')
    await expect.poll(() => shownTargets(page)).toEqual(['shop_api.3'])
    expect(await page.textContent('#count')).toBe('1 of 13 targets')
    expect(new URL(page.url()).searchParams.get('q')).toBe('shop_api refused')

    await page.click('#clear')
    await page.click('.chip[data-state="down"]')
    await expect.poll(() => shownTargets(page)).toEqual(['shop_api.3'])
    await page.click('.chip[data-state="off"]')
    await expect.poll(() => shownTargets(page)).toEqual(['shop_api.3', 'blog_wiki.1'])
    expect(new URL(page.url()).searchParams.get('state')).toBe('down,off')
    await page.reload()
    await expect.poll(() => shownTargets(page)).toEqual(['shop_api.3', 'blog_wiki.1'])

    await page.click('#clear')
    await page.click('.node:has-text("node3")')
    await expect
      .poll(() => shownTargets(page))
      .toEqual(['shop_api.2', 'monitor_node@node3', 'shop_web.2', 'weather@node3'])
    await page.selectOption('#stack', 'shop')
    await expect.poll(() => shownTargets(page)).toEqual(['shop_api.2', 'shop_web.2'])
    await page.fill('#search', 'nothing like this')
    await page.waitForSelector('#empty:has-text("No target matches")')
  })

  test('a heading sorts by its column, and the URL keeps the order', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const first = async () => (await shownTargets(page))[0]
    await expect.poll(first).toBe('shop_api.3')
    await page.click('#sort-target')
    await expect.poll(first).toBe('blog_wiki.1')
    expect(await page.getAttribute('[role="columnheader"]:has(#sort-target)', 'aria-sort')).toBe('ascending')
    await page.click('#sort-size')
    await expect.poll(first).toMatch(/^monitor_node/)
    await page.reload()
    await expect.poll(first).toMatch(/^monitor_node/)
    expect(new URL(page.url()).searchParams.get('sort')).toBe('-size')
  })

  test('counts follow the filters', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.click('.node:has-text("node3")')
    await expect.poll(() => page.textContent('.chip[data-state="up"]')).toBe('4 up')
    expect(await page.textContent('.service:has-text("shop_web") .states')).toBe('1 up, 1 of 3')
  })

  test('equal reasons are one line, which leads to its targets', async () => {
    const slots = ['5', '6']
    for (const slot of slots)
      scene.world.put(failing(container('n2', `shop_api.${slot}.x`, place('shop_api', slot)), 'refused all'))
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const line = await page.textContent('#attention li:has-text("refused all")')
    expect(line).toMatch(/2 × refused all.*shop_api\.5.*shop_api\.6.*for \d+ s or longer/)
    await page.click('#attention .title:has-text("refused all")')
    await expect.poll(() => shownTargets(page)).toEqual(['shop_api.5', 'shop_api.6'])
    await page.click('#attention .names a:has-text("shop_api.6")')
    await page.waitForSelector('#panel-title:has-text("shop_api.6")')
    expect(await page.textContent('.facts')).toMatch(/Down since[\d: -]+ or earlier.*Last errorrefused all/s)
  })

  test('a service collapses and expands', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.click('.toggle:has-text("shop_web")')
    await expect.poll(() => shownTargets(page)).not.toContain('shop_web.1')
    expect(await page.getAttribute('.toggle:has-text("shop_web")', 'aria-expanded')).toBe('false')
    await page.click('.toggle:has-text("shop_web")')
    await expect.poll(() => shownTargets(page)).toContain('shop_web.1')
  })
})

describe('details of a target', () => {
  test('have its metrics, a search, and a scrape job for Prometheus', async () => {
    await using visited = await visit(browser, scene.url)
    const { page, complaints } = visited
    await page.click('.name:has-text("weather")')
    await page.waitForSelector('.family')
    await page.waitForSelector('.row.target[data-selected="true"]:has-text("weather")')
    const families = () =>
      page.$$eval('.family h4 > span:first-child', (all) => all.map((one) => one.textContent))
    expect(await families()).toEqual(['weather_temperature_celsius', 'http_request_duration_seconds'])
    expect(await page.textContent('.family')).toMatch(
      /gauge.*The temperature outside\..*\{city="Lisbon"\}21\.5/s,
    )
    expect(await page.textContent('.prometheus')).toContain('metrics_path: "/weather/node3/metrics"')
    expect(await page.getAttribute('.raw-link', 'href')).toBe('./weather/node3/metrics')
    const trends = await page.$$eval('.trend', (all) => all.map(({ textContent }) => textContent))
    expect(trends).toEqual([
      expect.stringMatching(/^[\d.]+ ms to [\d.]+ ms$/),
      expect.stringMatching(/^\d+ B to \d+ B$/),
    ])

    await page.fill('.metrics-search input', 'le= inf')
    await expect.poll(families).toEqual(['http_request_duration_seconds'])
    expect(await page.$$eval('.histogram', (all) => all.length)).toBe(1)
    expect(new URL(page.url()).searchParams.get('find')).toBe('le= inf')
    await page.reload()
    await expect.poll(families).toEqual(['http_request_duration_seconds'])
    expect(await page.inputValue('.metrics-search input')).toBe('le= inf')
    expect(complaints).toEqual([])
  })

  test('show what Prometheus sees of it: every label of /sd', async () => {
    await using visited = await visit(browser, urlOf('shop_web.2'))
    const { page } = visited
    await page.click('.prometheus summary')
    await page.waitForSelector('.labels dt')
    const pairs = await page.$$eval('.labels > div', (rows) =>
      rows.map((row) => [row.querySelector('dt')?.textContent, row.querySelector('dd')?.textContent]),
    )
    const { owner, target } = entryOf('shop_web.2')
    expect(new Map(pairs as [string, string][])).toEqual(
      new Map([
        ['__address__', 'metrics.example.org:2137'],
        ...Object.entries(scene.discovered(owner, target.id)!.labels),
      ]),
    )
    expect(pairs.map(([name]) => name)).toContain('__meta_dockerswarm_service_name')
    expect(await page.textContent('.prometheus')).toContain('"http://metrics.example.org:2137/sd"')
    await page.goto(urlOf('legacy'))
    await page.click('.prometheus summary')
    await page.waitForSelector('.prometheus:has-text("Not listed at /sd")')
  })

  test('copy the scrape job', async () => {
    await using visited = await visit(browser, urlOf('weather'), {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    const { page } = visited
    await page.click('.prometheus summary')
    await page.waitForSelector('.prometheus code:has-text("weather")')
    const block = '.prometheus .block:has-text("weather")'
    await page.click(`${block} button`)
    await page.waitForSelector(`${block} button:has-text("Copied")`)
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      await page.textContent(`${block} code`),
    )
  })

  test('close with Back, and open again with Forward', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.click('.name:has-text("weather")')
    await page.waitForSelector('#panel:not([hidden])')
    await page.goBack()
    await page.waitForSelector('#panel', { state: 'hidden' })
    await page.goForward()
    await page.waitForSelector('#panel-title:has-text("weather")')
  })

  test('of a removed target are not requested again', async () => {
    await using visited = await visit(browser, urlOf('weather'))
    const { page } = visited
    await page.waitForSelector('.family')
    const requests: string[] = []
    page.on('request', (request) => requests.push(new URL(request.url()).search))
    const { owner, target } = entryOf('weather')
    scene.world.remove(owner, target.id)
    await page.waitForSelector('.failure-box:has-text("gone")')
    const isDetails = (search: string) => search.includes('target=')
    const [polls, details] = [requests.length, requests.filter(isDetails).length]
    await expect.poll(() => requests.length - polls, soon).toBeGreaterThan(3)
    expect(requests.filter(isDetails)).toHaveLength(details)
    expect(await page.isVisible('.failure-box')).toBe(true)
  })

  test('that come late are shown, however often the target is scraped meanwhile', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const held = Promise.withResolvers<void>()
    let requested = 0
    let polls = 0
    await page.route(/[?&]target=/, async (route) => {
      requested += 1
      await held.promise
      await route.continue()
    })
    page.on('response', (response) => {
      if (response.url() === scene.url) polls += 1
    })
    await page.click('.name:has-text("weather")')
    await page.waitForSelector('#panel-title:has-text("weather")')
    const { target, snapshot } = entryOf('weather')
    for (const before of [polls, polls + 1, polls + 2]) {
      scene.world.put(healthy(target, { ago: 0, ...(snapshot?.ok && { page: snapshot.page }) }))
      await expect.poll(() => polls, soon).toBeGreaterThan(before + 1)
    }
    expect(requested).toBe(1)
    held.resolve()
    await page.waitForSelector('.family')
  })

  test('show why a target is not scraped, and that one is gone', async () => {
    await using visited = await visit(browser, urlOf('legacy'))
    const { page } = visited
    await page.waitForSelector('.failure-box:has-text("not on a shared network")')
    expect(await page.textContent('.failure-box')).toContain('attach it to `monitor`')
    await page.goto(`${scene.url}?target=n1/none`)
    await page.waitForSelector('.failure-box:has-text("gone")')
  })

  test('of a target without metrics show why and how to fix it, and no search or link', async () => {
    await using visited = await visit(browser, urlOf('legacy'))
    const { page } = visited
    await page.waitForSelector('.metrics .no-metrics')
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT })
    expect(await page.textContent('.metrics .no-metrics')).toBe(
      'No metrics: not on a shared network. To fix it: attach it to `monitor`',
    )
    for (const part of ['.metrics-search', '.raw-link', '.families'])
      expect([part, await page.isVisible(`.metrics ${part}`)]).toEqual([part, false])
    const { owner, target } = entryOf('legacy')
    scene.world.put({ ...entryOf('weather'), owner, target })
    await page.waitForSelector('.metrics .families .family')
    for (const part of ['.metrics-search', '.raw-link'])
      expect([part, await page.isVisible(`.metrics ${part}`)]).toEqual([part, true])
    expect(await page.isVisible('.metrics .no-metrics')).toBe(false)
  })

  test('update values in place', async () => {
    await using visited = await visit(browser, urlOf('weather'))
    const { page } = visited
    await page.waitForSelector('.family td:text-is("21.5")')
    const row = await page.$('.family tr:has-text("Lisbon")')
    const { target, snapshot } = entryOf('weather')
    if (!snapshot?.ok) throw new Error('weather is up')
    const text = Buffer.from(bodyOf(snapshot.page)).toString()
    const warmer = plainPage(Buffer.from(text.replace('21.5', '22.75')), snapshot.page)
    scene.world.put(healthy(target, { page: warmer, ago: 0 }))
    await page.waitForSelector('.family td:text-is("22.75")')
    expect(await row?.textContent()).toContain('22.75')
  })
})

describe('live', () => {
  test('a target that fails is shown within seconds and first, and nothing else moves', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const before = await shownTargets(page)
    const row = await page.$('.row.target:has(.name[aria-label="shop_web.2"])')
    const { target } = entryOf('shop_web.2')
    scene.world.put(failing(target, 'connection reset'))
    await page.waitForSelector('#attention:has-text("shop_web.2")')
    await page.waitForSelector('.row.target[data-state="down"]:has-text("connection reset")')
    expect(await row?.evaluate((element) => element.isConnected)).toBe(true)
    const after = await shownTargets(page)
    // which of the two services is first depends on whether a new minute has begun between their failures
    const isFailing = (name: string) => /^shop_(web|api)/.test(name)
    expect(after.slice(0, 6).toSorted()).toEqual(after.filter(isFailing).toSorted())
    const own = (service: string) => after.filter((name) => name.startsWith(service))
    expect(own('shop_api')[0]).toBe('shop_api.3')
    expect(own('shop_web')).toEqual(['shop_web.2', 'shop_web.1', 'shop_web.3'])
    const others = (names: readonly string[]) => names.filter((name) => !isFailing(name))
    expect(others(after)).toEqual(others(before))
    expect(await page.textContent('.row.target:has-text("connection reset") .lasted')).toMatch(
      /^for \d+ s( or longer)?$/,
    )
    await expect.poll(() => page.title(), soon).toBe('2 targets down · demo')
    scene.world.put(healthy(target))
    await expect.poll(() => page.title(), soon).toBe('1 target down · demo')
  })

  test('removed targets disappear, new ones are sorted in', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const { owner, target } = entryOf('weather')
    scene.world.remove(owner, target.id)
    await expect.poll(() => shownTargets(page), soon).not.toContain('weather@node3')
    scene.world.put(healthy({ ...target, name: 'aardvark' }))
    const following = async () => {
      const names = await shownTargets(page)
      return names[names.indexOf('aardvark@node3') + 1]
    }
    await expect.poll(following, soon).toBe('blog_wiki.1')
  })

  test('the page shows when it cannot reach its agent, and recovers', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.route('**/*', (route) => route.abort())
    await page.waitForSelector('#live[data-live="false"]')
    expect(await page.textContent('#live-text')).toBe('the agent cannot be reached')
    expect(await shownTargets(page)).toHaveLength(13)
    await page.unroute('**/*')
    await page.waitForSelector('#live[data-live="true"]')
  })
})

test('clients of the agent are listed, and a warning if nobody scrapes it', async () => {
  await using visited = await visit(browser, scene.url)
  const { page } = visited
  expect(await page.textContent('#clients-warnings')).toMatch(/^Nobody has scraped the agent of node1 since/)
  for (const _ of [1, 2]) await fetch(`${scene.url}sd`, { headers: { 'user-agent': 'Prometheus/3.5.0' } })
  await page.waitForSelector('#clients-list li:has-text("Prometheus/3.5.0")')
  expect(await page.textContent('#clients-list li')).toMatch(
    /^127\.0\.0\.1.*targets, json, every .* m?s\d+ s ago$/,
  )
  // targets alone are no scrape
  expect(await page.textContent('#clients-warnings')).toMatch(/^Nobody has scraped/)
})

describe('help', () => {
  test('shows the first steps where only agents exist, until there is a container', async () => {
    await scene.stop()
    scene = await startScene({ entries: [healthy(ownMetrics('n1')), healthy(ownMetrics('n2'))] })
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.waitForSelector('#first-run')
    expect(await page.textContent('#first-run')).toMatch(
      /networks: \[default, monitor\].*app-metrics-proxy\.port.*http_sd_configs.*"http:\/\/metrics\.example\.org:2137\/sd"/s,
    )
    expect(await axeFindings(page)).toEqual([])
    scene.world.put(healthy(container('n2', 'weather', { kind: 'standalone' })))
    await page.waitForSelector('#first-run', { state: 'hidden' })
  })

  test('opens and closes with its key, and no other key works meanwhile', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    await page.keyboard.press('?')
    await page.waitForSelector('#help:has-text("next and previous target")')
    expect(await axeFindings(page)).toEqual([])
    await page.keyboard.press('/')
    expect(await page.evaluate(() => document.activeElement?.id)).not.toBe('search')
    await page.keyboard.press('?')
    await page.waitForSelector('#help', { state: 'hidden' })
    await page.click('#help-open')
    await page.keyboard.press('Escape')
    await page.waitForSelector('#help', { state: 'hidden' })
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('help-open')
  })
})

describe('for everybody', () => {
  test.each(['light', 'dark'] as const)('axe finds nothing in %s', async (colorScheme) => {
    await using visited = await visit(browser, scene.url, { colorScheme })
    const { page } = visited
    await page.waitForSelector('.row.target')
    expect(await axeFindings(page)).toEqual([])
    await page.click('.name:has-text("weather")')
    await page.waitForSelector('.family')
    expect(await axeFindings(page)).toEqual([])
  })

  test('axe finds nothing on a phone', async () => {
    await using visited = await visit(browser, scene.url, { viewport: { width: 390, height: 844 } })
    await visited.page.waitForSelector('.row.target')
    expect(await axeFindings(visited.page)).toEqual([])
  })

  test('nothing is cut off or scrolls sideways, from a phone to a wall screen', async () => {
    for (const width of [320, 390, 768, 1024, 1280, 1920, 3840]) {
      await using visited = await visit(browser, scene.url, { viewport: { width, height: 900 } })
      const { page } = visited
      await page.waitForSelector('.row.target')
      expect([width, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([width, width])
    }
  })

  test('neither does a target’s details on a phone, nor is the help anywhere but in the middle', async () => {
    await using visited = await visit(browser, urlOf('weather'), { viewport: { width: 390, height: 844 } })
    const { page } = visited
    await page.waitForSelector('.family')
    await page.click('.prometheus summary')
    expect(await page.$eval('#panel', ({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0)
    await page.click('.close')
    await page.keyboard.press('?')
    const { left, right } = await page.$eval('#help', (help) => help.getBoundingClientRect().toJSON())
    expect(left).toBeGreaterThan(0)
    expect(Math.round(left + right)).toBe(390)
  })

  test('no name is cut off and no number broken on a phone', async () => {
    const long = 'node-with-a-very-long-name-0123456789.example.org'
    await scene.stop()
    scene = await startScene({
      entries: smallCluster(),
      cluster: 'a-cluster-with-a-very-long-name.example.org',
      nodes: [nodeView('n1', long, 'self'), nodeView('n2', 'node2', 'up'), nodeView('n3', 'node3', 'up')],
    })
    await using visited = await visit(browser, urlOf('weather'), { viewport: { width: 390, height: 844 } })
    const { page } = visited
    await page.waitForSelector('.family td')
    const cut = await page.$$eval('h1 span, .state-summary, .node *, .name, .count, .chip', (all) =>
      all.filter(
        (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflow === 'hidden',
      ),
    )
    expect(cut).toEqual([])
    expect(await page.isVisible('#theme')).toBe(true)
    const broken = await page.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      const range = document.createRange()
      const found: string[] = []
      for (let node = walker.nextNode(); node; node = walker.nextNode())
        for (const { 0: digits, index } of (node.textContent ?? '').matchAll(/\d+([.,]\d+)*/g)) {
          range.setStart(node, index)
          range.setEnd(node, index + digits.length)
          const tops = [...range.getClientRects()]
            .filter(({ width }) => width > 1)
            .map(({ top }) => Math.round(top))
          if (new Set(tops).size > 1) found.push(node.textContent ?? '')
        }
      return found
    })
    expect(broken.filter((text) => !text.includes(long))).toEqual([])
  })

  test('everything works by keyboard', async () => {
    await using visited = await visit(browser, scene.url)
    const { page } = visited
    const focused = () =>
      page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id)
    await page.keyboard.press('/')
    expect(await focused()).toBe('search')
    await page.keyboard.type('shop')
    await page.keyboard.press('ArrowDown')
    expect(await focused()).toBe('shop_api')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('j')
    expect(await focused()).toContain('.1')
    await page.keyboard.press('k')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#panel-title:has-text("shop_api.3")')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('panel')
    await page.keyboard.press('Escape')
    await page.waitForSelector('#panel', { state: 'hidden' })
    expect(await focused()).toContain('.3')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Enter')
    expect(await page.getAttribute('.toggle:has-text("shop_api")', 'aria-expanded')).toBe('false')
  })

  test('the theme can be selected, and is stored', async () => {
    await using visited = await visit(browser, scene.url, { colorScheme: 'light' })
    const { page } = visited
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await background()
    await page.click('#theme')
    await page.click('#theme')
    expect(await page.textContent('#theme')).toBe('Theme: dark')
    const dark = await background()
    expect(dark).not.toBe(light)
    await page.reload()
    await expect.poll(background).toBe(dark)
  })
})
