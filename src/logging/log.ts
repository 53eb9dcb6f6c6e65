// The agent's log: JSON, one line per event.

import { channel } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { visibleJson } from './terminal.ts'

/** The methods of a logger that modules use. Changes of state are logged, repetitions are not. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** Reports an internal error: an unexpected exception, so a bug. The line has its stack. */
  internal(error: unknown, where: ErrorLocation, fields?: object): void
}

/** Where an internal error was caught: a label of its metric, so a closed list. */
export const errorLocations = [
  ...(['discovery', 'probe', 'scrape', 'store', 'sync', 'request', 'rules'] as const),
  ...(['timer', 'process'] as const),
] as const
export type ErrorLocation = (typeof errorLocations)[number]

/** The message of internal errors, and of no other line. */
export const internalError = 'internal error'

/** Receives each internal error of this process at any log level: tests subscribe, so that none is missed. */
export const internalErrors = channel('app-metrics-proxy.internal-error')

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Writes to standard output unless `write` is given. */
export function createLog(level: LogLevel, write: (line: string) => void = createLogStream()): Log {
  const hooks = { streamWrite: visibleJson }
  const formatters = { level: (label: string) => ({ level: label }) }
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks, formatters }
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

/** The same log, with these fields first on each line. */
export function withFields(log: Log, fieldsOf: () => object): Log {
  return {
    debug: (fields, message) => log.debug({ ...fieldsOf(), ...fields }, message),
    info: (fields, message) => log.info({ ...fieldsOf(), ...fields }, message),
    warn: (fields, message) => log.warn({ ...fieldsOf(), ...fields }, message),
    error: (fields, message) => log.error({ ...fieldsOf(), ...fields }, message),
    internal: (error, where, fields) => log.internal(error, where, { ...fieldsOf(), ...fields }),
  }
}

const standardOutput = 1

/**
 * Writes each line synchronously. If that fails, as with a full disk, the line is lost; the next line that can be written
 * is preceded by the number of lost lines.
 */
export function createLogStream(
  write: (line: string) => void = (line) => void writeSync(standardOutput, line),
): (line: string) => void {
  let lostLines = 0
  return (line) => {
    try {
      if (lostLines > 0) write(lossWarning(lostLines))
      lostLines = 0
      write(line)
    } catch {
      lostLines += 1
    }
  }
}

function lossWarning(lines: number): string {
  const time = new Date().toISOString()
  return `${JSON.stringify({ level: 'warn', time, lines, msg: 'log lines could not be written and are lost' })}\n`
}
