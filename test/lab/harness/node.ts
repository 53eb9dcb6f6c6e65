// One node of a lab: a namespace on the LAN with an engine in it, and all that can befall it.

import { mkdirSync } from 'node:fs'
import { type Engine, engineOf, labRelease } from './engine.ts'
import type { Lan } from './lan.ts'
import { type Namespace, startNamespace } from './namespace.ts'
import type { RunOptions } from './shell.ts'

/** Docker's command line on one node: `docker('ps', '--quiet')`. */
export interface DockerCommand {
  (...args: string[]): Promise<string>
  /** The same with input, environment or a time limit. */
  with(options: RunOptions): (...args: string[]) => Promise<string>
}

export interface Node {
  readonly name: string
  readonly address: string
  readonly address6: string
  /** The engine's socket, as a path on this machine. */
  readonly socket: string
  readonly docker: DockerCommand
  /** A URL at this node, by default at the product's port: what the outside can reach. */
  url(path: string, port?: number): string
  /** Where it runs: to run programs on the node's own network, beside its containers. Undefined while it is off. */
  namespace(): Namespace | undefined
  /** Pulls the network cable. */
  cut(): Promise<void>
  heal(): Promise<void>
  /** Loses this share (0 to 1) of the packets that arrive; 0 ends it. */
  lose(share: number): Promise<void>
  /** Lets no larger packet out or in, without telling anyone: a tunnel whose MTU nobody adapted to. */
  swallowAbove(bytes: number): Promise<void>
  /** A power cut. What is on disk stays. */
  kill(): Promise<void>
  /** Switches it on. */
  start(): Promise<void>
  /** Ends the engine alone, by TERM or KILL. Containers end with it. */
  haltDocker(how: 'TERM' | 'KILL'): Promise<void>
  startDocker(): Promise<void>
}

export interface NodeOptions {
  readonly place: number
  readonly lan: Lan
  readonly folder: string
  readonly cgroup: string
  readonly engineFlags: readonly string[]
}

/** A node that is switched off. */
export function createNode({ place, lan, folder, cgroup, engineFlags }: NodeOptions): Node {
  const name = `node${place}`
  const address = lan.addressOf(place)
  let namespace: Namespace | undefined
  let engine: Engine | undefined

  const on = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error(`${name} is off`)
    return part
  }
  const docker = (options: RunOptions, args: readonly string[]) => on(engine).docker(args, options)
  const inside = (command: string, ...args: string[]) => on(namespace).run(command, args)
  let loss: string[] | undefined

  return {
    name,
    address,
    address6: lan.address6Of(place),
    socket: `${folder}/docker.sock`,
    docker: Object.assign((...args: string[]) => docker({}, args), {
      with:
        (options: RunOptions) =>
        (...args: string[]) =>
          docker(options, args),
    }),
    url: (path, port = 2137) => `http://${address}:${port}${path}`,
    namespace: () => namespace,
    cut: () => lan.plug(place, 'down'),
    heal: () => lan.plug(place, 'up'),
    async lose(share) {
      if (loss) await inside('iptables', '--table', 'mangle', '--delete', ...loss)
      loss = undefined
      if (share === 0) return
      const rule = ['PREROUTING', '--in-interface', 'eth0', '--match', 'statistic', '--mode', 'random']
      loss = [...rule, '--probability', String(share), '--jump', 'DROP']
      await inside('iptables', '--table', 'mangle', '--append', ...loss)
    },
    swallowAbove: (bytes) => lan.limit(place, bytes),
    async kill() {
      if (!namespace) return
      await namespace.stop()
      await lan.detach(place)
      namespace = engine = loss = undefined
    },
    async start() {
      mkdirSync(folder, { recursive: true })
      namespace = await startNamespace({ hostname: name })
      await lan.attach(place, namespace)
      engine = engineOf({ namespace, folder, cgroup, flags: engineFlags, release: labRelease })
      await engine.start()
    },
    haltDocker: (how) => on(engine).halt(how),
    startDocker: () => on(engine).start(),
  }
}
