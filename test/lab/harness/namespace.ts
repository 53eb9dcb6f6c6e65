// A machine in miniature: a process tree with its own network, processes, mounts and hostname.
//
// Its first process waits on a pipe from its maker. When that closes, for whatever reason, the kernel ends
// every process inside and takes the mounts and interfaces away with the last of them: a test that crashes
// leaves nothing behind.

import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { endOf, type RunOptions, run, start } from './shell.ts'

export interface Namespace {
  /** A process that is in the namespaces, as the root namespace counts. */
  readonly pid: number
  run(command: string, args: readonly string[], options?: RunOptions): Promise<string>
  /** Starts a program inside, beside the test. It ends with the namespace, or by `signal`. */
  start(command: string, args: readonly string[], options?: Parameters<typeof start>[2]): ChildProcess
  /** Ends all that is inside, at once, like a power cut. */
  stop(): Promise<void>
}

export interface NamespaceOptions {
  readonly hostname: string
  /** Shares the machine's network: for what has to reach a package registry. Default: a network of its own. */
  readonly network?: 'own' | 'shared'
}

/** `/run` and `/etc/docker` are empty inside: what lives there is the node's own, its Docker socket above all. */
const firstProcess = `
set -e
hostname "$1"
mount -t tmpfs tmpfs /run
mkdir -p /etc/docker && mount -t tmpfs tmpfs /etc/docker
[ "$2" = shared ] || { ip link set lo up; for key in all default; do echo 0 > /proc/sys/net/ipv6/conf/$key/accept_dad; done; }
echo ready
read -r _ || true
`

export async function startNamespace({ hostname, network = 'own' }: NamespaceOptions): Promise<Namespace> {
  const kinds = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc']
  const first = start(
    'unshare',
    [
      ...(network === 'own' ? ['--net'] : []),
      ...kinds,
      'bash',
      '-c',
      firstProcess,
      'bash',
      hostname,
      network,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const ended = endOf(first)
  const ready = new Promise<void>((resolve) => first.stdout!.once('data', () => resolve()))
  await Promise.race([
    ready,
    ended.then((how) => Promise.reject(new Error(`no namespace for ${hostname}: ended with ${how}`))),
  ])
  const pid = first.pid!
  const entering = ['--target', String(pid), '--net', '--mount', '--uts', '--ipc']
  const inside = [...entering, `--pid=/proc/${pid}/ns/pid_for_children`, '--']
  return {
    pid,
    run: (command, args, options) => run('nsenter', [...inside, command, ...args], options),
    start: (command, args, options) => start('nsenter', [...inside, command, ...args], options),
    async stop() {
      first.stdin!.end()
      await ended
    },
  }
}

/** Signals a program that `Namespace.start` started: nsenter itself passes nothing on. */
export function signal(started: ChildProcess, name: NodeJS.Signals): void {
  const children = readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8')
  for (const pid of children.trim().split(' ').filter(Boolean)) process.kill(Number(pid), name)
}
