// What a reader of the documentation meets: each relative link leads somewhere, down to the heading, each picture is
// there, and each block fits on a page.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { blocksOf } from './helpers/manual.ts'

const pages = [
  ...readdirSync('.'),
  ...['deploy', 'docs', 'test/fixtures'].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => `${folder}/${name}`),
  ),
].filter((name) => name.endsWith('.md'))

/** What is neither a block nor code within a line. */
const proseOf = (page: string) =>
  readFileSync(page, 'utf8')
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))

/** As GitHub names headings: lower case, letters, digits, dashes for spaces; a second one of a name gets a number. */
function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const titles = readFileSync(page, 'utf8')
    .replaceAll(/^```.*?^```$/gms, '')
    .matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...titles].map(([, title]) => {
      const name = title!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-')
      const times = seen.get(name) ?? 0
      seen.set(name, times + 1)
      return times === 0 ? name : `${name}-${times}`
    }),
  )
}

function linksOf(page: string): readonly string[] {
  const prose = proseOf(page)
  const written = [
    ...prose.matchAll(/\]\(([^()\s]+)\)/g),
    ...prose.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g),
  ]
  return written.map(([, to]) => to!).filter((to) => !/^[a-z]+:/.test(to))
}

/** Why a link leads nowhere. */
function wrongWith(page: string, link: string): string | undefined {
  const [path, anchor] = link.split('#') as [string, string?]
  const file = path === '' ? page : normalize(join(dirname(page), decodeURI(path)))
  if (!existsSync(file)) return `${file} isn't there`
  if (anchor === undefined) return undefined
  if (statSync(file).isDirectory() || !file.endsWith('.md')) return `${file} has no headings`
  return anchorsOf(file).has(anchor) ? undefined : `${file} has no heading ${anchor}`
}

test.each(pages)('the links of %s', (page) => {
  const wrong = linksOf(page).flatMap((link) => wrongWith(page, link) ?? [])
  expect(wrong).toEqual([])
})

test('there are links to check', () => {
  const links = pages.flatMap((page) => linksOf(page))
  expect(links.length).toBeGreaterThan(60)
  expect(links.filter((link) => link.includes('#')).length).toBeGreaterThan(5)
  expect(linksOf('README.md')).toContain('docs/images/status.png')
})

test('each picture is on a page', () => {
  const linked = new Set(
    pages.flatMap((page) => linksOf(page).map((link) => normalize(join(dirname(page), link)))),
  )
  expect(readdirSync('docs/images').filter((name) => !linked.has(`docs/images/${name}`))).toEqual([])
})

test('a link that leads nowhere is found', () => {
  expect(wrongWith('README.md', 'docs/NONE.md')).toBe("docs/NONE.md isn't there")
  expect(wrongWith('docs/HTTP.md', '../README.md#the-garden')).toBe('README.md has no heading the-garden')
  expect(wrongWith('docs/HTTP.md', '../README.md#alternatives')).toBeUndefined()
})

/** In letters, as wide as the hosting site shows them. */
const width = 104

test.each(pages)('the blocks of %s', (page) => {
  const lines = blocksOf(page).flatMap(({ text }) => text.split('\n'))
  expect(lines.filter((line) => line.length > width)).toEqual([])
})
