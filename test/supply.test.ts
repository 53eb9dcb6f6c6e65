// What the product is built from: little, of known licences, in exact versions, without programs that run when it
// is installed, each with its reason in the documentation, and all of it in the list that lies in the image.

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { scaled } from './helpers/limits.ts'

vi.setConfig({ testTimeout: scaled(60_000) })

/** Each lets anybody use, change and pass on the product under its own licence. */
const allowed = [
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'Unlicense',
  'BlueOak-1.0.0',
]

interface Locked {
  readonly version: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
}

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'))
const manifest = json('package.json')
const locked = Object.entries(json('package-lock.json').packages as Record<string, Locked>).filter(
  ([path]) => path !== '',
)
/** What is needed to run. */
const production = locked.filter(([, { dev, devOptional }]) => !dev && !devOptional)

/** In the words of a package's own manifest, old forms included. */
function licenceOf(path: string): string {
  const { license, licenses } = json(join(path, 'package.json'))
  return (
    license?.type ?? license ?? licenses?.map(({ type }: { type: string }) => type).join(' AND ') ?? 'none'
  )
}

test('every package that goes into the product has a licence that we allow', () => {
  const installed = production.filter(([path]) => existsSync(path))
  expect(installed.length).toBeGreaterThan(50)
  const others = installed
    .map(([path]) => [path, licenceOf(path)] as const)
    .filter(([, licence]) => !allowed.includes(licence))
  expect(others).toEqual([])
})

test('versions are exact, and what is downloaded must have the known hash', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  const named = { ...dependencies, ...devDependencies, ...optionalDependencies }
  const loose = Object.entries(named).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))
  expect(loose).toEqual([])
  for (const [name, version] of Object.entries(named))
    expect(locked.find(([path]) => path === `node_modules/${name}`)?.[1].version, name).toBe(version)
  expect(production.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([])
})

test('nothing that is installed may run a program of its own', () => {
  expect(readFileSync('.npmrc', 'utf8')).toMatch(/^ignore-scripts=true$/m)
  expect(readFileSync('Dockerfile', 'utf8')).toMatch(/^COPY package.json package-lock.json .npmrc /m)
})

test('each dependency has its reason in the documentation, and no other has', () => {
  const [, table] = readFileSync('docs/SECURITY-MODEL.md', 'utf8').split('## What it is built from')
  const rows = [...table!.matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)].slice(2)
  const words = rows
    .flatMap(([, names]) => names!.match(/@?[a-z][\w/*-]*/g) ?? [])
    .filter((word) => word !== 'with')
  const isNamed = (name: string) =>
    words.some((word) => (word.endsWith('/*') ? name.startsWith(word.slice(0, -1)) : word === name))
  const dependencies = Object.keys(manifest.dependencies)
  expect(dependencies.filter((name) => !isNamed(name))).toEqual([])
  expect(words.filter((word) => !word.endsWith('/*') && !dependencies.includes(word))).toEqual([])
})

test('the list in the image names every package that is needed to run', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8')
  // npm leaves out of the list what a development package merely may use as well, unless that one is gone
  const [, drop, list] = /(npm pkg delete .+?) \\\n && npm prune \\\n && (npm sbom .+?) >/.exec(dockerfile)!
  const needed = production.filter(([, { optional }]) => !optional)
  const folder = mkdtempSync(join(tmpdir(), 'supply-'))
  try {
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(file, join(folder, file))
    for (const [path] of needed) {
      mkdirSync(join(folder, path), { recursive: true })
      copyFileSync(join(path, 'package.json'), join(folder, path, 'package.json'))
    }
    const printed = execFileSync('sh', ['-c', `${drop} && ${list}`], { cwd: folder, encoding: 'utf8' })
    const { packages } = JSON.parse(printed)
    const listed = new Set(packages.map(({ name, versionInfo }: Listed) => `${name}@${versionInfo}`))
    const names = needed.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`)
    expect(names.filter((one) => !listed.has(one))).toEqual([])
    expect(listed.size).toBe(new Set(names).size + 1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

interface Listed {
  readonly name: string
  readonly versionInfo: string
}

test('what the image is built with is given to its builder', () => {
  const needed = ['tools/build.ts', ...importedBy('tools/build.ts')]
  expect(needed).toContain('tools/bundling.ts')
  const copied = [...readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--)(.+) \S+$/gm)]
  const names = copied.flatMap(([, names]) => names!.split(' '))
  const sent = readFileSync('.dockerignore', 'utf8').split('\n')
  expect(needed.filter((file) => !names.includes(file) || !sent.includes(`!${file}`))).toEqual([])
})

/** The files of this repository that a script imports, and those that they import. */
function importedBy(file: string): readonly string[] {
  const own = [...readFileSync(file, 'utf8').matchAll(/^import .*from '(\.[^']+)'/gm)]
  return own.map(([, path]) => join(dirname(file), path!)).flatMap((one) => [one, ...importedBy(one)])
}
