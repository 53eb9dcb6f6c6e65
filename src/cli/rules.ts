// `app-metrics-proxy rules`: brings the alerting rules of many clusters to a Prometheus, which can't fetch
// rules itself.

import { once } from 'node:events'
import { systemClock } from '../clock.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Io } from './io.ts'
import { type Folder, openFolder } from './rules/folder.ts'
import { createObserver, listen, type Observer, portOf } from './rules/observed.ts'
import { type RulesOptions, readOptions, UsageError, usage } from './rules/options.ts'
import { runRound } from './rules/round.ts'

export async function rules(args: readonly string[], io: Io): Promise<number> {
  try {
    const options = readOptions(args)
    if (options) return await collect(options, io)
    io.stdout(usage)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    io.stderr(`${error.message}\n\n${usage}`)
    return 2
  }
}

async function collect(options: RulesOptions, io: Io): Promise<number> {
  const observer = createObserver(io)
  let folder: Folder
  try {
    folder = await openFolder(options.folder)
    for (const file of await folder.strangers(options.clusters.map(({ name }) => name)))
      io.stderr(`${file} in ${options.folder} is of no cluster given here; Prometheus goes on reading it\n`)
  } catch (error) {
    io.stderr(`${options.folder}: ${(error as Error).message}\n`)
    return 1
  }
  if (options.every !== undefined) return goOn(options, options.every, folder, observer, io)
  observer.note(await runRound(options, folder, io.signal))
  return observer.trouble() === undefined ? 0 : 1
}

/** A round takes at most as long as its waits; three missed ones mean that something hangs. */
const missed = 3
const longestRound = 60_000

async function goOn(
  options: RulesOptions,
  every: number,
  folder: Folder,
  observer: Observer,
  io: Io,
): Promise<number> {
  const clock = systemClock
  let roundAt = clock.now()
  const isAlive = () => clock.now() - roundAt < missed * every + longestRound
  const server =
    options.port === undefined
      ? undefined
      : await listen(options.port, observer, isAlive).catch((error: Error) => {
          throw new UsageError(`--listen ${options.port}: ${error.message}`)
        })
  if (server) io.stdout(`listening on port ${portOf(server)}\n`)
  const loop = startLoop(
    async (signal) => {
      observer.note(await runRound(options, folder, signal))
      roundAt = clock.now()
    },
    { clock, intervalMs: every, onFailure: (error) => io.stderr(`${(error as Error).message}\n`) },
  )
  if (!io.signal.aborted) await once(io.signal, 'abort')
  await loop.stop()
  server?.closeAllConnections()
  server?.close()
  return 0
}
