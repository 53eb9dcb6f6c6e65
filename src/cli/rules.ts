// `app-metrics-proxy rules`: downloads the alerting rules of many clusters for a Prometheus, which can't fetch rules
// itself. With --every it repeats until it is stopped; else it runs once.

import { once } from 'node:events'
import { systemClock } from '../clock.ts'
import { startLoop } from '../runtime/loop.ts'
import { type Io, UsageError, withArguments } from './command.ts'
import { openRulesFolder, type RulesFolder } from './rules/folder.ts'
import { optionTypes, type RulesOptions, readOptions, usage } from './rules/options.ts'
import { maxRoundMs, pullAll } from './rules/pull.ts'
import { createReport, listen, portOf, type RulesReport } from './rules/report.ts'

export function rules(args: readonly string[], io: Io): Promise<number> {
  return withArguments(args, io, { usage, options: optionTypes }, (values) =>
    download(readOptions(values), io),
  )
}

async function download(options: RulesOptions, io: Io): Promise<number> {
  const report = createReport(io)
  let folder: RulesFolder
  try {
    folder = await openRulesFolder(options.folder)
    for (const file of await folder.otherFiles(options.clusters.map(({ name }) => name)))
      io.stderr(`${file} in ${options.folder} belongs to no --from cluster, but Prometheus still reads it\n`)
  } catch (error) {
    io.stderr(`${options.folder}: ${(error as Error).message}\n`)
    return 1
  }
  if (options.intervalMs !== undefined) return repeat(options, options.intervalMs, folder, report, io)
  report.add(await pullAll(options, folder, io.signal))
  return report.problem() === undefined ? 0 : 1
}

/** So many missed rounds mean that the program hangs. */
const maxMissedRounds = 3

async function repeat(
  options: RulesOptions,
  intervalMs: number,
  folder: RulesFolder,
  report: RulesReport,
  io: Io,
): Promise<number> {
  const clock = systemClock
  let finishedAt = clock.now()
  const isAlive = () => clock.now() - finishedAt < maxMissedRounds * intervalMs + maxRoundMs(options)
  const server =
    options.port === undefined
      ? undefined
      : await listen(options.port, report, isAlive).catch((error: Error) => {
          throw new UsageError(`--listen ${options.port}: ${error.message}`)
        })
  if (server) io.stdout(`listening on port ${portOf(server)}\n`)
  const loop = startLoop(
    async (signal) => {
      report.add(await pullAll(options, folder, signal))
      finishedAt = clock.now()
    },
    { clock, intervalMs, onFailure: (error) => io.stderr(`${(error as Error).message}\n`) },
  )
  if (!io.signal.aborted) await once(io.signal, 'abort')
  await loop.stop()
  server?.closeAllConnections()
  server?.close()
  return 0
}
