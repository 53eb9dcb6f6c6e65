// The application of histograms.go, built with Debian's current Go and Prometheus' client library for it.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackedAt } from '../../helpers/debian.ts'
import { type Program, startProgram } from './process.ts'

const execute = promisify(execFile)

const [compiler, standardLibrary] = ['golang-1.27-go', 'golang-1.27-src'] as const
const libraries = [
  ...['golang-github-prometheus-client-golang-dev', 'golang-github-prometheus-client-model-dev'],
  ...['golang-github-prometheus-common-dev', 'golang-github-prometheus-procfs-dev'],
  ...['golang-github-beorn7-perks-dev', 'golang-github-cespare-xxhash-v2-dev'],
  ...['golang-github-klauspost-compress-dev', 'golang-github-munnerz-goautoneg-dev'],
  ...['golang-golang-x-sys-dev', 'golang-google-protobuf-dev'],
]

/** Debian's packages that building takes. */
export const goPackages: readonly string[] = [compiler, standardLibrary, ...libraries]

const cache = join(unpackedAt(compiler), '..')

export interface GoApplications {
  start(): Promise<Program>
  remove(): Promise<void>
}

/** Takes a minute the first time; the compiler's cache is beside the packages. */
export async function buildGoApplication(): Promise<GoApplications> {
  const folder = await mkdtemp(join(tmpdir(), 'go-'))
  const program = join(folder, 'histograms')
  const source = join(import.meta.dirname, 'histograms.go')
  const goRoot = await joinedRoot()
  await execute(join(goRoot, 'bin/go'), ['build', '-o', program, source], {
    env: {
      PATH: process.env.PATH,
      GOROOT: goRoot,
      GOPATH: libraries.map((name) => join(unpackedAt(name), 'usr/share/gocode')).join(':'),
      GOCACHE: join(cache, '.go-build'),
      GO111MODULE: 'off',
      GOTOOLCHAIN: 'local',
      CGO_ENABLED: '0',
    },
  })
  return {
    start: () =>
      startProgram(program, (_, listen) => ({
        args: [`--web.listen-address=${listen}`],
        ready: '/metrics',
      })),
    remove: () => rm(folder, { recursive: true }),
  }
}

/**
 * The compiler and the standard library as one tree, which their links expect: at one place, since what the compiler's
 * cache holds depends on it.
 */
async function joinedRoot(): Promise<string> {
  const joined = join(cache, '.go')
  if (!existsSync(joined)) {
    const work = await mkdtemp(join(cache, '.joining-'))
    for (const name of [compiler, standardLibrary])
      await execute('cp', ['--archive', '--link', `${unpackedAt(name)}/.`, work])
    // another process may have been first
    await rename(work, joined).catch(() => rm(work, { recursive: true }))
  }
  return join(joined, 'usr/lib/go-1.27')
}
