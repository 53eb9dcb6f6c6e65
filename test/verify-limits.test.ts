import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { describeNearest, limitsIn } from '../tools/verify/limits.ts'

const testOf = (fullName: string, duration: number, wait?: object) => ({
  fullName,
  duration,
  meta: { limits: { testMs: 10_000, ...(wait && { wait }) } },
})
const report = {
  testResults: [
    {
      name: '/somewhere/test/lab/one.test.ts',
      assertionResults: [
        testOf('a', 1000),
        testOf('b', 5000, { what: 'an event', tookMs: 900, limitMs: 1000 }),
        { fullName: 'skipped', meta: {} },
      ],
    },
    { name: '/somewhere/test/two.test.ts', assertionResults: [testOf('c', 2000)] },
  ],
}

test('the tests that came nearest to a limit stand first, each once, with what took its time', () => {
  expect(describeNearest(limitsIn(report as Parameters<typeof limitsIn>[0]), 2)).toEqual([
    ' 90 %  0.9 of 1.0 s  lab/one.test.ts: b (an event)',
    ' 20 %  2.0 of 10.0 s  two.test.ts: c (the test)',
  ])
})

test('limits allow for every run that shares the machine, however quiet it is when its speed is measured', () => {
  const program = "import { slowness } from './test/helpers/limits.ts'; console.log(slowness())"
  const { TEST_SLOWNESS: _, ...env } = process.env
  const args = ['--input-type=module', '--eval', program]
  const measured = execFileSync(process.execPath, args, { env: { ...env, TEST_LANES: '3' } })
  expect(Number(measured)).toBeGreaterThanOrEqual(3)
})
