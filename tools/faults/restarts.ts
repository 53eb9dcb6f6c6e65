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
    await besideOthers('a container’s process is restarted', async () => {
      agents.endApplication(1)
      const failed = await until('error', 0, 1)
      await agents.startApplication(1)
      return `error after ${seconds(failed)}; live ${seconds(await until('live', 0, 1))} after its start`
    }),
    await besideOthers('an agent is stopped by SIGTERM and started again', async () => {
      const took = await agents.end(1)
      agents.startAgent(1)
      const live = await until('live', 0, 1)
      // which a busy machine doesn't change
      const work = seconds(cpuOf(agents.pid(1)))
      return `stops within ${seconds(took)}; live ${seconds(live)} after its start, which took ${work} of CPU`
    }),
    await besideOthers(`an agent is killed at ${kills} moments and started again at once`, async () => {
      const times: number[] = []
      for (let round = 0; round < kills; round += 1) {
        // from the middle of its start to long after it
        await pause((round * 3000) / kills)
        await agents.kill(1)
        agents.startAgent(1)
        times.push(await until('live', 0, 1))
        if (round % 2 === 0) await agents.untilWhole()
      }
      return `live again after ${spreadOf(times)}`
    }),
    await besideOthers('an agent is lost and comes back', async () => {
      await agents.kill(1)
      const cached = await until('cached', 0, 1)
      const failed = await until('error', 0, 1)
      agents.startAgent(1)
      const live = await until('live', 0, 1)
      return `served from the cache with \`Age\` after ${seconds(cached)} and for ${seconds(failed)} (3 intervals of ${interval} s), then 502; live ${seconds(live)} after its start`
    }),
  ]
}
