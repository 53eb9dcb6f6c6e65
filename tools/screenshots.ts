// Makes the pictures of the README from the demo: docs/images/*.png. With a folder as argument, pictures to look at
// instead: clusters of all sizes and states on a phone, a desktop and a wall screen, light and dark. Needs
// chromium-headless-shell and, to look as on most machines, the fonts Inter and JetBrains Mono (Debian: fonts-inter,
// fonts-jetbrains-mono).

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Browser, chromium } from 'playwright-core'
import type { Status } from '../src/status/shape.ts'
import { largeCluster, smallCluster } from '../test/browser/cluster.ts'
import { failing, healthy, nodeView, ownMetrics, type Scene, startScene } from '../test/helpers/scene.ts'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'docs/images')
const agent = 'http://127.0.0.1:2137/'
/** So many scrapes make a history to be seen. */
const scrapes = 12
const patience = 120_000

interface Picture {
  readonly file: string
  readonly width: number
  readonly height: number
  readonly colorScheme: 'light' | 'dark'
  /** The name of a target whose details are open. */
  readonly target?: string
}

const pictures: readonly Picture[] = [
  { file: 'status.png', width: 1280, height: 760, colorScheme: 'light' },
  { file: 'status-dark.png', width: 1280, height: 760, colorScheme: 'dark' },
  { file: 'details.png', width: 1280, height: 900, colorScheme: 'light', target: 'shop' },
  { file: 'phone.png', width: 390, height: 844, colorScheme: 'dark' },
]

async function ask(): Promise<Status> {
  const response = await fetch(agent, { headers: { accept: 'application/json' } })
  return (await response.json()) as Status
}

async function untilThereIsHistory(): Promise<Status> {
  const end = performance.now() + patience
  while (performance.now() < end) {
    const status = await ask().catch(() => undefined)
    const scraped = status?.targets.filter(({ state }) => state === 'up') ?? []
    if (status && scraped.length >= 7 && scraped.every(({ history }) => history.length >= scrapes))
      return status
    await pause(500)
  }
  throw new Error('the demo shows no history')
}

async function take(browser: Browser, picture: Picture, { targets }: Status): Promise<void> {
  const { file, width, height, colorScheme, target } = picture
  const page = await browser.newPage({ viewport: { width, height }, colorScheme })
  const key = targets.find(({ name }) => name === target)?.key
  await page.goto(key === undefined ? agent : `${agent}?${new URLSearchParams({ target: key })}`)
  await page.waitForSelector(key === undefined ? '.row.target' : '.family')
  await page.waitForSelector('#live[data-live="true"]')
  await page.screenshot({ path: join(folder, file), animations: 'disabled' })
  await page.close()
}

/** What to look at: an agent's page, of a cluster that has not been deployed to yet, to one that is all down. */
const scenes: Readonly<Record<string, () => Promise<Scene>>> = {
  empty: () => startScene({ entries: ['n1', 'n2', 'n3'].map((node) => healthy(ownMetrics(node))) }),
  eight: () => startScene({ entries: smallCluster().slice(0, 8) }),
  large: () => startScene({ entries: largeCluster(2000), nodes: manyNodes(30) }),
  failing: () =>
    startScene({
      entries: largeCluster(2000).map(({ target }) => failing(target)),
      nodes: manyNodes(30, 'lost'),
    }),
}

function manyNodes(count: number, others: 'up' | 'lost' = 'up') {
  return Array.from({ length: count }, (_, at) =>
    nodeView(`n${at + 1}`, `node${at + 1}`, at === 0 ? 'self' : at % 7 === 1 ? others : 'up', {}, 0.5),
  )
}

const screens = { phone: [390, 844], desktop: [1440, 900], wall: [3840, 2160] } as const
const views = {
  page: '',
  details: 'target',
  help: '',
  docs: '-/docs/OPERATIONS.md',
  index: '-/docs/',
} as const

async function look(browser: Browser, into: string): Promise<void> {
  for (const [name, start] of Object.entries(scenes)) {
    const scene = await start()
    const [entry] = scene.world.entries()
    const key = new URLSearchParams({ target: `${entry?.owner}/${entry?.target.id}` })
    for (const [screen, [width, height]] of Object.entries(screens))
      for (const colorScheme of ['light', 'dark'] as const)
        for (const [view, path] of Object.entries(views)) {
          if (view !== 'page' && name !== 'eight') continue
          const page = await browser.newPage({ viewport: { width, height }, colorScheme })
          await page.goto(`${scene.url}${path === 'target' ? `?${key}` : path}`)
          if (!path.startsWith('-')) await page.waitForSelector('#live[data-live="true"]')
          if (view === 'details') await page.waitForSelector('.family')
          if (view === 'help') await page.click('#help-open')
          const file = `${name}-${view}-${screen}-${colorScheme}.png`
          await page.screenshot({ path: join(into, file), animations: 'disabled' })
          await page.close()
        }
    await scene.stop()
  }
}

async function takeAll(browser: Browser): Promise<void> {
  const demo = spawn(process.execPath, ['tools/demo.ts'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    const status = await untilThereIsHistory()
    for (const picture of pictures) await take(browser, picture, status)
  } finally {
    demo.kill('SIGTERM')
  }
}

const into = process.argv[2]
mkdirSync(into ?? folder, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
})
try {
  await (into === undefined ? takeAll(browser) : look(browser, into))
} finally {
  await browser.close()
}
