#!/usr/bin/env node
// The process edge: arguments, environment, signals, exit code. Nobody else touches the process.

import { dispatch } from './cli/dispatch.ts'
import type { Io } from './cli/io.ts'

const stopping = new AbortController()
/** An orderly end takes at most this long. */
const patience = 5000
/** Whatever still runs once all is done has this long to end by itself. */
const grace = 300

// A look-up that hangs can't be called off, and the process can't end before it has: none hangs for long.
process.env.RES_OPTIONS ??= 'timeout:1 attempts:2'

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    setTimeout(() => process.exit(1), patience).unref()
  })

/** Outside of any request, scrape or message: what it has broken is unknown, so the agent ends and starts anew. */
function onCrash(listener: (error: unknown) => void): void {
  process.once('uncaughtException', (error) => {
    setTimeout(() => process.exit(1), patience).unref()
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
// What can't be called off keeps nobody waiting.
setTimeout(() => process.exit(), grace).unref()
