import { describe, expect, test } from 'vitest'
import { type Check, type HealthDeps, reportOf, type Verdict } from '../../src/serve/health.ts'
import { startAgent } from './agent.ts'

const check = (name: string, verdict: Verdict): Check => ({ name, look: () => verdict })
const deps = (more: Partial<HealthDeps> = {}): HealthDeps => ({
  version: '1.0.0',
  checks: [check('docker', { status: 'ok' })],
  warnings: () => [],
  waitingFor: () => [],
  ...more,
})

describe('the report', () => {
  test.each<[string, Partial<HealthDeps>, object]>([
    ['all is well', {}, { status: 'ok', ready: true, warnings: [], errors: [] }],
    [
      'a warning from elsewhere',
      { warnings: () => ['SSHPASS is short'] },
      { status: 'warning', warnings: ['SSHPASS is short'] },
    ],
    [
      'a check that warns',
      { checks: [check('peers', { status: 'warning', message: 'node3 is lost' })] },
      { status: 'warning', warnings: ['peers: node3 is lost'] },
    ],
    [
      'an error outweighs warnings',
      {
        checks: [check('docker', { status: 'error', message: 'gone', mend: 'start it' })],
        warnings: () => ['x'],
      },
      { status: 'error', errors: ['docker: gone'], warnings: ['x'] },
    ],
    ['not ready', { waitingFor: () => ['peers'] }, { ready: false, waitingFor: ['peers'] }],
  ])('%s', (_what, given, expected) => {
    expect(reportOf(deps(given))).toMatchObject(expected)
  })
})

test('liveness, readiness and the report are told over HTTP', async () => {
  let waitingFor = ['discovery', 'the first round of probes']
  const agent = await startAgent({ waitingFor: () => waitingFor })
  expect(await agent.ask('/-/healthy')).toMatchObject({ status: 200, text: 'healthy\n' })
  expect(await agent.ask('/-/ready')).toMatchObject({
    status: 503,
    text: 'not ready yet: waiting for discovery, the first round of probes\n',
  })
  waitingFor = []
  expect(await agent.ask('/-/ready')).toMatchObject({ status: 200, text: 'ready\n' })
  expect(JSON.parse((await agent.ask('/health')).text)).toMatchObject({ status: 'ok', version: '1.2.3' })
  await agent.stop()
})
