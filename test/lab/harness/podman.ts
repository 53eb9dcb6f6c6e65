// A real Podman in a namespace, with its Docker-compatible service, driven by Docker's own command line.
//
// Debian's current packages are laid over this machine's /usr inside the namespace, with the libraries that they need:
// nothing is installed. Unlike Docker's, containers run on while the service is down.

import type { ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackedAt } from '../../helpers/debian.ts'
import { until } from '../../helpers/until.ts'
import { client } from './engine.ts'
import { appImage, importAppImage } from './images.ts'
import { makeLabFolder } from './lab.ts'
import { type Namespace, signal, startNamespace } from './namespace.ts'
import type { DockerCommand } from './node.ts'
import { endOf, type RunOptions, run } from './shell.ts'

export interface Podman {
  readonly namespace: Namespace
  /** The service's socket as a path in the root namespace. */
  readonly socket: string
  readonly docker: DockerCommand
  /** Starts a container of the lab's application, detached. */
  run(name: string, flags?: readonly string[], command?: readonly string[]): Promise<string>
  removeAll(): Promise<void>
  /** Ends the service; the containers run on. */
  haltService(): Promise<void>
  startService(): Promise<void>
  stop(): Promise<void>
}

const programs = ['podman', 'conmon', 'crun', 'netavark', 'aardvark-dns', 'golang-github-containers-common']
const libraries = [
  ...['libc6', 'libgpgme45', 'libassuan9', 'libgpg-error0', 'libseccomp2', 'libsubid6'],
  ...['libsemanage2', 'libsepol2', 'libblake3-0', 'libglib2.0-0t64', 'libatomic1'],
]
/** Debian's packages that hold Podman and what it needs. */
export const podmanPackages = [...programs, ...libraries]

/** No firewall: the containers are reached from the node only. No limit of processes: the cgroups may lack it. */
const containersConf = (networks: string) => `
[containers]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
firewall_driver = "none"
network_config_dir = "${networks}"
`

/** `$1`: the layers of /usr. The cgroups are of version 2, as on today's machines. */
const prepare = `
set -e
mount -t overlay overlay -o "lowerdir=$1" /usr
for writable in /var/lib /var/tmp /sys/fs/cgroup; do mount -t tmpfs tmpfs "$writable"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
`

export async function startPodman(): Promise<Podman> {
  const { folder, cgroup, remove } = makeLabFolder()
  const socket = join(folder, 'podman.sock')
  const namespace = await startNamespace({ hostname: 'podman1' })
  const docker = (options: RunOptions, args: readonly string[]) =>
    run(client, ['--host', `unix://${socket}`, ...args], options)
  const env = configure(folder)
  let service: ChildProcess | undefined
  const podman: Podman = {
    namespace,
    socket,
    docker: Object.assign((...args: string[]) => docker({}, args), {
      with:
        (options: RunOptions) =>
        (...args: string[]) =>
          docker(options, args),
    }),
    run(name, flags = [], command = []) {
      const fixed = ['--detach', '--name', name, '--cgroup-parent', `/${cgroup}`, '--stop-timeout', '1']
      return docker({}, ['run', ...fixed, ...flags, appImage, ...command])
    },
    async removeAll() {
      // One by one, the newest first: all at once, Podman may wait for ever for the clean-up of one that another depends on.
      const oldestFirst = await namespace.run('podman', ['ps', '--all', '--quiet', '--sort', 'created'], {
        env,
      })
      for (const id of oldestFirst.split('\n').filter(Boolean).reverse())
        await podman.docker('rm', '--force', id)
    },
    async haltService() {
      signal(service!, 'SIGTERM')
      await endOf(service!)
    },
    async startService() {
      const log = openSync(join(folder, 'podman.log'), 'a')
      const args = ['system', 'service', '--time', '0', `unix://${socket}`]
      const starting = namespace.start('podman', args, { stdio: ['ignore', log, log], env })
      service = starting
      await until('the service to respond', () => {
        if (starting.exitCode !== null)
          throw new Error(`podman ended: ${readFileSync(join(folder, 'podman.log'), 'utf8')}`)
        return podman.docker('version', '--format', '{{.Server.Version}}')
      })
    },
    async stop() {
      await namespace.stop()
      remove()
    },
  }
  try {
    await namespace.run('bash', ['-c', prepare, 'bash', layers()])
    await podman.startService()
    await importAppImage({ docker: (args, options = {}) => docker(options, args) })
    return podman
  } catch (error) {
    await podman.stop()
    throw error
  }
}

const layers = () => [...podmanPackages.map((name) => join(unpackedAt(name), 'usr')), '/usr'].join(':')

/** Writes Podman's configuration, and returns the variables by which it finds it. */
function configure(folder: string) {
  const home = join(folder, 'home')
  mkdirSync(join(home, '.config/containers'), { recursive: true })
  const policy = join(unpackedAt('golang-github-containers-common'), 'etc/containers/policy.json')
  copyFileSync(policy, join(home, '.config/containers/policy.json'))
  const roots = `graphroot = "${join(folder, 'graph')}"\nrunroot = "/run/containers/storage"`
  const [containers, storage] = [join(folder, 'containers.conf'), join(folder, 'storage.conf')]
  writeFileSync(containers, containersConf(join(folder, 'networks')))
  writeFileSync(storage, `[storage]\ndriver = "overlay"\n${roots}\n`)
  return { HOME: home, CONTAINERS_CONF: containers, CONTAINERS_STORAGE_CONF: storage }
}
