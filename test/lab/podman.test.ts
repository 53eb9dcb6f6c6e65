// Podman by its Docker-compatible API: what is found of its containers, and a whole agent as one of them.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { agentFolders, onHost } from './docker/agent.ts'
import { repository } from './harness/cache.ts'
import { labRelease } from './harness/engine.ts'
import { appImage } from './harness/images.ts'
import { type Podman, startPodman } from './harness/podman.ts'

describe.runIf(labRelease === 'current')('Podman', () => {
  let podman: Podman
  let agent: Awaited<ReturnType<typeof onHost>>

  beforeAll(async () => {
    podman = await startPodman()
    for (const network of ['web', 'monitor']) await podman.docker('network', 'create', network)
    agent = await onHost(`unix://${podman.socket}`)
  })
  afterEach(() => podman.removeAll())
  afterAll(async () => {
    await agent?.stop()
    await podman?.stop()
  })

  const addressOf = (name: string, network: string) =>
    podman.docker('inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name)
  const hosts = (name: string) =>
    agent.target(name)!.addresses.map(({ network, host }) => `${network} ${host}`)
  const curl = (url: string) => podman.namespace.run('curl', ['--silent', '--fail', '--max-time', '5', url])

  test('is version 5', async () => {
    expect(await podman.docker('version', '--format', '{{.Server.Version}}')).toMatch(/^5\./)
  })

  test('a container is found, with its labels and how to reach it', async () => {
    await podman.run('one', [
      '--network',
      'web',
      '--label',
      'prometheus.port=8080',
      '--env',
      'PASSWORD=never-seen',
    ])
    const target = await agent.sees('one', ({ state }) => state === 'running')
    expect(target).toMatchObject({
      place: { kind: 'standalone' },
      image: `docker.io/${appImage}`,
      labels: { 'prometheus.port': '8080' },
      addresses: [{ network: 'web', host: await addressOf('one', 'web') }],
    })
    expect(JSON.stringify(agent.found())).not.toContain('never-seen')
    expect(await curl(`http://${target.addresses[0]!.host}:8080/metrics`)).toContain('app_seconds_total')
  })

  test('its end is seen, with the exit code, its next start and its removal', async () => {
    await podman.run('two', ['--env', 'APP_EXIT=7'])
    const { id } = await agent.sees('two', ({ state }) => state === 'running')
    await podman.docker('stop', 'two')
    await agent.sees('two', ({ exitCode }) => exitCode === 7)
    expect(agent.target('two')).toMatchObject({ id, state: 'stopped' })
    await podman.docker('start', 'two')
    expect(await agent.sees('two', ({ state }) => state === 'running')).not.toHaveProperty('exitCode')
    await podman.docker('kill', 'two')
    await agent.sees('two', ({ exitCode }) => exitCode === 137)
    await podman.docker('rm', 'two')
    await agent.lacks('two')
  })

  test('it is followed when renamed, paused, and moved to another network', async () => {
    await podman.run('three', ['--network', 'web'])
    const { id } = await agent.sees('three')
    await podman.docker('rename', 'three', 'drei')
    expect((await agent.sees('drei')).id).toBe(id)
    expect(agent.target('three')).toBeUndefined()
    await podman.docker('pause', 'drei')
    await agent.sees('drei', ({ state }) => state === 'paused')
    await podman.docker('unpause', 'drei')
    await agent.sees('drei', ({ state }) => state === 'running')
    await podman.docker('network', 'connect', 'monitor', 'drei')
    await podman.docker('network', 'disconnect', 'web', 'drei')
    await agent.sees('drei', ({ addresses }) => `${addresses.map(({ network }) => network)}` === 'monitor')
    expect(hosts('drei')).toEqual([`monitor ${await addressOf('drei', 'monitor')}`])
  })

  test('the host’s network, another container’s, and none are distinguished', async () => {
    await podman.run('hosted', ['--network', 'host'])
    await podman.run('lent', ['--network', 'web'])
    await podman.run('borrower', ['--network', 'container:lent'], ['app', '8081=metrics'])
    await podman.run('alone', ['--network', 'none'])
    await agent.sees('alone', ({ state }) => state === 'running')
    expect(hosts('hosted')).toEqual(['host 127.0.0.1'])
    expect(hosts('lent')).toEqual([`web ${await addressOf('lent', 'web')}`])
    expect(hosts('borrower')).toEqual(hosts('lent'))
    expect(agent.target('alone')!.unreachable).toMatchObject({ reason: 'it has no network' })
  })

  test('a container of Compose is known by its labels', async () => {
    const labels = ['project=shop', 'service=web', 'container-number=2', 'oneoff=False']
    await podman.run(
      'shop_web_2',
      labels.flatMap((label) => ['--label', `com.docker.compose.${label}`]),
    )
    const place = { kind: 'compose', project: 'shop', service: 'web', number: '2' }
    expect((await agent.sees('shop_web_2')).place).toEqual(place)
  })

  test('while its service restarts the last set stays, and what happened meanwhile is seen afterwards', async () => {
    await podman.run('runs')
    await podman.run('ends', [], ['sh', '-c', 'until [ -e /tmp/end ]; do sleep 0.1; done'])
    await agent.sees('ends', ({ state }) => state === 'running')
    const node = agent.found()!.self.node
    const pid = await podman.docker('inspect', '--format', '{{.State.Pid}}', 'ends')
    await podman.haltService()
    await until('the failure', () => agent.status().failure)
    expect(agent.target('runs')?.state).toBe('running')
    await podman.namespace.run('kill', ['-KILL', pid])
    await podman.startService()
    await until('the recovery', () => !agent.status().failure)
    await agent.sees('ends', ({ state }) => state === 'stopped')
    expect(agent.target('runs')?.state).toBe('running')
    await podman.run('afterwards')
    await agent.sees('afterwards')
    expect(agent.found()!.self.node).toBe(node)
  })

  test('an agent has the same identity after a restart, though Podman reports another id at each request', async () => {
    const ids = [
      await podman.docker('info', '--format', '{{.ID}}'),
      await podman.docker('info', '--format', '{{.ID}}'),
    ]
    expect(ids[0]).not.toBe(ids[1])
    const again = await onHost(`unix://${podman.socket}`)
    await again.stop()
    expect(again.found()!.self.node).toBe(agent.found()!.self.node)
    expect(again.found()!.self.node).toBe('podman1')
  })

  test('an agent in a container knows itself, and serves its neighbour’s metrics live', async () => {
    await podman.run('neighbour', ['--network', 'web'])
    const volumes = [
      `${podman.socket}:/var/run/docker.sock`,
      ...agentFolders.map((path) => `${path}:${path}:ro`),
    ]
    await podman.run(
      'agent',
      [
        '--network',
        'web',
        ...volumes.flatMap((volume) => ['--volume', volume]),
        '--env',
        'SSHPASS=of this test alone',
      ],
      [process.execPath, `${repository}/src/main.ts`],
    )
    const at = `http://${await addressOf('agent', 'web')}:2137`
    const direct = `http://${await addressOf('neighbour', 'web')}:8080/metrics`
    await until('its neighbour to be served', () => curl(`${at}/neighbour/metrics`))
    await until('the same metrics in the same second', async () => {
      const [through, own] = await Promise.all([curl(`${at}/neighbour/metrics`), curl(direct)])
      return through === own
    })
    await until('the agent to be ready', () => curl(`${at}/-/ready`))
    const listed = JSON.parse(await curl(`${at}/sd`)) as { labels: Record<string, string> }[]
    expect(listed.map(({ labels }) => labels.instance)).toEqual([
      'app-metrics-proxy@podman1',
      'neighbour@podman1',
    ])
  })
})
