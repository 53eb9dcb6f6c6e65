// The files that Prometheus reads: each is there whole or not at all, and touched only where it changes.

import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const prefix = 'app-metrics-proxy-'
const suffix = '.yml'
/** Stands while Prometheus has yet to be told of a change, so that no end of this program loses it. */
const marker = '.app-metrics-proxy-reload'

export interface Folder {
  /** Whether the file had to change. */
  write(name: string, text: string): Promise<boolean>
  isReloadDue(): Promise<boolean>
  reloaded(): Promise<void>
  /** Files of ours for clusters other than these. */
  strangers(names: readonly string[]): Promise<readonly string[]>
}

export async function openFolder(path: string): Promise<Folder> {
  await mkdir(path, { recursive: true })
  const markerPath = join(path, marker)
  return {
    async write(name, text) {
      const file = join(path, fileOf(name))
      if ((await contentOf(file)) === text) return false
      await writeFile(markerPath, '')
      await replace(file, text)
      return true
    },
    isReloadDue: async () => (await contentOf(markerPath)) !== undefined,
    reloaded: () => rm(markerPath, { force: true }),
    async strangers(names) {
      const own = new Set(names.map(fileOf))
      const files = await readdir(path)
      return files.filter((file) => file.startsWith(prefix) && file.endsWith(suffix) && !own.has(file))
    },
  }
}

function fileOf(name: string): string {
  return prefix + name + suffix
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The temporary name doesn't end in `.yml`, so that no pattern in `rule_files` finds it. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.new`
  try {
    const handle = await open(temporary, 'w', 0o644)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
