// The base image that the Dockerfile names can't be pulled here: one like it, under the same name, is made of
// Debian's packages and the node that npm brought.

import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { scaled } from '../../helpers/limits.ts'
import { importImage } from './builder.ts'
import { fingerprint } from './cache.ts'
import type { Engine } from './engine.ts'
import { run } from './shell.ts'

const certificates = '/etc/ssl/certs/ca-certificates.crt'
const nodeManifest = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`)
const nodePackage = dirname(nodeManifest)

/** Makes the base unless the engine has it, made by this recipe. */
export async function ensureBase(engine: Engine, tag: string): Promise<void> {
  const recipe = fingerprint([import.meta.filename, nodeManifest])
  const present = await engine.docker(['images', '--quiet', '--filter', `label=recipe=${recipe}`, tag])
  if (present) return
  await importImage(engine, tag, baseRoot, [
    `LABEL recipe=${recipe}`,
    `ENV NODE_EXTRA_CA_CERTS=${certificates}`,
    `ENV npm_config_registry=${await run('npm', ['config', 'get', 'registry'])}`,
    'CMD ["node"]',
  ])
}

async function baseRoot(root: string): Promise<void> {
  const debootstrap = [
    '--variant=minbase',
    '--include=libstdc++6',
    'bookworm',
    root,
    ...(await debianMirror()),
  ]
  await run('debootstrap', debootstrap, { timeout: scaled(600_000) })
  await run('rm', ['-rf', join(root, 'var/cache/apt'), join(root, 'var/lib/apt/lists')])
  cpSync(certificates, join(root, certificates))
  cpSync(join(nodePackage, 'bin/node'), join(root, 'usr/local/bin/node'))
  cpSync(join(nodePackage, 'LICENSE'), join(root, 'usr/local/LICENSE'))
  const npm = dirname(dirname((await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])).trim()))
  mkdirSync(join(root, 'usr/local/lib/node_modules'), { recursive: true })
  cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true, dereference: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
}

/** Where this machine itself gets its packages; nothing: debootstrap knows a place of its own. */
async function debianMirror(): Promise<readonly string[]> {
  const sites = await run('apt-get', [
    'indextargets',
    '--format',
    '$(SITE) $(RELEASE)',
    'Created-By: Packages',
  ])
  return /^(\S+) bookworm$/m.exec(sites)?.slice(1) ?? []
}
