#!/usr/bin/env node
// The process edge: arguments, environment, signals, exit code. Commands get what they need of it.

import type { Io } from './cli/command.ts'
import { dispatch } from './cli/dispatch.ts'

const stopping = new AbortController()
/** An orderly stop takes at most this long. */
const stopTimeoutMs = 5000
/** What still runs after it has this long to end by itself. */
const exitDelayMs = 300

// A hanging DNS look-up can't be cancelled and keeps the process from ending, so none may hang for long.
process.env.RES_OPTIONS ??= 'timeout:1 attempts:2'

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    setTimeout(() => process.exit(1), stopTimeoutMs).unref()
  })

/** An exception outside of any request, scrape or message leaves unknown damage: the agent ends, to be restarted. */
function onCrash(listener: (error: unknown) => void): void {
  process.once('uncaughtException', (error) => {
    setTimeout(() => process.exit(1), stopTimeoutMs).unref()
    listener(error)
  })
}

const io: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
  signal: stopping.signal,
  isTerminal: process.stdout.isTTY === true,
  onCrash,
}

process.exitCode = await dispatch(process.argv.slice(2), io)
// What can't be cancelled doesn't delay the exit.
setTimeout(() => process.exit(), exitDelayMs).unref()
