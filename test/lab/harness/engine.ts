// A real Docker Engine in a namespace, with everything it writes below one folder.

import { cpSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackedAt } from '../../helpers/debian.ts'
import { until } from '../../helpers/until.ts'
import type { Namespace } from './namespace.ts'
import { type RunOptions, run } from './shell.ts'

export interface Engine {
  /** The engine's socket as a path in the root namespace. */
  readonly socket: string
  /** Docker's own command line, on this engine. */
  docker(args: readonly string[], options?: RunOptions): Promise<string>
  /** Ends the engine alone, as its service manager (TERM) or a crash (KILL) would. */
  halt(how: 'TERM' | 'KILL'): Promise<void>
  /** Starts it, or starts it again, on what it had. */
  start(): Promise<void>
}

export interface EngineOptions {
  readonly namespace: Namespace
  readonly folder: string
  /** The parent of its containers' cgroups, so that they can be found when they are left behind. */
  readonly cgroup: string
  readonly flags?: readonly string[]
  /** Default: the installed one. */
  readonly release?: EngineRelease
}

/** The engine that Debian 12 installs (20.10), or Debian's current one (28), which is fetched and not installed. */
export type EngineRelease = 'installed' | 'current'

/** Which engine the nodes of a lab run. */
export const labRelease: EngineRelease = process.env.LAB_ENGINE === 'installed' ? 'installed' : 'current'
/** Debian's packages that hold the current release. */
export const enginePackages = ['docker.io']

/** dockerd, and a PATH on which it finds its docker-proxy. */
function programOf(release: EngineRelease): { readonly dockerd: string; readonly path: string | undefined } {
  if (release === 'installed') return { dockerd: 'dockerd', path: process.env.PATH }
  const folder = join(unpackedAt('docker.io'), 'usr/sbin')
  return { dockerd: join(folder, 'dockerd'), path: `${folder}:${process.env.PATH}` }
}

/** The command line that belongs to Debian's engine; a newer one elsewhere on PATH may want plugins. */
export const client = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker'

export function engineOf(options: EngineOptions): Engine {
  const { namespace, folder, cgroup, flags = [], release = 'installed' } = options
  const { dockerd, path } = programOf(release)
  mkdirSync(folder, { recursive: true })
  const socket = join(folder, 'docker.sock')
  const docker = (args: readonly string[], runOptions?: RunOptions) =>
    run(client, ['--host', `unix://${socket}`, ...args], runOptions)

  return {
    socket,
    docker,
    async halt(how) {
      const pid = await namespace.run('cat', ['/run/docker.pid'])
      await namespace.run('kill', [`-${how}`, pid])
      await until('the engine to end', () =>
        namespace.run('sh', ['-c', `! kill -0 ${pid} 2>/dev/null && echo`]).then(() => true),
      )
      await namespace.run('rm', ['-f', '/run/docker.pid'])
    },
    async start() {
      const log = openSync(join(folder, 'dockerd.log'), 'a')
      const roots = ['--data-root', join(folder, 'data'), '--cgroup-parent', cgroup]
      const native = ['--exec-opt', 'native.cgroupdriver=cgroupfs']
      const sockets = ['-H', `unix://${socket}`, '-H', 'unix:///run/docker.sock']
      const child = namespace.start(
        dockerd,
        [...roots, ...native, ...sockets, '--shutdown-timeout', '5', ...flags],
        { stdio: ['ignore', log, log], env: { PATH: path } },
      )
      await until('the engine to answer', () => {
        if (child.exitCode !== null)
          throw new Error(`dockerd ended: ${lastLines(join(folder, 'dockerd.log'))}`)
        return docker(['version', '--format', '{{.Server.Version}}'])
      })
    },
  }
}

/**
 * Gives an engine that has never run the images of another one that has stopped. Layers are never written
 * again once they are complete, so links to the same files do; the small index is copied.
 */
export async function shareImages(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true })
  cpSync(join(from, 'image'), join(to, 'image'), { recursive: true })
  await run('cp', ['--archive', '--link', join(from, 'overlay2'), to])
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
}
