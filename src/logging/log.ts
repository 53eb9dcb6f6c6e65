// The agent's log: JSON, one line per event.

import { channel } from 'node:diagnostics_channel'
import { pino } from 'pino'
import { createLogStream } from './log-stream.ts'
import { visibleJson } from './terminal.ts'

/** The part of a logger that modules use. State changes are logged, repetitions are not. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** The one way of every internal error: an exception that nothing expected, so a bug. The line has its stack. */
  internal(error: unknown, where: Where, fields?: object): void
}

/** Where an internal error was caught: the label of its metric, so a closed list. */
export const wheres = [
  ...(['discovery', 'probe', 'scrape', 'store', 'sync', 'request', 'rules'] as const),
  ...(['timer', 'process'] as const),
] as const
export type Where = (typeof wheres)[number]

/** The message of its line in the log, and nobody else's. */
export const internalError = 'internal error'

/** Each internal error of this process, whatever the log level: tests listen, so that none passes unnoticed. */
export const internalErrors = channel('app-metrics-proxy.internal-error')

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** JSON on the standard output, a line each; `write` takes the lines instead. */
export function createLog(level: LogLevel, write: (line: string) => void = createLogStream()): Log {
  const hooks = { streamWrite: visibleJson }
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks }
  const lines = pino(options, { write })
  return {
    debug: (fields, message) => lines.debug(fields, message),
    info: (fields, message) => lines.info(fields, message),
    warn: (fields, message) => lines.warn(fields, message),
    error: (fields, message) => lines.error(fields, message),
    internal(error, where, fields) {
      lines.error({ err: error, where, ...fields }, internalError)
      internalErrors.publish(error)
    },
  }
}
