// The product's own image, from its own Dockerfile.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBase } from './base.ts'
import { withEngine } from './builder.ts'
import { cacheFolder, fingerprint, keepRecent, repository } from './cache.ts'
import type { Engine } from './engine.ts'
import { run } from './shell.ts'

export const productImage = 'app-metrics-proxy:lab'

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
      await ensureBase(engine, baseOf(join(repository, 'Dockerfile')))
      await build(engine, ['--target', 'build', '--tag', `${productImage}-build`])
      await build(engine, ['--tag', productImage])
      await engine.docker(['save', '--output', `${built}.part`, productImage])
      for (const kind of ['container', 'image']) await engine.docker([kind, 'prune', '--force'])
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

function baseOf(dockerfile: string): string {
  return /^FROM (\S+)/m.exec(readFileSync(dockerfile, 'utf8'))![1]!
}
