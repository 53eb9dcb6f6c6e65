import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { node, standalone } from '../store/world.ts'
import { startAgent } from '../web/agent.ts'

test('promtool has nothing to say of the agent’s own metrics', async () => {
  const agent = await startAgent({
    entries: [standalone('n1', 'a'), standalone('n2', 'b')],
    nodes: [node('n1', 'one', 'self'), { ...node('n2', 'two'), roundTripMs: 1 }],
  })
  await agent.ask('/unknown/metrics')
  const { text: input } = await agent.ask('/metrics')
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' })
  await agent.stop()
})
