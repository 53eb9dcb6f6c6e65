// The rule files that Prometheus reads: each is replaced atomically, and only if it changes.

import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const prefix = 'app-metrics-proxy-'
const suffix = '.yml'
/** Exists while Prometheus has not reloaded a change, so that a restart of this program loses none. */
const markerName = '.app-metrics-proxy-reload'

export interface RulesFolder {
  /** Resolves with whether the file changed. */
  write(name: string, text: string): Promise<boolean>
  isReloadDue(): Promise<boolean>
  clearReload(): Promise<void>
  /** Files of earlier runs for other clusters. */
  otherFiles(names: readonly string[]): Promise<readonly string[]>
}

export async function openRulesFolder(path: string): Promise<RulesFolder> {
  await mkdir(path, { recursive: true })
  const markerPath = join(path, markerName)
  return {
    async write(name, text) {
      const file = join(path, fileNameOf(name))
      if ((await contentOf(file)) === text) return false
      await writeFile(markerPath, '')
      await replace(file, text)
      return true
    },
    isReloadDue: async () => (await contentOf(markerPath)) !== undefined,
    clearReload: () => rm(markerPath, { force: true }),
    async otherFiles(names) {
      const ownFiles = new Set(names.map(fileNameOf))
      const files = await readdir(path)
      return files.filter((file) => file.startsWith(prefix) && file.endsWith(suffix) && !ownFiles.has(file))
    },
  }
}

function fileNameOf(name: string): string {
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

/** The temporary name doesn't end in `.yml`, so that no pattern in `rule_files` matches it. */
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
