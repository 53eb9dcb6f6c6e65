// The product's own image, from its own Dockerfile, built as the README says.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../../src/runtime/version.ts'
import { blockUnder } from '../../helpers/manual.ts'
import { ensureBase } from './base.ts'
import { withEngine } from './builder.ts'
import { cacheFolder, fingerprint, keepRecent, repository } from './cache.ts'
import type { Engine } from './engine.ts'
import { follow } from './follow.ts'
import { run } from './shell.ts'

/** The name that the stack file knows. */
export const productImage = `app-metrics-proxy:${version}`

const builtKept = 4

/** `docker build …`, the first of the commands for a Swarm. */
const [buildCommand = ''] = blockUnder(join(repository, 'README.md'), 'Quick start: Swarm').split('\n')

/** Names the content of all that goes into the image. */
export function productFingerprint(): string {
  const single = [
    'Dockerfile',
    '.dockerignore',
    'package.json',
    'package-lock.json',
    'LICENSE',
    'tools/build.ts',
    'tools/bundling.ts',
  ]
  const sources = readdirSync(join(repository, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return fingerprint([...single.map((name) => join(repository, name)), ...sources], buildCommand)
}

/** Resolves with the image as a file. The builder keeps its layers, so that a change of source costs seconds. */
export async function buildProduct(): Promise<string> {
  const name = `product-${productFingerprint()}.tar`
  const built = join(cacheFolder, name)
  if (!existsSync(built)) {
    await withEngine(join(cacheFolder, 'builder'), async (engine) => {
      await ensureBase(engine, baseOf(join(repository, 'Dockerfile')))
      // the first stage, by a name that keeps its layers for the next time
      await build(
        engine,
        buildCommand.replace(`--tag ${productImage}`, `--target build --tag ${productImage}-build`),
      )
      await build(engine, buildCommand)
      await engine.docker(['save', '--output', `${built}.part`, productImage])
      for (const kind of ['container', 'image']) await engine.docker([kind, 'prune', '--force'])
    })
    await run('mv', [`${built}.part`, built])
  }
  keepRecent('product', name, builtKept)
  return built
}

/** On the machine's network, since the builder has none of its own. */
async function build(engine: Engine, command: string): Promise<void> {
  await follow(engine, command.replace('docker build', '$& --network host'), { cwd: repository })
}

function baseOf(dockerfile: string): string {
  return /^FROM (\S+)/m.exec(readFileSync(dockerfile, 'utf8'))![1]!
}
