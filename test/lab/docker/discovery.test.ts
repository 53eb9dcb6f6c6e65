// Discovery on a real Docker Engine.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../helpers/until.ts'
import { appImage } from '../harness/images.ts'
import { type Docker, startDocker } from '../harness/lab.ts'
import { type Agent, inContainer, onHost } from './agent.ts'
import { startProxy } from './proxy.ts'

let node: Docker

beforeAll(async () => {
  node = await startDocker({ product: false })
  for (const network of ['web', 'monitor']) await node.docker('network', 'create', network)
})
afterAll(() => node?.stop())
afterEach(removeAll)

async function removeAll(): Promise<void> {
  const ids = await node.docker('ps', '--all', '--quiet')
  if (ids !== '') await node.docker('rm', '--force', ...ids.split('\n'))
}

const run = (name: string, ...flags: string[]) =>
  node.docker('run', '--detach', '--name', name, ...flags, appImage)
/** Shares a network, in which port 8080 is taken already. */
const runBeside = (name: string, other: string, port: number) =>
  node.docker(
    'run',
    '--detach',
    '--name',
    name,
    '--network',
    `container:${other}`,
    appImage,
    'app',
    `${port}=metrics`,
  )
const hosts = (agent: Agent, name: string) =>
  agent.target(name)!.addresses.map(({ network, host }) => `${network} ${host}`)
