// The lab itself: what its tests stand on.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scaled } from '../helpers/limits.ts'
import { until } from '../helpers/until.ts'
import { cacheFolder } from './harness/cache.ts'
import { labRelease } from './harness/engine.ts'
import { appImage } from './harness/images.ts'
import { type Swarm, startDocker, startSwarm } from './harness/lab.ts'
import { run } from './harness/shell.ts'

const ask = (url: string) => fetch(url, { signal: AbortSignal.timeout(1000) }).then((answer) => answer.text())
const fails = (url: string) =>
  ask(url).then(
    () => false,
    () => true,
  )

describe('a Swarm of three nodes', () => {
  let swarm: Swarm
  const page = (node: number) => swarm.nodes[node]!.url('/metrics', 8080)

  beforeAll(async () => {
    swarm = await startSwarm(3, { product: false })
    const published = ['--publish', 'mode=host,target=8080,published=8080']
    await swarm.serve('web', appImage, ['--mode', 'global', ...published], ['app', '8080=metrics'])
  })
  afterAll(() => swarm?.stop())

  test('runs the release of Docker that was chosen', async () => {
    const version = await swarm.manager.docker('version', '--format', '{{.Server.Version}}')
    const oldest = labRelease === 'current' ? 28 : 20
    expect(Number.parseInt(version, 10)).toBeGreaterThanOrEqual(oldest)
  })

  test('is reached from outside, at every node', async () => {
    const pages = await Promise.all([0, 1, 2].map((node) => ask(page(node))))
    expect(new Set(pages.map((text) => /host="(\w+)"/.exec(text)![1])).size).toBe(3)
  })

  test('notices a node that is cut off, and gets it back', async () => {
    await swarm.nodes[1]!.cut()
    expect(await fails(page(1))).toBe(true)
    expect(await fails(page(2))).toBe(false)
    await swarm.nodes[1]!.heal()
    await until('the node to answer again', () => ask(page(1)))
  })

  test('survives a power cut of a node', async () => {
    await swarm.nodes[2]!.kill()
    expect(await fails(page(2))).toBe(true)
    await swarm.nodes[2]!.start()
    await until('the node to answer again', () => ask(page(2)), { within: 60_000 })
  })

  test('loses packets where it should', async () => {
    await swarm.nodes[1]!.lose(1)
    expect(await fails(page(1))).toBe(true)
    await swarm.nodes[1]!.lose(0)
    await until('the node to answer again', () => ask(page(1)))
  })
})

test('a lab leaves nothing behind when its maker is killed', async () => {
  const maker = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { startDocker } from '${join(import.meta.dirname, 'harness/lab.ts')}'
       const docker = await startDocker({ product: false })
       await docker.docker('run', '--detach', '${appImage}')
       console.log(docker.namespace().pid)`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [printed] = await once(maker.stdout, 'data')
  maker.kill('SIGKILL')
  await until('the node to go', () => !existsSync(`/proc/${String(printed).trim()}`))
  const next = await startDocker({ product: false })
  // nor does one in which a container is paused, or its end would never come
  await next.docker('pause', await next.docker('run', '--detach', appImage))
  await next.stop()
  const mine = (name: string) => name.includes(`${maker.pid}-`)
  expect(readdirSync(join(cacheFolder, 'labs')).filter(mine)).toEqual([])
  const cgroups = readdirSync('/sys/fs/cgroup').flatMap((kind) => namesIn(join('/sys/fs/cgroup', kind)))
  expect(cgroups.filter((name) => name.startsWith('amp-lab-') && mine(name))).toEqual([])
})

test('a program that hangs is ended with all that it started', { timeout: scaled(20_000) }, async () => {
  const hanging = run('sh', ['-c', 'sleep 1000 & echo $!; wait'], { timeout: 500 })
  await expect(hanging).rejects.toThrow('not done after 0.5 s')
  const [, pid] = /(\d+)$/.exec(String(await hanging.catch((error) => error.message)))!
  await until('its child to end', () => !existsSync(`/proc/${pid}`))
})

function namesIn(path: string): string[] {
  return statSync(path).isDirectory() ? readdirSync(path) : []
}
