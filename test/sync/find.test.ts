import { expect, test } from 'vitest'
import { createFinder, type LookUp } from '../../src/sync/find.ts'

const signal = new AbortController().signal
const dns =
  (answers: Record<string, readonly string[] | Error>): LookUp =>
  async (name) => {
    const answer = answers[name] ?? []
    if (answer instanceof Error) throw answer
    return answer
  }
const finder = (lookUp: LookUp, where: { service?: string; peers?: readonly string[] }) =>
  createFinder(() => ({ service: where.service, sshPort: 2140, peers: where.peers ?? [] }), lookUp)

test('the tasks of the own service and the listed peers, each once, IPv4 and IPv6', async () => {
  const lookUp = dns({ 'tasks.demo_proxy': ['10.0.0.3', '10.0.0.2', 'fd00::2'], peer: ['10.0.0.2'] })
  const find = finder(lookUp, { service: 'demo_proxy', peers: ['peer:2140', '[fd00::9]:1', '10.1.1.1:2'] })
  expect(await find(signal)).toEqual([
    '10.0.0.2:2140',
    '10.0.0.3:2140',
    '10.1.1.1:2',
    '[fd00::2]:2140',
    '[fd00::9]:1',
  ])
})

test('no tasks yet is no failure', async () => {
  expect(await finder(dns({}), { service: 'demo_proxy' })(signal)).toEqual([])
})

test('a failing server takes nothing away, neither of what was found nor of the others', async () => {
  const answers: Record<string, readonly string[] | Error> = { a: ['10.0.0.1'], b: ['10.0.0.2'] }
  const find = finder((name, s) => dns(answers)(name, s), { peers: ['a:1', 'b:1'] })
  expect(await find(signal)).toEqual(['10.0.0.1:1', '10.0.0.2:1'])
  answers.a = new Error('SERVFAIL')
  answers.b = []
  expect(await find(signal)).toEqual(['10.0.0.1:1'])
})

test('nothing found and nobody to ask is a failure', async () => {
  await expect(finder(dns({ a: new Error('SERVFAIL') }), { peers: ['a:1'] })(signal)).rejects.toThrow(
    'SERVFAIL',
  )
})