const addressOf = (name: string, network: string) =>
  node.docker('inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name)
/** Fails unless something listens there, as seen from the node itself. */
const connect = (host: string, port = 8080) =>
  node.namespace()!.run('bash', ['-c', `exec 3<>/dev/tcp/${host}/${port}`])
const connectFrom = (container: string, host: string, port = 8080) =>
  node.docker('exec', container, 'sh', '-c', `nc -w 2 ${host} ${port} < /dev/null`)

describe.each(['unix', 'tcp, through a proxy that allows GET of four sections'])(
  'an agent on the host, over %s',
  (how) => {
    let agent: Awaited<ReturnType<typeof onHost>>
    let proxy: Awaited<ReturnType<typeof startProxy>> | undefined

    beforeAll(async () => {
      if (how !== 'unix') proxy = await startProxy(node.socket, ['containers', 'events', 'info', 'networks'])
      agent = await onHost(proxy?.host ?? `unix://${node.socket}`)
    })
    afterAll(async () => {
      await agent?.stop()
      await proxy?.[Symbol.asyncDispose]()
    })

    test('sees a container appear, and what it needs to reach it', async () => {
      const secret = 'never-to-be-seen'
      await run(
        'one',
        '--network',
        'web',
        '--env',
        `PASSWORD=${secret}`,
        '--label',
        `own.secret=${secret}`,
        '--label',
        'prometheus.port=8080',
      )
      const target = await agent.sees('one', ({ state }) => state === 'running')
      expect(target).toMatchObject({
        place: { kind: 'standalone' },
        image: appImage,
        labels: { 'prometheus.port': '8080' },
        addresses: [{ network: 'web', host: await addressOf('one', 'web') }],
      })
      expect(JSON.stringify(agent.found())).not.toContain(secret)
      await connect(target.addresses[0]!.host)
    })

    test('sees it on every bridge, in the order of their names', async () => {
      await run('both', '--network', 'web')
      await node.docker('network', 'connect', 'monitor', 'both')
      await agent.sees('both', ({ addresses }) => addresses.length === 2)
      expect(hosts(agent, 'both')).toEqual([
        `monitor ${await addressOf('both', 'monitor')}`,
        `web ${await addressOf('both', 'web')}`,
      ])
      await node.docker('network', 'disconnect', 'web', 'both')
      await agent.sees(
        'both',
        ({ addresses }) => addresses.length === 1 && addresses[0]!.network === 'monitor',
      )
    })

    test('sees it end, with its exit code, start again and go', async () => {
      await run('two', '--env', 'APP_EXIT=7')
      const { id } = await agent.sees('two', ({ state }) => state === 'running')
      await node.docker('stop', 'two')
      await agent.sees('two', ({ state }) => state === 'stopped')
      expect(agent.target('two')).toMatchObject({
        id,
        exitCode: 7,
        addresses: [],
      })
      // first an event reports it, and by the time another one runs Docker's list
      await run('beside')
      await agent.sees('beside')
      expect(agent.target('two')).toMatchObject({ id, exitCode: 7 })
      await node.docker('start', 'two')
      expect(await agent.sees('two', ({ state }) => state === 'running')).not.toHaveProperty('exitCode')
      await node.docker('kill', 'two')
      await agent.sees('two', ({ exitCode }) => exitCode === 137)
      await node.docker('rm', 'two')
      await agent.lacks('two')
    })

    test('sees it renamed and paused', async () => {
      await run('three')
      const { id } = await agent.sees('three')
      // by the time another one runs nobody looks at the first any more, but for what befalls it
      await run('beside')
      await agent.sees('beside')
      await node.docker('rename', 'three', 'drei')
      expect((await agent.sees('drei')).id).toBe(id)
      expect(agent.target('three')).toBeUndefined()
      await node.docker('pause', 'drei')
      await agent.sees('drei', ({ state }) => state === 'paused')
      await node.docker('unpause', 'drei')
      await agent.sees('drei', ({ state }) => state === 'running')
    })

    test('sees a new one take the name of one that was removed', async () => {
      await run('four')
      const { id } = await agent.sees('four')
      await node.docker('rm', '--force', 'four')
      await run('four')
      await agent.sees('four', (target) => target.id !== id && target.state === 'running')
      expect(agent.found()!.targets.filter(({ name }) => name === 'four')).toHaveLength(1)
    })

    test('reaches the host’s network, another container’s and none', async () => {
      await run('hosted', '--network', 'host')
      await run('lent', '--network', 'web')
      await runBeside('borrower', 'lent', 8081)
      await runBeside('second', await node.docker('inspect', '--format', '{{.Id}}', 'lent'), 8082)
      await run('alone', '--network', 'none')
      await agent.sees('alone', ({ state }) => state === 'running')
      expect(hosts(agent, 'hosted')).toEqual(['host 127.0.0.1'])
      await connect('127.0.0.1')
      expect(hosts(agent, 'lent')).toEqual([`web ${await addressOf('lent', 'web')}`])
      expect(hosts(agent, 'borrower')).toEqual(hosts(agent, 'lent'))
      expect(hosts(agent, 'second')).toEqual(hosts(agent, 'lent'))
      await connect(await addressOf('lent', 'web'), 8082)
      expect(agent.target('alone')!.unreachable).toMatchObject({
        code: 'no_address',
        reason: 'it has no network',
      })
    })

    test('knows a container of Compose by its labels', async () => {
      const labels = ['project=shop', 'service=web', 'container-number=2', 'oneoff=False']
      await run('shop-web-2', ...labels.flatMap((label) => ['--label', `com.docker.compose.${label}`]))
      expect((await agent.sees('shop-web-2')).place).toEqual({
        kind: 'compose',
        project: 'shop',
        service: 'web',
        number: '2',
      })
    })

    test('keeps the last set while Docker restarts, and recovers by itself', async () => {
      await run('kept', '--restart', 'always')
      await run('ends')
      await agent.sees('ends', ({ state }) => state === 'running')
      await node.haltDocker('KILL')
      await until('the failure', () => agent.status().failure)
      expect(agent.target('kept')?.state).toBe('running')
      await node.startDocker()
      await until('the recovery', () => !agent.status().failure)
      await agent.sees('kept', ({ state }) => state === 'running')
      await agent.sees('ends', ({ state }) => state === 'stopped')
      await run('afterwards')
      await agent.sees('afterwards')
    })

    test('requested nothing from the proxy that it forbids', () => {
      if (!proxy) return
      expect(proxy.refused).toEqual([])
      expect([...proxy.requested].sort()).toEqual(['containers', 'events', 'info', 'networks'])
    })
  },
)

describe('an agent in a container', () => {
  test.each([
    ['with the host’s cgroups', 'host'],
    ['in a cgroup namespace', 'private'],
  ])('%s knows itself, whatever its hostname', async (_, cgroups) => {
    const agent = await inContainer(node, [
      '--cgroupns',
      cgroups,
      '--hostname',
      'misleading',
      '--network',
      'monitor',
    ])
    await run('one', '--network', 'monitor')
    await agent.sees('one')
    expect(agent.found()!.self.container).toBe(await node.docker('inspect', '--format', '{{.Id}}', 'agent'))
    expect(agent.found()!.targets.map(({ name }) => name)).toEqual(['one'])
  })

  test('reaches what is on its own networks, and says of others what to do', async () => {
    await run('near', '--network', 'monitor')
    await run('far', '--network', 'web')
    const agent = await inContainer(node, ['--network', 'monitor'])
    await agent.sees('far')
    const [way] = agent.target('near')!.addresses
    expect(way).toEqual({ network: 'monitor', host: await addressOf('near', 'monitor') })
    await connectFrom('agent', way!.host)
    expect(agent.target('far')).toMatchObject({
      state: 'running',
      addresses: [],
      unreachable: {
        code: 'no_address',
        reason: 'not on a network shared with the agent',
        hint: 'attach it to `monitor`, or attach the agent to `web`',
      },
    })

    await node.docker('network', 'connect', 'monitor', 'far')
    await agent.sees('far', ({ addresses }) => addresses[0]?.network === 'monitor')
    await connectFrom('agent', agent.target('far')!.addresses[0]!.host)
    await node.docker('network', 'disconnect', 'monitor', 'far')
    await agent.sees('far', ({ addresses }) => addresses.length === 0)
    await node.docker('network', 'connect', 'web', 'agent')
    await agent.sees('far', ({ addresses }) => addresses[0]?.network === 'web')
  })

  test('reaches the host’s network at its gateway, and what shares its own at home', async () => {
    await run('hosted', '--network', 'host')
    const agent = await inContainer(node, ['--network', 'monitor', '--cgroupns', 'private'])
    await runBeside('guest', 'agent', 8081)
    await agent.sees('guest', ({ state }) => state === 'running')
    await agent.sees('hosted')
    const [gateway] = agent.target('hosted')!.addresses
    await connectFrom('agent', gateway!.host)
    expect(hosts(agent, 'guest')).toEqual(['monitor 127.0.0.1'])
    await connectFrom('agent', '127.0.0.1', 8081)
  })

  test.each(['host', 'private'])(
    'that shares another container’s network is not mistaken for that one (%s cgroups)',
    async (cgroups) => {
      await run('lender', '--network', 'web')
      const agent = await inContainer(node, ['--network', 'container:lender', '--cgroupns', cgroups])
      await agent.sees('lender')
      expect(agent.found()!.targets.map(({ name }) => name)).toEqual(['lender'])
      expect(hosts(agent, 'lender')).toEqual(['web 127.0.0.1'])
    },
  )

  test('on the host’s network reaches bridges', async () => {
    await run('one', '--network', 'web')
    const agent = await inContainer(node, ['--network', 'host'])
    await agent.sees('one')
    expect(hosts(agent, 'one')).toEqual([`web ${await addressOf('one', 'web')}`])
    expect(agent.found()!.self.container).toBeDefined()
  })

  test('that is given another engine’s socket ends with the hint', async () => {
    const other = await startDocker({ product: false })
    try {
      await inContainer(node, [], other.socket)
      await until('its end', async () => (await node.docker('wait', 'agent')) === '1')
      expect(await node.docker('logs', 'agent')).toMatch(
        /it is another node’s; give each agent its own node’s API/,
      )
    } finally {
      await other.stop()
    }
  })
})
