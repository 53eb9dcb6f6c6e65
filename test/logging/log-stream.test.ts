import { expect, test } from 'vitest'
import { createLog } from '../../src/logging/log.ts'
import { createLogStream } from '../../src/logging/log-stream.ts'

test('what cannot be written costs lines, and how many is told once it can be again', () => {
  const lines: string[] = []
  let full = false
  const log = createLog(
    'info',
    createLogStream((line) => {
      if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      lines.push(line)
    }),
  )
  log.info({}, 'first')
  full = true
  for (let n = 0; n < 3; n += 1) log.error({ n }, 'lost')
  full = false
  log.info({}, 'last')
  const told = lines.map((line) => JSON.parse(line))
  expect(told.map(({ msg, lines }) => [msg, lines])).toEqual([
    ['first', undefined],
    ['lines of the log could not be written and are lost', 3],
    ['last', undefined],
  ])
  expect(new Date(told[1].time).getTime()).toBeGreaterThan(0)
})
