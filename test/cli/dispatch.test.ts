import { expect, test } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { dispatch } from '../../src/cli/dispatch.ts'
import { version } from '../../src/runtime/version.ts'
import { run } from './run.ts'

const say = (...args: string[]) => run(dispatch, args)

test.each(['--help', '-h', 'help'])('%s lists all commands', async (word) => {
  const { code, out, err } = await say(word)
  expect([code, err]).toEqual([0, ''])
  for (const name of Object.keys(commands)) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
})

test.each(Object.keys(commands))('%s --help tells how to use it', async (name) => {
  const asked = await say(name, '--help')
  expect(asked).toMatchObject({ code: 0, err: '', out: expect.stringContaining(`app-metrics-proxy ${name}`) })
  expect(await say('help', name)).toEqual(asked)
})

test.each(Object.keys(commands))('%s refuses an option that it does not know', async (name) => {
  const { code, out, err } = await say(name, '--no-such-option')
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('Usage: app-metrics-proxy')
})

test.each(['nope', '--nope', 'constructor', '__proto__'])('%s is no command', async (name) => {
  const { code, out, err } = await say(name)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(`no command ${JSON.stringify(name)}`)
})

test.each([
  ['taget', 'targets'],
  ['Target', 'targets'],
  ['chekc', 'check'],
  ['rn', 'run'],
  ['versoin', 'version'],
])('%s is taken for a mistyped %s', async (name, meant) => {
  const { code, out, err } = await say(name)
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(`app-metrics-proxy has no command "${name}"; ${meant} is one\n`)
})

test.each(['status', 'start', 'list', 'ps', 'x'])('%s is taken for no other command', async (name) => {
  expect((await say(name)).err).toMatch(`app-metrics-proxy has no command "${name}"\n`)
})

test.each(['version', '--version'])('%s prints the version', async (word) => {
  expect((await say(word)).out).toMatch(new RegExp(`^app-metrics-proxy ${version} `))
})
