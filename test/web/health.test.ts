import { describe, expect, test } from 'vitest'
import type { Problem } from '../../src/status/shape.ts'
import { healthReportOf } from '../../src/web/health.ts'
import { startAgent } from '../web/agent.ts'

const problem = (severity: Problem['severity'], text: string): Problem => ({
  ...{ key: text, severity, about: 'node', text },
})

describe('the report', () => {
  const report = (problems: readonly Problem[], pending: readonly string[] = []) =>
    healthReportOf({ version: '1.0.0', problems: () => problems, pendingForReady: () => pending })

  test.each<[string, readonly Problem[], object]>([
    ['without problems', [], { status: 'ok' }],
    ['with a notice', [problem('notice', 'x')], { status: 'ok' }],
    ['with a warning', [problem('warning', 'x')], { status: 'warning' }],
    ['with an error beside a warning', [problem('error', 'y'), problem('warning', 'x')], { status: 'error' }],
  ])('%s', (_what, problems, expected) => {
    expect(report(problems)).toMatchObject({ ...expected, problems, ready: true, pending: [] })
  })

  test('of an agent that is not ready', () => {
    expect(report([], ['peers'])).toMatchObject({ status: 'ok', ready: false, pending: ['peers'] })
  })
})

test('liveness, readiness and the report are served over HTTP', async () => {
  let pending = ['discovery', 'the first round of probes']
  const agent = await startAgent({ pendingForReady: () => pending })
  expect(await agent.ask('/-/healthy')).toMatchObject({ status: 200, text: 'healthy\n' })
  expect(await agent.ask('/-/ready')).toMatchObject({
    status: 503,
    text: 'not ready yet: waiting for discovery, the first round of probes\n',
  })
  pending = []
  expect(await agent.ask('/-/ready')).toMatchObject({ status: 200, text: 'ready\n' })
  expect(JSON.parse((await agent.ask('/health')).text)).toMatchObject({ status: 'ok', version: '1.2.3' })
  await agent.stop()
})
