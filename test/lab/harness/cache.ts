// What labs keep between runs, outside the repository: made once a machine, shared by all who test on it.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import { endOf, start } from './shell.ts'

/** Images and labs lie in one folder so that hard links work between them. */
export const cacheFolder = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'app-metrics-proxy-lab',
)

/** Runs `work` while nobody else on this machine does anything under the same name. */
export async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(cacheFolder, { recursive: true })
  const holder = start('flock', [join(cacheFolder, `${name}.lock`), 'sh', '-c', 'echo held; read -r _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const released = endOf(holder)
  await new Promise<void>((resolve) => holder.stdout!.once('data', () => resolve()))
  try {
    return await work()
  } finally {
    holder.stdin!.end()
    await released
  }
}

export const repository = join(import.meta.dirname, '../../..')

/** A short name for the content of these files and texts: the same in each checkout. */
export function fingerprint(files: readonly string[], ...texts: string[]): string {
  const hash = createHash('sha256')
  for (const file of files)
    hash
      .update(`${relative(repository, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  for (const text of texts) hash.update(`${text}\0`)
  return hash.digest('hex').slice(0, 16)
}

/** Notes that this was used, and removes the least recently used of its kind beyond `keep`. */
export function keepRecent(kind: string, used: string, keep: number): void {
  const now = new Date()
  utimesSync(join(cacheFolder, used), now, now)
  const byAge = readdirSync(cacheFolder)
    .filter((name) => name.startsWith(`${kind}-`))
    .map((name) => ({ name, at: statSync(join(cacheFolder, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
  for (const { name } of byAge.slice(keep)) rmSync(join(cacheFolder, name), { recursive: true, force: true })
}

/** What a crashed run was making. Only for the one who may make something now. */
export function removeHalfMade(): void {
  for (const name of readdirSync(cacheFolder).filter((one) => one.startsWith('making-')))
    rmSync(join(cacheFolder, name), { recursive: true, force: true })
}
