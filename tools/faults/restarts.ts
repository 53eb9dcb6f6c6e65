// What ends: an application, an agent by TERM and by KILL, at any moment of its life.

import { setTimeout as pause } from 'node:timers/promises'
import { cpuOf } from '../bench/processes.ts'
import { interval, spreadOf, startAgents } from './agents.ts'
import { type Row, seconds } from './row.ts'

const kills = 8

export async function restarts(): Promise<readonly Row[]> {
  await using agents = await startAgents()
  const { until, besideOthers } = agents
  await agents.untilWhole()
  return [
    await besideOthers('a container’s process ends and starts again', async () => {
      agents.endApplication(1)
      const told = await until('told', 0, 1)
      await agents.startApplication(1)
      return `told after ${seconds(told)}; fresh ${seconds(await until('fresh', 0, 1))} after its start`
    }),
    await besideOthers('SIGTERM of an agent, started again', async () => {
      const took = await agents.end(1)
      agents.startAgent(1)
      const fresh = await until('fresh', 0, 1)
      // which a busy machine doesn't change
      const work = seconds(cpuOf(agents.pid(1)))
      return `ends within ${seconds(took)}; fresh ${seconds(fresh)} after its start, which took ${work} of CPU`
    }),
    await besideOthers(
      `SIGKILL of an agent at ${kills} moments of its life, started again at once`,
      async () => {
        const times: number[] = []
        for (let round = 0; round < kills; round += 1) {
          // from the middle of its start to long after it
          await pause((round * 3000) / kills)
          await agents.kill(1)
          agents.startAgent(1)
          times.push(await until('fresh', 0, 1))
          if (round % 2 === 0) await agents.untilWhole()
        }
        return `fresh again after ${spreadOf(times)}`
      },
    ),
    await besideOthers('an agent is lost, and comes back', async () => {
      await agents.kill(1)
      const kept = await until('kept', 0, 1)
      const told = await until('told', 0, 1)
      agents.startAgent(1)
      const fresh = await until('fresh', 0, 1)
      return `its page is kept, with its age, after ${seconds(kept)} and for ${seconds(told)} (3 intervals of ${interval} s), then 502; fresh ${seconds(fresh)} after its start`
    }),
  ]
}
