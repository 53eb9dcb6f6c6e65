// Round every run of the lab's tests: before, the images are made and it is measured how slow the machine is;
// whatever a test started must have ended when the last one has.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fetchPackages } from '../../helpers/debian.ts'
import { raiseSlowness, slowness } from '../../helpers/limits.ts'
import { currentPackages } from '../../prometheus/parts/setup.ts'
import { enginePackages, labRelease } from './engine.ts'
import { appImage } from './images.ts'
import { startDocker } from './lab.ts'
import { podmanPackages } from './podman.ts'
import { preparedStandIns } from './stand-ins.ts'

/** What the start of a container takes on a quiet machine of two cores. */
const quietStartMs = 450

export default async function setup(): Promise<() => void> {
  process.env.AMP_RUN = `run-${process.pid}`
  const engines = labRelease === 'current' ? [...enginePackages, ...podmanPackages] : []
  await fetchPackages([...engines, ...currentPackages])
  await preparedStandIns()
  raiseSlowness(await containerStartMs(), quietStartMs)
  console.log(`limits are ${slowness().toFixed(1)} times those of a quiet machine`)
  return () => {
    const left = processesOf(process.env.AMP_RUN!)
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    if (left.length === 0) return
    const list = left.map(({ pid, command }) => `${pid} ${command}`).join('\n')
    throw new Error(`a test left these processes alive (ended now):\n${list}`)
  }
}

/** The median of some. */
async function containerStartMs(): Promise<number> {
  const docker = await startDocker({ product: false })
  try {
    const took: number[] = []
    for (let n = 0; n < 5; n += 1) {
      const began = performance.now()
      await docker.docker('run', '--rm', appImage, 'true')
      took.push(performance.now() - began)
    }
    return took.toSorted((a, b) => a - b)[2]!
  } finally {
    await docker.stop()
  }
}

interface Left {
  readonly pid: number
  readonly command: string
}

function processesOf(run: string): Left[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(name, 'environ').split('\0').includes(`AMP_LAB=${run}`))
    .map((name) => ({ pid: Number(name), command: read(name, 'cmdline').replaceAll('\0', ' ') }))
}

/** A process may end while one reads about it. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(join('/proc', pid, file), 'utf8')
  } catch {
    return ''
  }
}
