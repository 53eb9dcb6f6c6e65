// What is released: one version everywhere, and workflows that publish what they say.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readWorkflow, stepsOf } from './helpers/workflow.ts'

const execute = promisify(execFile)

const { version, scripts } = JSON.parse(readFileSync('package.json', 'utf8'))

test('each file and manual that names the image names this version', () => {
  const deployed = readdirSync('deploy', { recursive: true })
    .map((name) => `deploy/${name}`)
    .filter((name) => /\.(yml|md)$/.test(name))
  const named = ['README.md', 'stack.yml', ...deployed].flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bapp-metrics-proxy:(\d[\w.-]*)/g)].map(([, tag]) => [
      file,
      tag,
    ]),
  )
  expect(named.filter(([, tag]) => tag !== version)).toEqual([])
  expect(named.length).toBeGreaterThan(9)
  expect(readFileSync('CHANGELOG.md', 'utf8')).toContain(`\n## ${version} `)
})

const workflow = readWorkflow('release.yml')
const workflows = readdirSync('.github/workflows').map((file) => ({ file, ...readWorkflow(file) }))
const steps = workflows.flatMap((one) => stepsOf(one))

test('actions are named by commit, with their version beside it; scripts are there', () => {
  for (const { file } of workflows) {
    const lines = readFileSync(`.github/workflows/${file}`, 'utf8').matchAll(/uses: (?!\.\/)(.*)$/gm)
    for (const [, action] of lines) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  }
  const called = steps.flatMap(({ run = '' }) => [...run.matchAll(/npm run (\w+)/g)].map(([, name]) => name!))
  expect(called).toEqual(['verify'])
  expect(scripts).toHaveProperty(called)
})

test.each(steps.flatMap(({ run }) => run ?? []))('is a script: %s', async (script) => {
  await execute('bash', ['-n', '-c', script])
})

test.each([
  ['v1.2.0', true],
  ['v12.0.34', true],
  ['v1.2', false],
  ['v1.2.0-rc1', false],
  ['1.2.0', false],
])('a tag %s: released %s', (tag, released) => {
  // of GitHub's patterns these use ranges and `+`, which mean the same in a regular expression
  const patterns = workflow.on.push.tags.map((pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.')}$`))
  expect(patterns.some((pattern) => pattern.test(tag))).toBe(released)
})

test('a release is tested first, is for both architectures, from the Dockerfile as it stands, and bears its SBOM', () => {
  expect(workflow.jobs.verify!.uses).toBe('./.github/workflows/verify.yml')
  expect(workflow.jobs.publish).toMatchObject({ needs: 'verify' })
  const build = stepsOf(workflow).find(({ uses }) => uses?.startsWith('docker/build-push-action@'))!
  expect(build.with).toEqual({
    context: '.',
    push: true,
    sbom: true,
    provenance: true,
    platforms: 'linux/amd64,linux/arm64',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub fills these in
    tags: '${{ env.IMAGE }}:${{ env.VERSION }}\n${{ env.IMAGE }}:latest\n',
  })
})

describe('the steps before anything is published', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'release-'))
    await writeFile(join(folder, 'package.json'), '{ "version": "1.2.0" }')
    const entries = [
      '# Changelog',
      '',
      '## 1.2.0 / 2026-11-30',
      '',
      '- [FEATURE] New.',
      '',
      '## 1.1.0 / 2026-11-21',
      '',
      '- Old.',
    ]
    await writeFile(join(folder, 'CHANGELOG.md'), `${entries.join('\n')}\n`)
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** As a runner runs them: each by bash, with what the ones before have put into the environment. */
  async function publish(tag: string): Promise<Record<string, string>> {
    const file = join(folder, 'env')
    await writeFile(file, '')
    const given = {
      REGISTRY: 'ghcr.io',
      GITHUB_REPOSITORY: 'Some/Body',
      GITHUB_REF_NAME: tag,
      GITHUB_ENV: file,
    }
    const outputs = () =>
      Object.fromEntries(
        readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => line.split('=')),
      )
    const before = stepsOf(workflow)
      .flatMap(({ run }) => run ?? [])
      .slice(0, 3)
    for (const script of before) {
      const env = { PATH: process.env.PATH, ...given, ...outputs() }
      await execute('bash', ['-e', '-c', script], { cwd: folder, env })
    }
    return outputs()
  }

  test('name the image and the version, and cut the notes out of the changelog', async () => {
    expect(await publish('v1.2.0')).toEqual({ IMAGE: 'ghcr.io/some/body', VERSION: '1.2.0' })
    expect(readFileSync(join(folder, 'notes.md'), 'utf8')).toBe(
      '## 1.2.0 / 2026-11-30\n\n- [FEATURE] New.\n\n',
    )
  })

  test('refuse a tag that is another version than package.json', async () => {
    await expect(publish('v1.1.0')).rejects.toThrow('test "$VERSION"')
  })

  test.each(['## 1.2.0 / unreleased', '## 1.2.01 / 2026-11-30', '## 1.3.0 / 2026-11-30'])(
    'refuse a changelog that says %s',
    async (heading) => {
      await writeFile(join(folder, 'CHANGELOG.md'), `# Changelog\n\n${heading}\n\n- New.\n`)
      await expect(publish('v1.2.0')).rejects.toThrow('notes.md')
    },
  )
})
