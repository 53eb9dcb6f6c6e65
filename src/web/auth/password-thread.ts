// The thread that compares passwords. States: not started; running, from the first comparison on; stopped.

import { Worker } from 'node:worker_threads'
import { ProxyError } from '../../errors.ts'
import type { PasswordComparison } from './password-worker.ts'

interface PasswordThread {
  /** One at a time: to be called again only when the last comparison is done. */
  compare(comparison: PasswordComparison): Promise<boolean>
  stop(): Promise<void>
}

const maxHeapMb = 32
/** Bundled as a file of its own, beside the bundle of the agent. */
const file = import.meta.url.endsWith('.ts') ? './password-worker.ts' : './password-worker.js'

export function createPasswordThread(): PasswordThread {
  let worker: Worker | undefined
  let pending: PromiseWithResolvers<boolean> | undefined
  let isStopped = false
  const stopping = () => new ProxyError('stopping', 'the agent stops')

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
      worker = undefined
      pending?.reject(new Error('the thread that compares passwords has ended'))
    })
    return started
  }

  return {
    async compare(comparison) {
      if (isStopped) throw stopping()
      pending = Promise.withResolvers()
      worker ??= start()
      worker.postMessage(comparison)
      return await pending.promise
    },
    async stop() {
      isStopped = true
      pending?.reject(stopping())
      await worker?.terminate()
    },
  }
}
