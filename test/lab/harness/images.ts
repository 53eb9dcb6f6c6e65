// The images of the lab: made from this machine's own programs, since none can be pulled; kept between runs.

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { importImage, withEngine } from './builder.ts'
import { cacheFolder, fingerprint, keepRecent, locked, removeHalfMade } from './cache.ts'
import { type Engine, shareImages } from './engine.ts'
import { buildProduct, productFingerprint } from './product.ts'
import { run } from './shell.ts'

/** busybox and the kinds of application in `images/app`: `app PORT=KIND…`. */
export const appImage = 'lab/app:1'
/** Debian's node_exporter, on port 9100. */
export const nodeExporterImage = 'lab/node-exporter:1'
/** Debian's nginx and a shell, as the guard of the hardened stack needs them. */
export const nginxImage = 'lab/nginx:1'

const appFolder = join(import.meta.dirname, 'images', 'app')
const busybox = '/bin/busybox'
const nodeExporter = '/usr/bin/prometheus-node-exporter'
const nginx = '/usr/sbin/nginx'
/** How many sets are kept: one for each of a few checkouts that are tested in turns. */
const setsKept = 12

/** The data root of an engine that has the lab's images, and the product's own if wanted. Made when missing. */
export async function preparedImages(withProduct: boolean): Promise<string> {
  const own = readdirSync(appFolder).map((name) => join(appFolder, name))
  const packages = ['busybox-static', 'prometheus-node-exporter', 'nginx-light', 'docker.io']
  const versions = await run('dpkg-query', ['--show', ...packages])
  const name = `images-${fingerprint([import.meta.filename, ...own], versions, withProduct ? productFingerprint() : '')}`
  return preparedSet(name, async (folder) => {
    const product = withProduct ? await buildProduct() : undefined
    await withEngine(folder, async (engine) => {
      await importAppImage(engine)
      await importImage(engine, nodeExporterImage, nodeExporterRoot, ['ENTRYPOINT ["/bin/node_exporter"]'])
      await importImage(engine, nginxImage, nginxRoot, ['CMD ["nginx"]'])
      if (product) await engine.docker(['load', '--input', product])
    })
  })
}

/** A set of images of this name; where it is missing, an engine fills it in the folder that `fill` is given. */
export async function preparedSet(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const ready = join(cacheFolder, name)
  if (!existsSync(ready))
    await locked('images', async () => {
      if (!existsSync(ready)) await makeSet(ready, fill)
    })
  keepRecent('images', name, setsKept)
  return ready
}

async function makeSet(ready: string, fill: (folder: string) => Promise<void>): Promise<void> {
  removeHalfMade()
  const folder = mkdtempSync(join(cacheFolder, 'making-'))
  try {
    await fill(folder)
    await shareImages(join(folder, 'data'), join(folder, 'images'))
    renameSync(join(folder, 'images'), ready)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const importAppImage = (engine: Pick<Engine, 'docker'>) =>
  importImage(engine, appImage, appRoot, ['CMD ["app", "8080=metrics"]'])

async function appRoot(root: string): Promise<void> {
  await busyboxRoot(root)
  mkdirSync(join(root, 'tmp'))
  cpSync(appFolder, join(root, 'app'), { recursive: true })
  symlinkSync('/app/app', join(root, 'bin/app'))
}

export async function busyboxRoot(root: string): Promise<void> {
  mkdirSync(join(root, 'bin'))
  cpSync(busybox, join(root, 'bin/busybox'))
  for (const applet of (await run(busybox, ['--list'])).split('\n').filter((name) => name !== 'busybox'))
    symlinkSync('busybox', join(root, 'bin', applet))
}

async function nodeExporterRoot(root: string): Promise<void> {
  await copyProgram(nodeExporter, root, 'bin/node_exporter')
}

async function nginxRoot(root: string): Promise<void> {
  await busyboxRoot(root)
  for (const folder of ['etc', 'var/log/nginx']) mkdirSync(join(root, folder), { recursive: true })
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n')
  await copyProgram(nginx, root, 'bin/nginx')
}

/** A program of this machine, with every shared library that it names. */
export async function copyProgram(program: string, root: string, to: string): Promise<void> {
  const listed = await run('ldd', [program])
  const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].map((found) => found[1]!)
  for (const [from, place] of [
    [program, to],
    ...libraries.map((library) => [library, library] as const),
  ] as const) {
    mkdirSync(dirname(join(root, place)), { recursive: true })
    copyFileSync(from, join(root, place))
  }
}
