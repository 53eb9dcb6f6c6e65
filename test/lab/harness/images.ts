// The images of the lab: made from this machine's own programs, since none can be pulled; kept between runs.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { importImage, withEngine } from './builder.ts'
import { cacheFolder, fingerprint, keepRecent, locked } from './cache.ts'
import { shareImages } from './engine.ts'
import { buildProduct, productFingerprint } from './product.ts'
import { run } from './shell.ts'

/** busybox and the kinds of application in `images/app`: `app PORT=KIND…`. */
export const appImage = 'lab/app:1'
/** Debian's node_exporter, on port 9100. */
export const nodeExporterImage = 'lab/node-exporter:1'

const appFolder = join(import.meta.dirname, 'images', 'app')
const busybox = '/bin/busybox'
const nodeExporter = '/usr/bin/prometheus-node-exporter'
/** How many sets are kept: one for each of a few checkouts that are tested in turns. */
const setsKept = 6

/** The data root of an engine that has the lab's images, and the product's own if asked for. Made when missing. */
export async function preparedImages(withProduct: boolean): Promise<string> {
  const own = readdirSync(appFolder).map((name) => join(appFolder, name))
  const version = await run('dpkg-query', [
    '--show',
    'busybox-static',
    'prometheus-node-exporter',
    'docker.io',
  ])
  const name = `images-${fingerprint(own, version, withProduct ? productFingerprint() : '')}`
  const ready = join(cacheFolder, name)
  return locked('images', async () => {
    if (!existsSync(ready)) await makeImages(ready, withProduct)
    keepRecent('images', name, setsKept)
    return ready
  })
}

async function makeImages(ready: string, withProduct: boolean): Promise<void> {
  const product = withProduct ? await buildProduct() : undefined
  const folder = mkdtempSync(join(cacheFolder, 'making-'))
  try {
    await withEngine(folder, async (engine) => {
      await importImage(engine, appImage, appRoot, ['CMD ["app", "8080=metrics"]'])
      await importImage(engine, nodeExporterImage, nodeExporterRoot, ['ENTRYPOINT ["/bin/node_exporter"]'])
      if (product) await engine.docker(['load', '--input', product])
    })
    await shareImages(join(folder, 'data'), join(folder, 'images'))
    renameSync(join(folder, 'images'), ready)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function appRoot(root: string): Promise<void> {
  for (const folder of ['bin', 'tmp']) mkdirSync(join(root, folder))
  cpSync(busybox, join(root, 'bin/busybox'))
  for (const applet of (await run(busybox, ['--list'])).split('\n').filter((name) => name !== 'busybox'))
    symlinkSync('busybox', join(root, 'bin', applet))
  cpSync(appFolder, join(root, 'app'), { recursive: true })
  symlinkSync('/app/app', join(root, 'bin/app'))
}

async function nodeExporterRoot(root: string): Promise<void> {
  await copyProgram(nodeExporter, join(root, 'bin/node_exporter'))
  for (const library of await librariesOf(nodeExporter)) await copyProgram(library, join(root, library))
}

/** Every shared library of a program, the loader included. */
async function librariesOf(program: string): Promise<string[]> {
  const listed = await run('ldd', [program])
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map((found) => found[1]!)
}

async function copyProgram(from: string, to: string): Promise<void> {
  mkdirSync(dirname(to), { recursive: true })
  await run('cp', ['--dereference', from, join(dirname(to), basename(to))])
}
