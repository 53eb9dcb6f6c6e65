import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { examples, read, stories } from '../parts/example.ts'

interface Service {
  readonly image?: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly volumes?: readonly string[]
  readonly configs?: readonly { readonly source: string }[]
}
interface Stack {
  readonly services: Readonly<Record<string, Service>>
  readonly configs?: Readonly<Record<string, { readonly file: string }>>
}

const check = (story: string, command: string, ...args: string[]) =>
  promisify(execFile)(command, args, { cwd: join(examples, story) })
const has = (story: string, file: string) => existsSync(join(examples, story, file))

describe.each(stories)('%s', (story) => {
  const stacks: readonly Stack[] = readdirSync(join(examples, story))
    .filter((file) => file.endsWith('.yml'))
    .map((file) => parse(read(`${story}/${file}`)))
    .filter((content) => 'services' in content)
  const services = stacks.flatMap((stack) => Object.entries(stack.services))
  const configs = Object.assign({}, ...stacks.map((stack) => stack.configs)) as NonNullable<Stack['configs']>

  test('Prometheus takes its configuration', async () => {
    await check(story, 'promtool', 'check', 'config', '--lint=all', 'prometheus.yml')
    if (has(story, 'rules.yml'))
      await check(story, 'promtool', 'check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml')
    if (has(story, 'alertmanager.yml')) await check(story, 'amtool', 'check-config', 'alertmanager.yml')
  })

  test('each service has an image or what makes it, and each file that it names is there', () => {
    expect(services.length).toBeGreaterThan(2)
    for (const [name, { image, build, command = [], volumes = [], configs: mounted = [] }] of services) {
      expect([name, image ?? build]).not.toEqual([name, undefined])
      if (build) expect([build, has(story, join(build, 'Dockerfile'))]).toEqual([build, true])
      for (const word of command.filter((word) => word.endsWith('.mjs')))
        expect([word, has(story, word)]).toEqual([word, true])
      for (const [source] of volumes.map((volume) => volume.split(':')))
        if (source!.startsWith('.')) expect([source, has(story, source!)]).toEqual([source, true])
      for (const { source } of mounted) expect(configs).toHaveProperty(source)
    }
    for (const { file } of Object.values(configs)) expect([file, has(story, file)]).toEqual([file, true])
  })

  test('a README and a dashboard are there', () => {
    expect(read(`${story}/README.md`)).toMatch(/^# /)
    const dashboard = configs.dashboard?.file ?? 'dashboard.json'
    expect(JSON.parse(read(`${story}/${dashboard}`)).panels.length).toBeGreaterThan(2)
  })
})
