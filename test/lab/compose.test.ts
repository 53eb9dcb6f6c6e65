// The standalone deployment: one agent on the host's network reaches the containers of every bridge.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { blockUnder } from '../helpers/manual.ts'
import { until } from '../helpers/until.ts'
import { readWorkflow, stepsOf } from '../helpers/workflow.ts'
import { comparable, containerFacts, samplesOf } from './docker-facts.ts'
import { ask } from './harness/ask.ts'
import { follow } from './harness/follow.ts'
import { appImage } from './harness/images.ts'
import { type Docker, startDocker, unlessMissing } from './harness/lab.ts'
import { productImage } from './harness/product.ts'
import { run } from './harness/shell.ts'

let node: Docker
const agent = 'app-metrics-proxy'
const compose = (...args: string[]) =>
  run('docker-compose', ['--file', 'deploy/standalone/compose.yml', ...args], {
    env: { DOCKER_HOST: `unix://${node.socket}`, IMAGE: productImage },
  })

const hostStart = 'Quick start: one Docker host'
/** The README's commands but the first one, which builds the image of the lab. */
const dockerRun = blockUnder('README.md', hostStart).replace(/^docker build .*\n/, '')

const isReady = () =>
  until('the agent to be ready', async () => (await ask(node.url('/-/ready'))).status === 200)

beforeAll(async () => {
  node = await startDocker()
  await compose('up', '--detach')
})
afterAll(() => node?.stop())

test('the README’s docker run line, and its Compose file, start an agent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'compose-'))
  onTestFinished(async () => {
    await node.docker('rm', '--force', agent).catch(unlessMissing)
    await rm(folder, { recursive: true })
    await compose('up', '--detach')
  })
  await compose('down')
  await follow(node, dockerRun)
  await isReady()
  await node.docker('rm', '--force', agent)
  await writeFile(join(folder, 'compose.yml'), blockUnder('README.md', hostStart, 'yaml'))
  await follow(node, 'docker-compose up --detach', { cwd: folder })
  await isReady()
  await follow(node, 'docker-compose down', { cwd: folder })
})

test.each(['bridge', 'a network of its own'])('a container on %s is served', async (network) => {
  const name = network.replaceAll(' ', '-')
  onTestFinished(async () => {
    await node.docker('rm', '--force', `app-${name}`).catch(unlessMissing)
    if (network !== 'bridge') await node.docker('network', 'rm', name)
  })
  if (network !== 'bridge') await node.docker('network', 'create', name)
  await node.docker(
    'run',
    '--detach',
    '--name',
    `app-${name}`,
    '--network',
    name,
    appImage,
    'app',
    '8080=metrics',
  )
  const { text } = await until('the page', async () => {
    const answer = await ask(node.url(`/app-${name}/metrics`))
    return answer.status === 200 && answer
  })
  expect(text).toContain('app_seconds_total')
})

test('the metrics of containers outside of a Swarm are what docker inspect shows', async () => {
  const start = async (name: string, flags: readonly string[], ...command: string[]) => {
    onTestFinished(async () => void (await node.docker('rm', '--force', name).catch(unlessMissing)))
    await node.docker('run', '--detach', '--name', name, ...flags, appImage, ...command)
  }
  await start('looping', ['--restart', 'on-failure:3'], 'sh', '-c', 'sleep 1; exit 5')
  await start('ended', [], 'sh', '-c', 'exit 3')
  const check = ['--health-cmd', 'true', '--health-interval', '1s']
  await start('checked', check, 'app', '8080=metrics')
  const facts = await until(
    'all of them',
    async () => {
      const facts = await containerFacts(node)
      const { text } = await ask(node.url('/metrics'))
      const shown = comparable(samplesOf(text, 'app_metrics_proxy_container_'))
      expect(shown).toEqual(Object.fromEntries(facts))
      expect(shown).toMatchObject({
        'restarts_total{container="looping"}': 3,
        'last_exit_code{container="looping"}': 5,
        'last_exit_code{container="ended"}': 3,
        'health{container="checked",health="healthy"}': 1,
      })
      return facts
    },
    { within: 60_000 },
  )
  const ofAgent = [...facts.keys()].filter((series) => series.startsWith(`info{container="${agent}"`))
  expect(ofAgent).toEqual([expect.stringMatching(`service="standalone_${agent}",slot="1"}$`)])
  expect((await ask(node.url('/-/swarm'))).status).toBe(404)
})

test('a release takes the SBOM out of the image', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'release-'))
  // there is no hosting site here: its stand-in writes what it would be sent
  await writeFile(join(folder, 'gh'), '#!/bin/sh\necho "$@" > arguments\n', { mode: 0o755 })
  try {
    const attach = stepsOf(readWorkflow('release.yml')).find(({ run }) => run?.includes('gh release'))!.run!
    const [IMAGE, VERSION] = productImage.split(':')
    const PATH = `${folder}:/usr/bin:${process.env.PATH}`
    await follow(node, attach, { cwd: folder, env: { IMAGE, VERSION, GITHUB_REF_NAME: `v${VERSION}`, PATH } })
    expect(await readFile(join(folder, 'arguments'), 'utf8')).toMatch(
      `release create v${VERSION} sbom.spdx.json `,
    )
    const { packages } = JSON.parse(await readFile(join(folder, 'sbom.spdx.json'), 'utf8'))
    const names = packages.map(({ name }: { name: string }) => name)
    const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'))
    expect(names).toEqual(expect.arrayContaining(['app-metrics-proxy', ...Object.keys(dependencies)]))
  } finally {
    await rm(folder, { recursive: true })
  }
})

const becomes = (wanted: string) =>
  until(
    `the agent to be ${wanted}`,
    async () => (await node.docker('inspect', '--format', '{{.State.Health.Status}}', agent)) === wanted,
    { within: 120_000 },
  )

test('one that hangs is unhealthy, until it goes on', async () => {
  onTestFinished(async () => {
    await node.docker('kill', '--signal', 'CONT', agent)
  })
  await becomes('healthy')
  await node.docker('kill', '--signal', 'STOP', agent)
  await becomes('unhealthy')
  await node.docker('kill', '--signal', 'CONT', agent)
  await becomes('healthy')
})

test('it ends cleanly', async () => {
  onTestFinished(async () => {
    await compose('start')
  })
  await compose('stop')
  expect(await node.docker('inspect', '--format', '{{.State.ExitCode}}', agent)).toBe('0')
})
