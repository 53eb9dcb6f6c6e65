// A network, mounts and processes of the tool's own, so that packets can be lost, names be wrong and disks be full
// without anybody else on the machine noticing. All of it ends with the tool.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { Row } from './row.ts'

const inside = 'FAULTS_INSIDE'
/** What was found goes out here, beside what is printed. */
const out = 3

export const isInOwnNetwork = () => process.env[inside] !== undefined

export function printRows(rows: readonly Row[]): void {
  writeFileSync(out, JSON.stringify(rows))
}

/** Runs this very program again in a world of its own, and returns what it prints. */
export function inOwnNetwork(): readonly Row[] {
  if (process.getuid?.() !== 0) {
    console.error('This loses packets, fills disks and limits memory: it must run as root')
    process.exit(2)
  }
  const kinds = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const script = 'ip link set lo up && exec "$0" "$@"'
  const { status, output } = spawnSync(
    'unshare',
    [...kinds, 'sh', '-c', script, process.execPath, ...process.argv.slice(1)],
    { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env: { ...process.env, [inside]: '1' } },
  )
  if (status !== 0) process.exit(status ?? 1)
  return JSON.parse(String(output[out]))
}
