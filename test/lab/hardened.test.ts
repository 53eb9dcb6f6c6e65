// The hardened stack: an agent that is nobody and sees no Docker socket knows as much as any.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { ask } from './harness/ask.ts'
import { appImage, nginxImage } from './harness/images.ts'
import { type Swarm, startSwarm } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'

let swarm: Swarm

const idOf = (node: Node, service: string) =>
  node.docker('ps', '--quiet', '--filter', `name=metrics_${service}`)
const answers = (node: Node, path: string, status: number) =>
  until(`${path} at ${node.name}`, async () => (await ask(node.url(path))).status === status, {
    within: 60_000,
  })

/** What the guard says to a request, from where the agent is. */
async function guardSays(node: Node, method: string, path: string): Promise<string> {
  const request = `${method} ${path} HTTP/1.0\\r\\nHost: docker\\r\\n\\r\\n`
  const script = `require('net').connect('/guard/docker.sock', function () { this.write('${request}') }).once('data', (d) => console.log(String(d).split(' ')[1])).on('error', (e) => console.log(e.code))`
  return node.docker('exec', await idOf(node, 'agent'), '/bin/node', '-e', script)
}

beforeAll(async () => {
  swarm = await startSwarm(2)
  const secret = { input: 'the secret of this cluster' }
  await swarm.manager.docker.with(secret)('secret', 'create', 'app-metrics-proxy', '-')
  const images = { IMAGE: productImage, GUARD_IMAGE: nginxImage }
  await swarm.deploy('metrics', 'deploy/hardened/stack.yml', images)
  await swarm.serve('web', appImage, ['--replicas', '2', '--network', 'monitor'], ['app', '8080=metrics'])
  for (const node of swarm.nodes) await answers(node, '/-/ready', 200)
})
afterAll(() => swarm?.stop())

test('any agent answers for all containers', async () => {
  for (const node of swarm.nodes)
    for (const slot of ['1', '2']) await answers(node, `/web/${slot}/metrics`, 200)
})

test('the agent is not root and has no capability', async () => {
  const pid = await swarm.manager.docker(
    'inspect',
    '--format',
    '{{.State.Pid}}',
    await idOf(swarm.manager, 'agent'),
  )
  const status = await swarm.manager.namespace()!.run('cat', [`/proc/${pid}/status`])
  expect(status).toMatch(/^Uid:\t65532\t65532\t65532/m)
  expect(status).toMatch(/^CapEff:\t0+$/m)
  expect(status).toMatch(/^CapBnd:\t0+$/m)
})

test.each([
  ['GET', '/v1.41/containers/json?all=1', '200'],
  ['GET', '/info', '200'],
  ['GET', '/networks', '200'],
  ['GET', '/services', '200'],
  ['GET', '/v1.41/tasks?filters=%7B%7D', '200'],
  ['GET', '/nodes', '200'],
  ['POST', '/containers/create', '403'],
  ['DELETE', '/services/web', '403'],
  ['GET', '/containers/web/json', '403'],
  ['GET', '/containers/json/../web/json', '403'],
  ['GET', '/v1.41/containers/web/archive?path=/', '403'],
  ['GET', '/secrets', '403'],
  ['GET', '/configs', '403'],
  ['GET', '/swarm', '403'],
  ['GET', '/', '403'],
])('the guard answers %s %s with %s', async (method, path, status) => {
  expect(await guardSays(swarm.manager, method, path)).toBe(status)
})

test('a guard that dies is replaced, and its agent goes on', async () => {
  const [, worker] = swarm.nodes as [Node, Node]
  await worker.docker('kill', await idOf(worker, 'guard'))
  await answers(worker, '/-/ready', 503)
  expect((await ask(worker.url('/web/1/metrics'))).status).toBe(200)
  await answers(worker, '/-/ready', 200)
})
