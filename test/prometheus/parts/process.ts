// Real servers as processes of a test: started on a free port, waited for, ended.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'

export interface Program {
  readonly url: string
  readonly folder: string
  /** Everything it printed so far, but no more than the last part. */
  readonly printed: () => string
  stop(): Promise<void>
}

export interface Surroundings {
  /** Where it listens. */
  readonly host?: string
  /** Names that it alone knows, each with all its addresses. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>
}

/** How a program is called. */
export interface Call {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What answers as soon as it is ready: a path, or for what speaks no HTTP its port. */
  readonly ready?: string | 'port'
}

/** `prepare` writes what the program needs into its folder and says how it is called. */
export async function startProgram(
  command: string,
  prepare: (folder: string, listen: string) => Call | Promise<Call>,
  { host = '127.0.0.1', hosts }: Surroundings = {},
): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), `${basename(command)}-`))
  const listen = `${host}:${await freePort(host)}`
  const { args, env, ready = '/-/ready' } = await prepare(folder, listen)
  const [program, ...words] = hosts ? await knowing(hosts, folder, command, args) : [command, ...args]
  const child = spawn(program!, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-20_000)
    })
  const url = `http://${listen}`
  const stop = async () => {
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await until(`${command} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(said)
      return ready === 'port' ? isOpen(new URL(url)) : (await fetch(url + ready)).ok
    })
  } catch (error) {
    await stop()
    throw new Error(`${command} doesn't start: ${said}`, { cause: error })
  }
  return { url, folder, printed: () => said, stop }
}

async function isOpen({ hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await once(child, 'exit')
  clearTimeout(timer)
}

/** The same command, with a file of host names of its own. */
async function knowing(
  hosts: NonNullable<Surroundings['hosts']>,
  folder: string,
  command: string,
  args: readonly string[],
): Promise<readonly string[]> {
  const file = join(folder, 'hosts')
  const lines = Object.entries(hosts).flatMap(([name, all]) => all.map((address) => `${address} ${name}\n`))
  await writeFile(file, lines.join(''))
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, file, command, ...args]
}
