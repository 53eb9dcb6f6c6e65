import { expect, test } from 'vitest'
import { createLog, createLogStream } from '../../src/logging/log.ts'

test('lines that cannot be written are lost, and their number is logged later', () => {
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
  const logged = lines.map((line) => JSON.parse(line))
  expect(logged.map(({ msg, lines }) => [msg, lines])).toEqual([
    ['first', undefined],
    ['log lines could not be written and are lost', 3],
    ['last', undefined],
  ])
  expect(new Date(logged[1].time).getTime()).toBeGreaterThan(0)
})
