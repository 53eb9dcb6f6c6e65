#!/usr/bin/env node
// The process edge: arguments, environment, signals, exit code. Nobody else touches the process.

import type { Command, Io } from './cli/io.ts'

/** Each is loaded only when it is asked for: `health` runs every other second. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./cli/run.ts')).run,
  rules: async () => (await import('./cli/rules.ts')).rules,
}

const stopping = new AbortController()
/** An orderly end takes at most this long. */
const patience = 5000

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
    setTimeout(() => process.exit(1), patience).unref()
  })

const io: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
  signal: stopping.signal,
  isTerminal: process.stdout.isTTY === true,
}

const [name = 'run', ...args] = process.argv.slice(2)
const load = commands[name]
if (load) process.exitCode = await (await load())(args, io)
else {
  io.stderr(`app-metrics-proxy has no command ${name}; it has: ${Object.keys(commands).join(', ')}\n`)
  process.exitCode = 2
}
