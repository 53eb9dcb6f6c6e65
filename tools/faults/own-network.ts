// A network, mounts and processes of the tool's own, so that packets can be lost, names be wrong and disks be full
// without anybody else on the machine noticing. All of it ends with the tool.

import { spawnSync } from 'node:child_process'

const inside = 'FAULTS_INSIDE'

/** Runs this very program again in a world of its own, and ends with it. Returns where it is in one already. */
export function enterOwnNetwork(): void {
  if (process.env[inside]) return
  if (process.getuid?.() !== 0) {
    console.error('This loses packets, fills disks and limits memory: it must run as root')
    process.exit(2)
  }
  const kinds = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const script = 'ip link set lo up && exec "$0" "$@"'
  const { status } = spawnSync(
    'unshare',
    [...kinds, 'sh', '-c', script, process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [inside]: '1' } },
  )
  process.exit(status ?? 1)
}
