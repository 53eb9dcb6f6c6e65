// The releases of Prometheus that tests run: the one that is installed, as Debian 12 has it, and today's, which is
// fetched (setup.ts).

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { unpackedAt } from '../../helpers/debian.ts'

/** Programs of one release; a name without a path is on the PATH. */
export interface Release {
  /** Major and minor version of Prometheus. */
  readonly version: string
  readonly prometheus: string
  readonly promtool: string
  readonly alertmanager: string
}

export const releases: readonly Release[] = [
  releaseOf((name) => name),
  releaseOf((name) => join(unpackedAt(name), 'usr/bin', name)),
]

/** Whether it is one from before version 3, which differs by design. */
export const isVersion2 = ({ version }: Release): boolean => version.startsWith('2.')

function releaseOf(pathOf: (name: string) => string): Release {
  const prometheus = pathOf('prometheus')
  const text = execFileSync(prometheus, ['--version'], { encoding: 'utf8' })
  const version = /version (\d+\.\d+)/.exec(text)![1]!
  return {
    version,
    prometheus,
    promtool: pathOf('promtool'),
    alertmanager: pathOf('prometheus-alertmanager'),
  }
}
