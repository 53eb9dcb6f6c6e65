// How long tests may wait: limits are written for a quiet machine of two cores and scale with how slow this one is.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'

/** What the jobs below take on a quiet machine of two cores. */
const quietMs = { computing: 80, starting: 100 }

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
  const ratios = [compute, startPrograms].map((job, at) => {
    const began = performance.now()
    job()
    return (performance.now() - began) / [quietMs.computing, quietMs.starting][at]!
  })
  return Math.max(1, ...ratios)
}

function compute(): void {
  const block = Buffer.alloc(1 << 20, 'a')
  const hash = createHash('md5')
  for (let n = 0; n < 64; n += 1) hash.update(block)
  hash.digest()
}

function startPrograms(): void {
  for (let n = 0; n < 40; n += 1) execFileSync('/bin/true')
}
