// What is released: one version everywhere, and workflows that publish what they say.

import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

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

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}
interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly uses?: string; readonly steps?: readonly Step[] }>>
}
const workflow = (name: string) => parse(readFileSync(`.github/workflows/${name}`, 'utf8')) as Workflow
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps = [] }) => steps)

test('actions are named by version, scripts are there', () => {
  const steps = ['release.yml', 'verify.yml'].flatMap((name) => stepsOf(workflow(name)))
  const actions = steps.flatMap(({ uses }) => uses ?? [])
  expect(actions.length).toBeGreaterThan(4)
  for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@v\d+$/)
  const called = steps.flatMap(({ run = '' }) => [...run.matchAll(/npm run (\w+)/g)].map(([, name]) => name!))
  expect(called).toEqual(['verify'])
  expect(scripts).toHaveProperty(called)
})

test('a release is tested first, is for both architectures, and bears its SBOM', () => {
  const release = workflow('release.yml')
  expect(release.jobs.verify!.uses).toBe('./.github/workflows/verify.yml')
  expect(release.jobs.publish).toMatchObject({ needs: 'verify' })
  const build = stepsOf(release).find(({ uses }) => uses?.startsWith('docker/build-push-action@'))!
  expect(build.with).toMatchObject({ push: true, sbom: true, platforms: 'linux/amd64,linux/arm64' })
  const attach = stepsOf(release).find(({ run }) => run?.includes('gh release create'))!.run!
  expect(attach).toContain('docker cp agent:/app/sbom.spdx.json')
  expect(readFileSync('Dockerfile', 'utf8')).toContain('> dist/sbom.spdx.json')
})
