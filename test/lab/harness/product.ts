// The product's own image, from its own Dockerfile. The base image that the Dockerfile names can't be pulled
// here: one like it, under the same name, is made of Debian's packages and the node that npm brought.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { importImage, withEngine } from './builder.ts'
import { cacheFolder, fingerprint, keepRecent } from './cache.ts'
import type { Engine } from './engine.ts'
import { run } from './shell.ts'

export const productImage = 'app-metrics-proxy:lab'

const repository = join(import.meta.dirname, '../../..')
const certificates = '/etc/ssl/certs/ca-certificates.crt'
const builtKept = 4

/** Names the content of all that goes into the image. */
export function productFingerprint(): string {
  const single = [
    'Dockerfile',
    '.dockerignore',
    'package.json',
    'package-lock.json',
    'LICENSE',
    'tools/build.ts',
  ]
  const sources = readdirSync(join(repository, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return fingerprint([...single.map((name) => join(repository, name)), ...sources])
}

/** Resolves with the image as a file. The builder keeps its layers, so that a change of source costs seconds. */
export async function buildProduct(): Promise<string> {
  const name = `product-${productFingerprint()}.tar`
  const built = join(cacheFolder, name)
  if (!existsSync(built)) {
    await withEngine(join(cacheFolder, 'builder'), async (engine) => {
      await ensureBase(engine)
      await build(engine, ['--target', 'build', '--tag', `${productImage}-build`])
      await build(engine, ['--tag', productImage])
      await engine.docker(['save', '--output', `${built}.part`, productImage])
      await engine.docker(['image', 'prune', '--force'])
    })
    await run('mv', [`${built}.part`, built])
  }
  keepRecent('product', name, builtKept)
  return built
}

/** With the builder that every engine has. */
async function build(engine: Engine, flags: readonly string[]): Promise<void> {
  const env = { DOCKER_BUILDKIT: '0' }
  await engine.docker(['build', '--network', 'host', ...flags, repository], { env, timeout: 600_000 })
}

async function ensureBase(engine: Engine): Promise<void> {
  const base = /^FROM (\S+)/m.exec(readFileSync(join(repository, 'Dockerfile'), 'utf8'))![1]!
  const present = await engine.docker(['images', '--quiet', base])
  if (present) return
  await importImage(engine, base, baseRoot, [
    `ENV NODE_EXTRA_CA_CERTS=${certificates}`,
    `ENV npm_config_registry=${await run('npm', ['config', 'get', 'registry'])}`,
    'CMD ["node"]',
  ])
}

async function baseRoot(root: string): Promise<void> {
  const debootstrap = ['--variant=minbase', '--include=libstdc++6', 'bookworm', root, await debianMirror()]
  await run('debootstrap', debootstrap, { timeout: 600_000 })
  await run('rm', ['-rf', join(root, 'var/cache/apt'), join(root, 'var/lib/apt/lists')])
  cpSync(certificates, join(root, certificates))
  const node = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`)
  cpSync(join(dirname(node), 'bin/node'), join(root, 'usr/local/bin/node'))
  const npm = dirname(dirname((await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])).trim()))
  mkdirSync(join(root, 'usr/local/lib/node_modules'), { recursive: true })
  cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true, dereference: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
}

/** Where this machine itself gets its packages. */
async function debianMirror(): Promise<string> {
  const sites = await run('apt-get', [
    'indextargets',
    '--format',
    '$(SITE) $(RELEASE)',
    'Created-By: Packages',
  ])
  return /^(\S+) bookworm$/m.exec(sites)?.[1] ?? ""
}
