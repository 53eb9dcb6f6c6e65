import { expect, test } from 'vitest'
import { createLog } from '../../src/logging/log.ts'
import { readableLine } from '../../src/logging/readable.ts'
import { createPaint } from '../../src/logging/terminal.ts'

const plain = createPaint({ isTerminal: false, env: {} })

function logged(act: (log: ReturnType<typeof createLog>) => void): string {
  let text = ''
  act(
    createLog('debug', (line) => {
      text += readableLine(line, plain)
    }),
  )
  return text
}

test('an event is one line: time, level, message and fields', () => {
  const text = logged((log) =>
    log.warn({ node: 'node2', reason: 'no answer', durationMs: 12, ports: [1, 2] }, 'link lost'),
  )
  expect(text).toMatch(
    /^\d\d:\d\d:\d\d warn {2}link lost {2}node=node2 reason="no answer" durationMs=12 ports=\[1,2\]\n$/,
  )
})

test('an error has its stack, indented', () => {
  const text = logged((log) => log.error({ err: new Error('boom') }, 'a request failed'))
  const [first, second, third] = text.split('\n')
  expect(first).toMatch(/ error a request failed$/)
  expect(second).toBe('    Error: boom')
  expect(third).toMatch(/^ {4}at /)
})

test('text of a container can’t add a line or a colour', () => {
  const text = logged((log) => log.info({ name: 'a\n14:00:00 error fake\x1b[31m' }, 'found \x1b]0;x\x07'))
  expect(text.split('\n')).toHaveLength(2)
  expect(text).not.toContain('\x1b')
})

test('text of a container can’t add a line or a colour to the JSON', () => {
  const name = 'a\u001b[2J\u009b2J\u202e\n'
  let json = ''
  createLog('info', (line) => {
    json = line
  }).info({ name }, 'found')
  expect(json.trimEnd()).not.toMatch(/[\p{Cc}\u202e]/u)
  expect(JSON.parse(json).name).toBe(name)
})

test('levels have colours on a terminal', () => {
  const paint = createPaint({ isTerminal: true, env: {} })
  let text = ''
  createLog('info', (line) => {
    text = readableLine(line, paint)
  }).info({}, 'listening')
  expect(text).toContain('\x1b[32minfo ')
})
