// 10,000 strangers at each port of an agent, who connect and say nothing.

import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { rssOf } from '../bench/processes.ts'
import { type Agents, interval, startAgents } from './agents.ts'
import { startCrowd } from './crowd.ts'
import { type Row, seconds } from './row.ts'

const strangers = 10_000
/** Limits are by address: the other agents come from another one. */
const from = '127.0.0.66'
const patience = 60_000
/** As in the stack file's 512 MB: 10,000 connections alone are more than the other faults' agents may hold. */
const heap = 256

export async function flood(): Promise<readonly Row[]> {
  await using agents = await startAgents({ heap })
  await agents.untilWhole()
  return [
    await besiege(agents, 'the web port', Number(new URL(agents.url(1)).port)),
    await besiege(agents, 'the SSH port', agents.sshPorts[1]!),
  ]
}

function besiege(agents: Agents, port: string, number: number): Promise<Row> {
  return agents.besideOthers(
    `${strangers} connections to ${port} of an agent that send nothing`,
    async () => {
      const files = filesOf(agents.pid(1))
      const memory = rssOf(agents.pid(1))
      const watched = watch(agents)
      const began = performance.now()
      await using crowd = await startCrowd(strangers, number, from)
      const came = performance.now() - began
      const held = filesOf(agents.pid(1)) - files
      await pause(2 * interval * 1000)
      const { requests, live, most } = await watched.end()
      await crowd[Symbol.asyncDispose]()
      const left = performance.now()
      while (filesOf(agents.pid(1)) > files + 5) {
        if (performance.now() - left > patience) throw new Error('connections of strangers are still held')
        await pause(20)
      }
      return `with ${heap} MiB for JavaScript objects; opened within ${seconds(came)}, ${held} stay open; ${live} of ${requests} responses of this agent, direct and through another one, were live; memory rose from ${Math.round(memory)} to at most ${Math.round(most)} MiB; all free ${seconds(performance.now() - left)} after they left`
    },
  )
}

const filesOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length

/** Asks the agent and another one for its application on and on. */
function watch(agents: Agents) {
  let [requests, live, most, ended] = [0, 0, 0, false]
  async function run(): Promise<void> {
    for (; !ended; await pause(100))
      for (const node of [0, 1]) {
        requests += 1
        if ((await agents.ask(node, 1)) === 'live') live += 1
        most = Math.max(most, rssOf(agents.pid(1)))
      }
  }
  const running = run()
  return {
    async end() {
      ended = true
      await running
      return { requests, live, most }
    },
  }
}
