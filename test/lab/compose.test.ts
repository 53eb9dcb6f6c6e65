// The standalone deployment: one agent on the host's network reaches the containers of every bridge.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { ask } from './harness/ask.ts'
import { appImage } from './harness/images.ts'
import { type Docker, startDocker } from './harness/lab.ts'
import { productImage } from './harness/product.ts'
import { run } from './harness/shell.ts'

let node: Docker
const compose = (...args: string[]) =>
  run('docker-compose', ['--file', 'deploy/standalone/compose.yml', ...args], {
    env: { DOCKER_HOST: `unix://${node.socket}`, IMAGE: productImage },
  })

beforeAll(async () => {
  node = await startDocker()
  await compose('up', '--detach')
})
afterAll(() => node?.stop())

test.each(['bridge', 'a network of its own'])('a container on %s is served', async (network) => {
  const name = network.replaceAll(' ', '-')
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

test('it is healthy, and ends cleanly', async () => {
  const health = () => node.docker('inspect', '--format', '{{.State.Health.Status}}', 'app-metrics-proxy')
  await until('the health check', async () => (await health()) === 'healthy')
  await compose('stop')
  expect(await node.docker('inspect', '--format', '{{.State.ExitCode}}', 'app-metrics-proxy')).toBe('0')
})
