// The examples' stacks: their labels, and what shares the network `monitor` with whatever an operator attaches to it.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { settingsOf } from '../src/labels/settings.ts'

interface Service {
  readonly networks?: readonly string[]
  readonly deploy?: { readonly labels?: Readonly<Record<string, unknown>> }
}
interface Stack {
  readonly services: Readonly<Record<string, Service>>
  readonly networks?: Readonly<Record<string, { readonly external?: boolean } | null>>
  readonly configs?: Readonly<Record<string, { readonly file: string }>>
}

const stacks = readdirSync('deploy', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('stack.yml'))
  .map((name) => `deploy/${name}`)

/** A service's name is an alias on each of its networks; on one of several stacks it may be another's service. */
describe('no service on a shared network is called by a name that another stack may have there, too', () => {
  test.for(stacks)('%s', (file) => {
    const text = readFileSync(file, 'utf8')
    const { services, networks = {}, configs = {} } = parse(text) as Stack
    const shared = Object.keys(networks).filter((name) => networks[name]?.external)
    const ambiguous = Object.entries(services)
      .filter(([, { networks = [] }]) => networks.some((name) => shared.includes(name)))
      .map(([name]) => name)
    const texts = [
      text,
      ...Object.values(configs).map((one) => readFileSync(join(dirname(file), one.file), 'utf8')),
    ]
    const called = texts.flatMap((one) => [...one.matchAll(/\b([\w-]+):\d{4}\b/g)].map(([, host]) => host!))
    expect(called.filter((host) => ambiguous.includes(host))).toEqual([])
  })
  test('there are some', () => expect(stacks.length).toBeGreaterThan(2))
})

test.for(stacks)('each label of a service in %s is one that the agents read', (file) => {
  const { services } = parse(readFileSync(file, 'utf8')) as Stack
  for (const { deploy } of Object.values(services)) {
    const labels = Object.entries(deploy?.labels ?? {}).map(([key, value]) => [key, `${value}`])
    expect(settingsOf({}, Object.fromEntries(labels)).remarks).toEqual([])
  }
})
