// An engine to build and load images with.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { type Engine, engineOf } from './engine.ts'
import { startNamespace } from './namespace.ts'
import { run } from './shell.ts'

/** Runs `work` with an engine on the machine's own network, of which it changes nothing. */
export async function withEngine(folder: string, work: (engine: Engine) => Promise<void>): Promise<void> {
  const namespace = await startNamespace({ hostname: 'builder', network: 'shared' })
  try {
    const flags = ['--bridge', 'none', '--iptables=false', '--ip-forward=false']
    const engine = engineOf({ namespace, folder, cgroup: `amp-builder-${process.pid}`, flags })
    await engine.start()
    // What it has built so far shall count even if the rest fails.
    await work(engine).finally(() => engine.halt('TERM'))
  } finally {
    await namespace.stop()
  }
}

/** Makes an image of what `fill` puts into a folder. */
export async function importImage(
  engine: Pick<Engine, 'docker'>,
  tag: string,
  fill: (root: string) => Promise<void>,
  changes: readonly string[],
): Promise<void> {
  const folder = mkdtempSync(join(cacheFolder, 'making-'))
  const root = join(folder, 'root')
  try {
    await run('mkdir', ['--mode=755', root])
    await fill(root)
    const tar = join(folder, 'root.tar')
    await run('tar', ['--create', '--numeric-owner', '--file', tar, '--directory', root, '.'])
    await engine.docker(['import', ...changes.flatMap((change) => ['--change', change]), tar, tag])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
