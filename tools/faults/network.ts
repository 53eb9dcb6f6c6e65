// Bad wires between agents: the others reach node 2 through one wire each, and it dials nobody itself.

import { setTimeout as pause } from 'node:timers/promises'
import { type Agents, spreadOf, startAgents } from './agents.ts'
import { lossOn } from './loss.ts'
import { type Row, seconds } from './row.ts'
import { startWire, type Wire } from './wire.ts'

const long = 10_000

export async function network(): Promise<readonly Row[]> {
  const wires = new Map<number, Wire>()
  await using agents = await startAgents({
    async prepare(sshPorts) {
      for (const at of [0, 2]) wires.set(at, await startWire(sshPorts[1]!))
    },
    peersOf: (at, sshPorts) =>
      at === 1 ? [] : [`127.0.0.1:${wires.get(at)!.port}`, `127.0.0.1:${sshPorts[2 - at]}`],
  })
  await agents.untilWhole()
  const { until, besideOthers } = agents
  const setAll = (bad: Partial<Wire>) => {
    for (const wire of wires.values()) Object.assign(wire, bad)
  }
  return [
    await besideOthers('100 ms more latency each way between two agents', async () => {
      setAll({ delay: 100 })
      const times: number[] = []
      for (let round = 0; round < 20; round += 1) {
        // longer than MAX_AGE: each answer is a read of its own
        await pause(150)
        times.push(await until('live', 0, 1))
      }
      setAll({ delay: 0 })
      return `every response is live, after ${spreadOf(times)}`
    }),
    await besideOthers('a dead link: nothing passes, and connections stay open', async () => {
      setAll({ stalled: true })
      const cached = await until('cached', 0, 1)
      await pause(long)
      setAll({ stalled: false })
      return `from the cache after ${seconds(cached)}; live ${seconds(await until('live', 0, 1))} after the fault’s end`
    }),
    await besideOthers(`links that are reset after 3,000 bytes, for ${long / 1000} s`, async () => {
      setAll({ most: 3000 })
      const found = await answersDuring(agents)
      setAll({ most: Number.POSITIVE_INFINITY })
      return `${found}; live ${seconds(await until('live', 0, 1))} after the fault’s end`
    }),
    await besideOthers(`a flipped bit in every 3,000 bytes, for ${long / 1000} s`, async () => {
      setAll({ noise: 3000 })
      const found = await answersDuring(agents)
      setAll({ noise: Number.POSITIVE_INFINITY })
      return `${found}; live ${seconds(await until('live', 0, 1))} after the fault’s end`
    }),
    await besideOthers(`10 % packet loss to and from an agent, for ${long / 1000} s`, async () => {
      using _loss = await lossOn(agents.sshPorts[1]!, 0.1)
      return answersDuring(agents)
    }),
  ]
}

/** What another agent answers meanwhile. A wrong page ends all. */
async function answersDuring(agents: Agents): Promise<string> {
  const counts = new Map<string, number>()
  const times: number[] = []
  const end = performance.now() + long
  while (performance.now() < end) {
    const startedAt = performance.now()
    const answer = await agents.ask(0, 1)
    if (answer === 'wrong' || answer === 'nothing') throw new Error(`the answer was ${answer}`)
    times.push(performance.now() - startedAt)
    counts.set(answer, (counts.get(answer) ?? 0) + 1)
    await pause(100)
  }
  const list = [...counts].map(([answer, count]) => `${count} ${answer}`).join(', ')
  return `meanwhile ${list}, after ${spreadOf(times)}, none wrong`
}
