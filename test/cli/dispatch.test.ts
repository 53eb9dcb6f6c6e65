import { expect, test } from 'vitest'
import { commands, dispatch } from '../../src/cli/dispatch.ts'
import { version } from '../../src/runtime/version.ts'
import { run } from './run.ts'

const runMain = (...args: string[]) => run(dispatch, args)

test.each(['--help', '-h', 'help'])('%s lists all commands', async (word) => {
  const { code, out, err } = await runMain(word)
  expect([code, err]).toEqual([0, ''])
  for (const name of Object.keys(commands)) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
})

test.each(Object.keys(commands))('%s --help prints its usage', async (name) => {
  const result = await runMain(name, '--help')
  expect(result).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining(`app-metrics-proxy ${name}`),
  })
  expect(await runMain('help', name)).toEqual(result)
})

test.each(['', ...Object.keys(commands)])('%s --help has examples and the exit codes', async (name) => {
  const { out } = await runMain(...(name === '' ? [] : [name]), '--help')
  expect(out).toMatch(/^Examples?:\n {2}(.* )?app-metrics-proxy /m)
  expect(out).toMatch(/^Exit code: 0 /m)
})

test.each(Object.keys(commands))('%s refuses an unknown option', async (name) => {
  const { code, out, err } = await runMain(name, '--no-such-option')
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('Usage: app-metrics-proxy')
})

test.each(['nope', '--nope', 'constructor', '__proto__'])('%s is an unknown command', async (name) => {
  const { code, out, err } = await runMain(name)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(`unknown command ${JSON.stringify(name)}`)
})

test.each([
  ['taget', 'targets'],
  ['Target', 'targets'],
  ['chekc', 'check'],
  ['rn', 'run'],
  ['versoin', 'version'],
])('%s is recognized as a mistyped %s', async (name, meant) => {
  const { code, out, err } = await runMain(name)
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(`unknown command "${name}"; did you mean ${meant}?\n`)
})

test.each(['status', 'start', 'list', 'ps', 'x'])('%s is not recognized as another command', async (name) => {
  expect((await runMain(name)).err).toMatch(`unknown command "${name}"\n`)
})

test.each(['version', '--version'])('%s prints the version', async (word) => {
  expect((await runMain(word)).out).toMatch(new RegExp(`^app-metrics-proxy ${version} `))
})
