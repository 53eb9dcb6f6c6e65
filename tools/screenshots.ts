// Makes the pictures of the README from the demo: docs/images/*.png. Needs chromium-headless-shell and, to look
// as on most machines, the fonts Inter and JetBrains Mono (Debian: fonts-inter, fonts-jetbrains-mono).

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Browser, chromium } from 'playwright-core'
import type { Status } from '../src/status/shape.ts'

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

mkdirSync(folder, { recursive: true })
const demo = spawn(process.execPath, ['tools/demo.ts'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
})
try {
  const status = await untilThereIsHistory()
  for (const picture of pictures) await take(browser, picture, status)
} finally {
  await browser.close()
  demo.kill('SIGTERM')
}
