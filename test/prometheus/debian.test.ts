// Against a small repository on disk, which apt reads and verifies like any other.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { fetchPackages, unpackedAt } from '../helpers/debian.ts'

const execute = promisify(execFile)
const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex')

let folder: string
let machineConfig: string
let keyring: string
let strangers: string
let printed = ''
const print = (text: string) => {
  printed += text
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'debian-'))
  // apt's own user reads the repository
  await execute('chmod', ['755', folder])
  keyring = await createKey('maintainer')
  strangers = await createKey('stranger')
  await createRepository()
  const sources = join(folder, 'machine.list')
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(await readFile('/etc/os-release', 'utf8'))![1]
  await writeFile(
    sources,
    `deb file:${folder} ${codename}-security main\ndeb file:${folder} ${codename} main\n`,
  )
  machineConfig = await configure('machine', sources)
})
beforeEach(async () => {
  vi.stubEnv('APT_CONFIG', machineConfig)
  vi.stubEnv('XDG_CACHE_HOME', await mkdtemp(join(folder, 'cache-')))
  printed = ''
})
afterAll(async () => {
  vi.unstubAllEnvs()
  for (const name of ['maintainer', 'stranger'])
    await execute('gpgconf', ['--homedir', join(folder, name), '--kill', 'all'])
  await rm(folder, { recursive: true })
})

/** A configuration of apt with these sources alone. */
async function configure(name: string, sources: string): Promise<string> {
  const file = join(folder, `${name}.conf`)
  await writeFile(file, `Dir::Etc::sourcelist "${sources}";\nDir::Etc::sourceparts "/dev/null";\n`)
  return file
}

async function gpg(name: string, ...args: readonly string[]): Promise<void> {
  const home = join(folder, name)
  await mkdir(home, { recursive: true, mode: 0o700 })
  await execute('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...args])
}

async function createKey(name: string): Promise<string> {
  const file = join(folder, `${name}.gpg`)
  await gpg(name, '--quick-generate-key', name, 'ed25519', 'sign')
  await gpg(name, '--output', file, '--export')
  return file
}

async function createRepository(): Promise<void> {
  const release = basename(join(unpackedAt('any'), '..')).replace('debian-', '')
  const { stdout } = await execute('dpkg', ['--print-architecture'])
  const architecture = stdout.trim()
  const index = `main/binary-${architecture}/Packages`
  const dist = join(folder, 'dists', release)
  await mkdir(join(dist, index, '..'), { recursive: true })
  const entries = await Promise.all(['demo', 'demo-tool'].map((name) => createPackage(name, architecture)))
  const packages = entries.join('\n')
  await writeFile(join(dist, index), packages)
  await writeFile(
    join(dist, 'Release'),
    `Suite: ${release}\nCodename: ${release}\nArchitectures: ${architecture}\nComponents: main\n` +
      `Date: ${new Date().toUTCString()}\nSHA256:\n ${sha256(packages)} ${packages.length} ${index}\n`,
  )
  await gpg('maintainer', '--output', join(dist, 'InRelease'), '--clearsign', join(dist, 'Release'))
}

/** Resolves with its entry in the index. */
async function createPackage(name: string, architecture: string): Promise<string> {
  const root = join(folder, 'build', name)
  await mkdir(join(root, 'DEBIAN'), { recursive: true })
  await mkdir(join(root, 'usr/bin'), { recursive: true })
  await writeFile(join(root, 'usr/bin', name), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 })
  const control = `Package: ${name}\nVersion: 1:2.0~rc1\nArchitecture: ${architecture}\nMaintainer: none <none@example.org>\nDescription: a test\n`
  await writeFile(join(root, 'DEBIAN/control'), control)
  const file = join(folder, `${name}.deb`)
  await execute('dpkg-deb', ['--root-owner-group', '--build', root, file])
  const deb = await readFile(file)
  return `${control}Filename: ${name}.deb\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\n`
}

const run = async (name: string) =>
  (await execute(join(unpackedAt(name), 'usr/bin', name), { encoding: 'utf8' })).stdout.trim()

test('unpacks what is missing, with one line that says so, and leaves nothing else behind', async () => {
  await fetchPackages(['demo', 'demo-tool', 'demo'], { print, keyring })
  expect(await Promise.all(['demo', 'demo-tool'].map(run))).toEqual(['demo', 'demo-tool'])
  expect(printed).toMatch(/^fetching Debian \w+'s demo, demo-tool … \d+\.\d s\n$/)
  expect((await readdir(join(unpackedAt('demo'), '..'))).toSorted()).toEqual(['demo', 'demo-tool'])
})

test('uses again what is there, without a word or a source', async () => {
  await fetchPackages(['demo'], { print, keyring })
  const { ino } = await stat(unpackedAt('demo'))
  printed = ''
  await fetchPackages(['demo'], { print, keyring: '/nonexistent' })
  expect((await stat(unpackedAt('demo'))).ino).toBe(ino)
  expect(printed).toBe('')
})

test('at the same time as others: all find the whole package', async () => {
  const fetching = Array.from({ length: 4 }, async () => {
    await fetchPackages(['demo', 'demo-tool'], { print, keyring })
    return Promise.all(['demo', 'demo-tool'].map(run))
  })
  expect(new Set((await Promise.all(fetching)).map(String))).toEqual(new Set(['demo,demo-tool']))
  expect((await readdir(join(unpackedAt('demo'), '..'))).toSorted()).toEqual(['demo', 'demo-tool'])
})

test('refuses what another key has signed', async () => {
  await expect(fetchPackages(['demo'], { print, keyring: strangers })).rejects.toThrow(
    /^Debian \w+'s demo can't be fetched: .*(not signed|NO_PUBKEY|signature)/i,
  )
  expect(await readdir(join(unpackedAt('demo'), '..'))).toEqual([])
})

test('names a package that is not to be had, and keeps nothing of it', async () => {
  await expect(fetchPackages(['demo', 'no-such'], { print, keyring })).rejects.toThrow(
    /^Debian \w+'s demo, no-such can't be fetched: Unable to locate package no-such$/,
  )
  expect(printed).toMatch(/failed\n$/)
  expect(await readdir(join(unpackedAt('demo'), '..'))).toEqual([])
})

test('says that the machine has no source of Debian', async () => {
  vi.stubEnv('APT_CONFIG', await configure('none', '/dev/null'))
  await expect(fetchPackages(['demo'], { print, keyring })).rejects.toThrow(/apt has no source for main of/)
})
