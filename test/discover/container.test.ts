import { describe, expect, test } from 'vitest'
import { containerOf, exportedLabels } from '../../src/discover/container.ts'
import type { ApiContainer } from '../../src/discover/docker-api.ts'
import { named, node } from './recorded.ts'

const row = (fields: Partial<ApiContainer>) => containerOf({ Id: 'a'.repeat(64), ...fields }, [])

describe('a row of the list', () => {
  test('is cut down to what we use', () => {
    expect(named(node.containers, 'two')).toEqual({
      id: '172866a69fb1cc5e3113e15d057da614427366221e03f76e91008fb16cc3bb78',
      name: 'two',
      image: 'bb:2',
      labels: { 'prometheus.port': '9100' },
      omittedLabels: 0,
      created: expect.any(Number),
      state: 'running',
      dockerState: 'running',
      networkMode: 'web',
      mounts: [],
      attachments: [
        expect.objectContaining({ network: 'inner', ipv4: '172.19.0.2', gateway: '172.19.0.1' }),
        expect.objectContaining({ network: 'monitor', ipv4: '172.18.0.2' }),
        expect.objectContaining({ network: 'web', ipv4: '172.20.0.3' }),
      ],
    })
  })

  test.each([
    ['running', 'Up 16 minutes', 'running', undefined],
    ['paused', 'Up 16 minutes (Paused)', 'paused', undefined],
    ['exited', 'Exited (3) 16 minutes ago', 'stopped', 3],
    ['exited', 'Exited (0) Less than a second ago', 'stopped', 0],
    ['exited', 'Exited (137) 2 weeks ago', 'stopped', 137],
    ['restarting', 'Restarting (5) Less than a second ago', 'stopped', undefined],
    ['removing', 'Removal In Progress', 'stopped', undefined],
    ['dead', 'Dead', 'stopped', undefined],
  ])('%s, %s', (State, Status, state, exitCode) => {
    expect(row({ State, Status })).toMatchObject({ state, ...(exitCode !== undefined && { exitCode }) })
    expect(row({ State, Status }).exitCode).toBe(exitCode)
  })

  test.each([
    [['/web'], 'web'],
    [['/other/alias', '/web'], 'web'],
    [['/other/alias'], 'other/alias'],
    [[], 'aaaaaaaaaaaa'],
    [null, 'aaaaaaaaaaaa'],
  ])('with the names %j is named %s', (Names, name) => {
    expect(row({ Names }).name).toBe(name)
  })

  test.each(['host', 'none'])('of Podman, without a network mode, has that of its network %s', (network) => {
    const Networks = { [network]: { NetworkID: network, IPAddress: '' } }
    expect(row({ HostConfig: null, NetworkSettings: { Networks } }).networkMode).toBe(network)
  })

  test('with hardly any fields is accepted', () => {
    expect(row({ Labels: null, NetworkSettings: { Networks: { web: null } } })).toMatchObject({
      labels: {},
      state: 'stopped',
      networkMode: 'default',
      attachments: [{ network: 'web', networkId: '' }],
    })
  })
})

test.each([
  ['com.docker.compose.project', true],
  ['com.docker.swarm.task.name', true],
  ['app-metrics-proxy.port', true],
  ['prometheus.io/scrape', true],
  ['com.df.alertName.3', true],
  ['com.example.team', true],
  ['org.label.anything', true],
  ['com.example.team.secret', false],
  ['password', false],
  ['com.dockerless', false],
])('the label %s is exported: %s', (key, isExported) => {
  expect(exportedLabels({ [key]: 'x' }, ['com.example.team', 'org.label.*']).labels).toEqual(
    isExported ? { [key]: 'x' } : {},
  )
})

test('labels that are too long, or too long together, are not exported', () => {
  const labels = Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => [`prometheus.io/param-${key}`, key.repeat(15_000)]),
  )
  const { labels: exported, omitted } = exportedLabels(
    {
      ...labels,
      'app-metrics-proxy.name': 'x'.repeat(17_000),
      'com.docker.x': 'y',
      secret: 'z'.repeat(99_999),
    },
    [],
  )
  expect(Object.keys(exported)).toEqual([
    'com.docker.x',
    ...['a', 'b', 'c', 'd'].map((key) => `prometheus.io/param-${key}`),
  ])
  expect(omitted).toBe(3)
})
