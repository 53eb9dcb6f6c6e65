import { expect, test } from 'vitest'
import { createLog, createLogStream, withFields } from '../../src/logging/log.ts'

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

test('levels are words, and fields of all lines come first and give way to those of one', () => {
  const lines: string[] = []
  let node: string | undefined
  const log = withFields(
    createLog('debug', (line) => lines.push(line)),
    () => (node === undefined ? {} : { node }),
  )
  log.info({}, 'starting')
  node = 'node1'
  log.debug({ port: 1 }, 'a')
  log.warn({ node: 'other' }, 'b')
  log.error({}, 'c')
  expect(lines.map((line) => JSON.parse(line)).map(({ level, node, msg }) => [level, node, msg])).toEqual([
    ['info', undefined, 'starting'],
    ['debug', 'node1', 'a'],
    ['warn', 'other', 'b'],
    ['error', 'node1', 'c'],
  ])
  expect(Object.keys(JSON.parse(lines[1]!))).toEqual(['level', 'time', 'node', 'port', 'msg'])
})
