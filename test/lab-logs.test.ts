import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLog } from '../src/logging/log.ts'
import { expectInternalErrors } from './helpers/internal-errors.ts'
import { refuseInternalErrorsOf } from './lab/harness/internal-errors.ts'

test('a lab finds the internal errors of its agents in what the engines keep of their logs', () => {
  expectInternalErrors()
  const data = mkdtempSync(join(tmpdir(), 'engine-'))
  const folder = join(data, 'containers', 'abc')
  mkdirSync(folder, { recursive: true })
  const write = (act: (log: ReturnType<typeof createLog>) => void) => {
    const lines: string[] = []
    act(createLog('info', (line) => lines.push(line)))
    const kept = lines.map(
      (log) => `${JSON.stringify({ log, stream: 'stdout', time: '2026-01-01T00:00:00Z' })}\n`,
    )
    writeFileSync(join(folder, 'abc-json.log'), kept.join(''))
  }
  write((log) => log.error({ reason: 'say "msg":"internal error"' }, 'node claimed twice'))
  expect(() => refuseInternalErrorsOf('node1', data)).not.toThrow()
  write((log) => log.internal(new Error('on "purpose"'), 'scrape'))
  expect(() => refuseInternalErrorsOf('node1', data)).toThrow(/agents on node1 logged.*on \\"purpose\\"/s)
  rmSync(data, { recursive: true })
})
