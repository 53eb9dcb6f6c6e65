import { expect, test } from 'vitest'
import { config } from '../../src/cli/config.ts'
import { run as runAgent } from '../../src/cli/run.ts'
import { allOptions } from '../../src/config/options.ts'
import { run } from './run.ts'

const rowsOf = (out: string) =>
  new Map(
    out
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [name = '', ...rest] = line.split(/ {2,}/)
        return [name, rest] as const
      }),
  )

test('prints each variable with its value and where that comes from', async () => {
  const env = { SCRAPE_INTERVAL: '"5s"', PORTS: '9187', CLUSTER: '', NODE_NAME: 'node7' }
  const { code, out, err } = await run(config, [], { env })
  expect([code, err]).toEqual([0, ''])
  const rows = rowsOf(out)
  expect([...rows.keys()]).toEqual(['VARIABLE', ...allOptions.map(({ name }) => name)])
  expect(Object.fromEntries(rows)).toMatchObject({
    SCRAPE_INTERVAL: ['5s', 'environment'],
    SCRAPE_TIMEOUT: ['5s', 'SCRAPE_INTERVAL'],
    STALE_AFTER: ['15s', 'SCRAPE_INTERVAL'],
    PORTS: ['9187', 'environment'],
    MAX_AGE: ['100ms', 'default'],
    NODE_NAME: ['node7', 'environment'],
    CLUSTER: ['unset'],
  })
})

test('hides secrets and passwords', async () => {
  const env = {
    SSHPASS: 'a-long-and-secret-text',
    SSHPASS_PREVIOUS: 'another-secret-text',
    TARGETS: 'a=http://alice:hunter2@db:1/m b=https://bob:hunter2@db:2/m',
  }
  const { out, err } = await run(config, [], { env })
  expect(out + err).not.toMatch(/secret-text|alice|bob|hunter2/)
  expect(rowsOf(out).get('SSHPASS')).toEqual(['(hidden)', 'environment'])
  expect(rowsOf(out).get('TARGETS')![0]).toBe('a=http://(hidden)@db:1/m b=https://(hidden)@db:2/m')
})

test('warns about misspelt variables, on stderr, and shows no control characters', async () => {
  const { code, out, err } = await run(config, [], { env: { SCRAPE_INTERVALL: '1', CLUSTER: 'a\x1b[31m' } })
  expect([code, err]).toEqual([
    0,
    'warning: SCRAPE_INTERVALL is not a variable of app-metrics-proxy; SCRAPE_INTERVAL is\n',
  ])
  expect(out).not.toContain('\x1b')
})

test('reports all errors at once, and prints no table', async () => {
  const { code, out, err } = await run(config, [], { env: { PORTS: 'x', LOG_LEVEL: 'loud' } })
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(/^PORTS=x: must be .*\nLOG_LEVEL=loud: must be .*\n$/)
})

test('the help of run lists every variable with its default, in lines of at most 100 characters', async () => {
  const { code, out } = await run(runAgent, ['--help'])
  expect(code).toBe(0)
  for (const { name, default: fallback } of allOptions)
    expect(out).toContain(`\n  ${name}${fallback ? ` (${fallback})` : ''}\n`)
  expect(out).not.toContain('`')
  expect(out.split('\n').filter((line) => line.length > 115)).toEqual([])
})
