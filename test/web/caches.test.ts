// What is emptied when memory is short is made again at the next ask: the same answers, at another price.

import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { formats } from '../../src/agent/formats.ts'
import type { Entry } from '../../src/model.ts'
import { standalone, task } from '../store/world.ts'
import { read, startAgent } from './agent.ts'

const text = Array.from({ length: 200 }, (_, n) => `requests_total{path="/${n}"} ${n}\n`).join('')

test('answers are the same after every cache was emptied, and merged but once without', async () => {
  let made = 0
  const counted: typeof formats = {
    ...formats,
    merge(parts, to) {
      made += 1
      return formats.merge(parts, to)
    },
  }
  const snapshot = read(text)
  const entries: Entry[] = [
    { ...standalone('n1', 'web'), snapshot },
    { ...task('n1', 'shop', 1), snapshot },
    { ...task('n1', 'shop', 2), snapshot },
  ]
  await using stack = new AsyncDisposableStack()
  const agent = await startAgent({ entries, maxAgeMs: 'off', formats: counted })
  stack.defer(agent.stop)

  const askAll = async () => {
    const answers: string[] = []
    for (const path of ['/web/metrics', '/shop/metrics']) {
      const { body } = await agent.ask(path, { headers: { 'accept-encoding': 'gzip' } })
      answers.push(gunzipSync(body).toString())
    }
    return answers
  }
  const first = await askAll()
  expect(first[0]).toBe(text)
  expect(first[1]).toContain('slot="2"')
  const once = made
  expect(await askAll()).toEqual(first)
  expect(made).toBe(once)

  agent.shed()
  expect(await askAll()).toEqual(first)
  expect(made).toBe(2 * once)
})
