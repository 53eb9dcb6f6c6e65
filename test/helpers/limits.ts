// How long tests may wait: limits are written for a quiet machine of two cores and scale with how slow this one is.

import { execFileSync } from 'node:child_process'

/** What the jobs below take on a quiet machine of two cores. */
const quietMs = { computing: 320, starting: 100 }

/** A single look can't distinguish a stall from a slow machine. */
const maxSlowness = 8

/**
 * How many times slower than that this machine is now; at least 1. Measured once a run, before its workers start. Of the
 * runs that share the machine it counts each as one more, since they may have nothing to do while it is measured.
 */
export function slowness(): number {
  const lanes = Number(process.env.TEST_LANES ?? 1)
  process.env.TEST_SLOWNESS ??= String(Math.min(maxSlowness, measureSlowness() * lanes))
  return Number(process.env.TEST_SLOWNESS)
}

/** For what a project measures itself, such as the start of a container. */
export function raiseSlowness(tookMs: number, quiet: number): void {
  process.env.TEST_SLOWNESS = String(Math.min(maxSlowness, Math.max(slowness(), tookMs / quiet)))
}

export const scaled = (limitMs: number): number => Math.round(limitMs * slowness())

function measureSlowness(): number {
  return Math.max(1, computeMs() / quietMs.computing, startProgramsMs() / quietMs.starting)
}

/** On two cores at once, as tests do, and for so long that a scheduler's credit for what has just begun is used up. */
function computeMs(): number {
  const script = `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    if (isMainThread) {
      const times = []
      for (let n = 0; n < 2; n += 1)
        new Worker(process.argv[1], { eval: true, argv: [process.argv[1]] }).on('message', (ms) => {
          if (times.push(ms) === 2) console.log(Math.max(...times))
        })
    } else {
      const block = Buffer.alloc(1 << 20, 'a')
      const hash = require('node:crypto').createHash('md5')
      const began = performance.now()
      for (let n = 0; n < 256; n += 1) hash.update(block)
      hash.digest()
      parentPort.postMessage(performance.now() - began)
    }`
  return Number(execFileSync(process.execPath, ['--eval', script, script]))
}

function startProgramsMs(): number {
  const began = performance.now()
  for (let n = 0; n < 40; n += 1) execFileSync('/bin/true')
  return performance.now() - began
}
