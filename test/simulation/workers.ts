// Plays scenarios in several threads.

import { Worker } from 'node:worker_threads'
import type { Played, Task } from './worker.ts'

/** `on` returns whether to go on. Rejects if a thread fails. */
export async function playInThreads(
  task: Task,
  threads: number,
  on: (played: Played) => boolean,
): Promise<void> {
  const stop = Promise.withResolvers<void>()
  const workers = Array.from({ length: threads }, (_, at) => {
    const scenarios = Math.ceil((task.scenarios - at) / threads)
    const workerData: Task = {
      ...task,
      first: task.first + at * task.step,
      step: threads * task.step,
      scenarios,
    }
    return new Worker(new URL('worker.ts', import.meta.url), {
      workerData,
      // agents and all they knew die young: fewer collections, each of as little
      resourceLimits: { maxYoungGenerationSizeMb: 128 },
    })
  })
  const ended = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.on('message', (played: Played) => {
          if (!on(played)) stop.resolve()
        })
        worker.on('error', reject)
        worker.on('exit', () => resolve())
      }),
  )
  try {
    await Promise.race([Promise.all(ended), stop.promise])
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
