// The thread that compares passwords. It is started when it is needed and ends once it hasn't been for a while.

import { Worker } from 'node:worker_threads'
import type { Clock } from '../../clock.ts'
import { ProxyError } from '../../errors.ts'
import type { Comparison } from './password-worker.ts'

export interface Comparer {
  /** One at a time: the next only after the last is done. */
  compare(comparison: Comparison): Promise<boolean>
  stop(): Promise<void>
}

const idleMs = 60_000
const maxHeapMb = 32
/** In the bundle it lies beside the bundle itself. */
const file = import.meta.url.endsWith('.ts') ? './password-worker.ts' : './password-worker.js'

export function createComparer(clock: Clock): Comparer {
  let worker: Worker | undefined
  let pending: PromiseWithResolvers<boolean> | undefined
  let cancelEnd = () => {}
  let isStopped = false
  const stopping = () => new ProxyError('stopping', 'the agent stops')

  async function end(): Promise<void> {
    cancelEnd()
    const ending = worker
    worker = undefined
    pending?.reject(stopping())
    await ending?.terminate()
  }

  function start(): Worker {
    const started = new Worker(new URL(file, import.meta.url), {
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    })
    started.unref()
    started.on('message', (isSame: boolean) => pending?.resolve(isSame))
    started.on('error', (error) => pending?.reject(error))
    started.once('exit', () => {
      if (worker !== started) return
      worker = undefined
      pending?.reject(new Error('the thread that compares passwords has ended'))
    })
    return started
  }

  return {
    async compare(comparison) {
      if (isStopped) throw stopping()
      cancelEnd()
      pending = Promise.withResolvers()
      worker ??= start()
      worker.postMessage(comparison)
      try {
        return await pending.promise
      } finally {
        pending = undefined
        if (worker) cancelEnd = clock.after(idleMs, () => void end())
      }
    },
    stop() {
      isStopped = true
      return end()
    },
  }
}
