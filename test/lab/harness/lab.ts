// The lab: real Docker Engines, alone or joined to a real Swarm, on this one machine.
//
// Everything is made by `startDocker` or `startSwarm` and gone after `stop`; several labs may run at once.

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../helpers/until.ts'
import { cacheFolder } from './cache.ts'
import { shareImages } from './engine.ts'
import { preparedImages } from './images.ts'
import { refuseInternalErrorsOf } from './internal-errors.ts'
import { type Lan, startLan } from './lan.ts'
import { createNode, type Node } from './node.ts'
import { preparedStandIns } from './stand-ins.ts'

export interface LabOptions {
  /** Whether the nodes have the product's own image, which costs a build after each change. Default: true. */
  readonly product?: boolean
  /** Whether they have stand-ins for the images that the examples name, too. Default: false. */
  readonly standIns?: boolean
  /** Further flags of dockerd. */
  readonly engineFlags?: readonly string[]
}

export interface Docker extends Node {
  stop(): Promise<void>
}

export interface Swarm {
  /** The first one is the manager. */
  readonly nodes: readonly Node[]
  readonly manager: Node
  /** The address at which the nodes reach the machine that runs the tests. */
  readonly outside: string
  /** Starts a service, resolved when its tasks run. `flags` are those of `docker service create`. */
  serve(name: string, image: string, flags?: readonly string[], command?: readonly string[]): Promise<void>
  /** Removes a service, if there is one of this name, resolved when its containers are gone. */
  remove(name: string): Promise<void>
  /** Deploys a stack from a file, with variables for it; resolved when it was taken, not when it runs. */
  deploy(stack: string, file: string, env?: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

/** One engine that is part of no Swarm. */
export async function startDocker(options: LabOptions = {}): Promise<Docker> {
  const lab = await openLab(1, options)
  const [node] = lab.nodes
  return { ...node!, stop: lab.close }
}

export async function startSwarm(count: number, options: LabOptions = {}): Promise<Swarm> {
  const lab = await openLab(count, options)
  return { ...(await joinNodes(lab.nodes)), outside: lab.lan.outside, stop: lab.close }
}

/** Makes a Swarm of engines that are in none; the first one is its manager. */
export async function joinNodes(nodes: readonly Node[]): Promise<Omit<Swarm, 'outside' | 'stop'>> {
  const [manager, ...workers] = nodes as [Node, ...Node[]]
  await manager.docker(
    'swarm',
    'init',
    '--advertise-addr',
    manager.address,
    '--default-addr-pool',
    '10.88.0.0/16',
  )
  const token = await manager.docker('swarm', 'join-token', '--quiet', 'worker')
  await Promise.all(
    workers.map((node) =>
      node.docker(
        'swarm',
        'join',
        '--advertise-addr',
        node.address,
        '--token',
        token,
        `${manager.address}:2377`,
      ),
    ),
  )
  await until('all nodes to be ready', async () => {
    const states = (await manager.docker('node', 'ls', '--format', '{{.Status}}')).split('\n')
    return states.every((state) => state === 'Ready') && states.length === nodes.length
  })
  return {
    nodes,
    manager,
    async serve(name, image, flags = [], command = []) {
      // The kernel may have no IPVS: names resolve to the tasks themselves.
      const fixed = ['--no-resolve-image', '--detach', '--endpoint-mode', 'dnsrr']
      await manager.docker('service', 'create', '--name', name, ...fixed, ...flags, image, ...command)
      await until(`the tasks of ${name}`, () => runs(manager, name), {
        within: 120_000,
        every: 100,
      })
    },
    async remove(name) {
      await manager.docker('service', 'rm', name).catch(unlessMissing)
      await until(`${name} to be gone`, async () => (await tasksOn(nodes, name)) === '', { within: 60_000 })
    },
    async deploy(stack, file, env = {}) {
      await manager.docker.with({ env })(
        'stack',
        'deploy',
        '--resolve-image',
        'never',
        '--compose-file',
        file,
        stack,
      )
    },
  }
}

/** What is to be removed may be gone already. */
export function unlessMissing(error: Error): void {
  if (!/no such|not found/i.test(error.message)) throw error
}

/** The ids of its containers on all nodes that are on. */
async function tasksOn(nodes: readonly Node[], service: string): Promise<string> {
  const running = nodes.filter((node) => node.namespace() !== undefined)
  const filter = `label=com.docker.swarm.service.name=${service}`
  const ids = await Promise.all(running.map((node) => node.docker('ps', '--quiet', '--filter', filter)))
  return ids.join('').trim()
}

/** Whether a service has as many running tasks as it wants. */
async function runs(manager: Node, service: string): Promise<boolean> {
  const counts = await manager.docker(
    'service',
    'ls',
    '--filter',
    `name=${service}`,
    '--format',
    '{{.Name}} {{.Replicas}}',
  )
  const [, running, wanted] = new RegExp(`^${service} (\\d+)/(\\d+)`, 'm').exec(counts) ?? []
  return running !== undefined && running === wanted
}

interface Lab {
  readonly nodes: readonly Node[]
  readonly lan: Lan
  close(): Promise<void>
}

const labs = join(cacheFolder, 'labs')

async function openLab(count: number, options: LabOptions): Promise<Lab> {
  const { product = true, standIns = false, engineFlags = [] } = options
  removeLeftovers()
  const images = await (standIns ? preparedStandIns() : preparedImages(product))
  const { name, folder, cgroup, remove } = makeLabFolder()
  const lan = await startLan()
  const nodes: Node[] = []
  const close = async () => {
    thaw(name)
    await Promise.all(nodes.map((node) => node.kill()))
    await lan.stop()
    try {
      for (const node of nodes) refuseInternalErrorsOf(node.name, join(folder, node.name, 'data'))
    } finally {
      remove()
    }
  }
  try {
    for (let place = 1; place <= count; place += 1) {
      const home = join(folder, `node${place}`)
      await shareImages(images, join(home, 'data'))
      nodes.push(createNode({ place, lan, folder: home, cgroup, engineFlags }))
    }
    await Promise.all(nodes.map((node) => node.start()))
    return { nodes, lan, close }
  } catch (error) {
    await close()
    throw error
  }
}

const cgroupPrefix = 'amp-lab-'

export interface LabFolder {
  readonly name: string
  readonly folder: string
  /** The parent of the cgroups that belong to it. */
  readonly cgroup: string
  /** Once nothing runs in it any more. */
  remove(): void
}

/** Where a lab keeps what it writes. If its maker dies, the next lab removes it. */
export function makeLabFolder(): LabFolder {
  const name = `${process.pid}-${randomBytes(2).toString('hex')}`
  const folder = join(labs, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'owner'), `${process.pid} ${startOf(process.pid)}`)
  return { name, folder, cgroup: `${cgroupPrefix}${name}`, remove: () => removeLab(name) }
}

/** A lab whose maker is gone has no processes any more, or soon; what it wrote is still there. */
function removeLeftovers(): void {
  mkdirSync(labs, { recursive: true })
  for (const name of readdirSync(labs)) {
    const [pid, start] = ownerOf(name)
    if (pid === undefined || startOf(pid) !== start) removeLeftover(name)
  }
}

/** Where processes are still ending, the next lab tries again. */
function removeLeftover(name: string): void {
  try {
    removeLab(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}

function ownerOf(name: string): readonly [pid?: number, start?: string | undefined] {
  try {
    const [pid, start] = readFileSync(join(labs, name, 'owner'), 'utf8').split(' ')
    return [Number(pid), start]
  } catch {
    return []
  }
}

/** When a process began: with its pid, a name for it that is never given again. */
function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]
  } catch {
    return undefined
  }
}

function removeLab(name: string): void {
  thaw(name)
  const cgroups = '/sys/fs/cgroup'
  for (const root of [cgroups, ...readdirSync(cgroups).map((kind) => join(cgroups, kind))])
    removeCgroup(join(root, `${cgroupPrefix}${name}`))
  rmSync(join(labs, name), { recursive: true, force: true })
}

/** What is frozen, as a paused container is, can't be ended, not even by the kernel. */
function thaw(name: string): void {
  for (const [kind, file, word] of [
    ['freezer', 'freezer.state', 'THAWED'],
    ['.', 'cgroup.freeze', '0'],
  ] as const) {
    const root = join('/sys/fs/cgroup', kind, `${cgroupPrefix}${name}`)
    if (!existsSync(root)) continue
    for (const entry of readdirSync(root, { withFileTypes: true }))
      if (entry.isDirectory() && existsSync(join(root, entry.name, file)))
        writeFileSync(join(root, entry.name, file), word)
  }
}

/** A cgroup is removed like an empty folder, whatever files it shows. */
function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory()) removeCgroup(join(path, entry.name))
    rmdirSync(path)
  } catch (error) {
    if (!/^(ENOENT|ENOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
