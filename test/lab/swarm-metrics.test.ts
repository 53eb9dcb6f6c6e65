// The metrics of the Swarm and of containers are what Docker's own commands show, at every agent, whatever happens to
// services, containers and nodes; and the alerts of deploy/prometheus fire on a real Prometheus, and resolve.

import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { expectData } from '../prometheus/parts/example.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { listedReplicas, select, startOf } from './docker-facts.ts'
import { appImage } from './harness/images.ts'
import type { Node } from './harness/node.ts'
import { labelsOfBoth } from './own-discovery.ts'
import { type Shown, shownBy } from './shown.ts'
import { type SwarmAlerts, startAlerts } from './swarm-alerts.ts'

let cluster: Cluster
let alerts: SwarmAlerts
let shown: Shown
const long = { within: 120_000, every: 500 }
const app = ['app', '8080=metrics']
const manager = () => cluster.manager
const docker = (...args: string[]) => manager().docker(...args)

beforeAll(async () => {
  cluster = await startCluster(3, { SD_LABELS: 'zone team', ADVERTISE: 'prod.test:2137', CLUSTER: 'prod' })
  alerts = await startAlerts(cluster.nodes)
  shown = shownBy(cluster)
})
afterAll(async () => {
  await alerts?.stop()
  await cluster?.stop()
})

const ofSwarm = { cluster: 'prod', job: 'app-metrics-proxy', instance: 'swarm', severity: 'warning' }
const ofContainer = (node: Node, container: string) => ({
  ...{ cluster: 'prod', node: node.name, container, severity: 'warning' },
})

/** Starts a service whose tasks may never run, for one test. */
async function create(name: string, flags: readonly string[], command: readonly string[] = app) {
  onTestFinished(() => cluster.remove(name))
  await createService(name, flags, command)
}
async function createService(name: string, flags: readonly string[], command: readonly string[] = app) {
  const fixed = ['--detach', '--no-resolve-image', '--endpoint-mode', 'dnsrr']
  await docker('service', 'create', '--name', name, ...fixed, ...flags, appImage, ...command)
}
const update = (name: string, ...flags: string[]) =>
  docker('service', 'update', '--detach', '--no-resolve-image', ...flags, name)

async function run(name: string, flags: readonly string[], command: readonly string[] = app) {
  onTestFinished(async () => {
    await cluster.remove(name)
    await shown.agree(`${name} is gone`)
  })
  await cluster.run(name, appImage, flags, command)
}

test('services scaled up and down, and replicas that no node takes', async () => {
  await run('web', ['--replicas', '2', '--label', 'team=blue'])
  await run('everywhere', ['--mode', 'global'])
  for (const count of [2, 5, 1]) {
    await docker('service', 'scale', '--detach', `web=${count}`)
    const facts = await until(
      `${count} replicas`,
      async () => {
        const agreed = await shown.agree(`${count} replicas`)
        return agreed.get('service_replicas_running{service="web"}') === count && agreed
      },
      long,
    )
    expect(facts.get('service_replicas_running{service="everywhere"}')).toBe(3)
    await until('docker service ls to say so', async () => {
      const listed = await listedReplicas(manager())
      return isDeepStrictEqual(listed.get('web'), { running: count, desired: count })
    })
    await shown.agreeOnContainers()
  }
  const labels = select(await shown.swarmAt(manager()), 'service_labels{service="web"')
  expect(labels).toEqual({ 'service_labels{service="web",label_team="blue"}': 1 })

  await create('nowhere', ['--constraint', 'node.labels.zone==x'])
  expect(await alerts.fires('SwarmReplicasMissing', { service: 'nowhere' })).toEqual({
    alertname: 'SwarmReplicasMissing',
    service: 'nowhere',
    ...ofSwarm,
  })
  const facts = await shown.agree('no node takes it')
  expect(facts.get('service_replicas_running{service="nowhere"}')).toBe(0)
  expect(facts.get('task_state{service="nowhere",state="pending"}')).toBe(1)
  await docker('node', 'update', '--label-add', 'zone=x', cluster.nodes[1]!.name)
  await alerts.resolves('SwarmReplicasMissing', { service: 'nowhere' })
})

test('tasks that fail, by exit code, each once', async () => {
  const restart = (delay: string, max: number) => [
    ...['--restart-condition', 'any', '--restart-delay', delay, '--restart-max-attempts', `${max}`],
  ]
  await run('steady', ['--replicas', '1'])
  await shown.agree('before')
  await create('failing', restart('1s', 3), ['sh', '-c', 'sleep 2; exit 3'])
  const failed = await until(
    'the last attempt',
    async () => {
      const facts = await shown.agreeOnFailures('failing')
      return facts.get('task_failures_total{service="failing",exit_code="3"}') === 4 && facts
    },
    long,
  )
  expect(failed.size).toBe(2)
  await shown.agree('all attempts failed')
  await shown.agreeOnContainers()

  // what an update or scaling ends has not failed
  await update('steady', '--force')
  await docker('service', 'scale', '--detach', 'steady=0')
  await shown.agree('nothing to run')
  expect((await shown.agreeOnFailures('steady')).size).toBe(1)

  // in a loop, until it is repaired
  await createService('looping', ['--replicas', '3', ...restart('0s', 0)], ['sh', '-c', 'sleep 1; exit 4'])
  expect(await alerts.fires('SwarmTasksFailing', { service: 'looping' })).toEqual({
    alertname: 'SwarmTasksFailing',
    cluster: 'prod',
    service: 'looping',
    severity: 'warning',
  })
  await update('looping', '--args', app.join(' '))
  await shown.agree('repaired')
})

test('a task that the kernel ends for want of memory', async () => {
  const [, two] = cluster.nodes as [Node, Node, Node]
  const hungry = ['sh', '-c', 'tail /dev/zero']
  const flags = ['--limit-memory', '24M', '--constraint', `node.hostname==${two.name}`]
  await createService('hungry', [...flags, '--restart-max-attempts', '1', '--restart-delay', '1s'], hungry)
  await until(
    'two failed tasks',
    async () => {
      const failed = await shown.agreeOnFailures('hungry')
      return failed.get('task_failures_total{service="hungry",exit_code="137"}') === 2
    },
    long,
  )
  const kills = await two.docker('ps', '--all', '--filter', 'name=hungry', '--format', '{{.Names}}')
  await shown.agreeOnContainers()
  const container = kills.split('\n')[0]!
  expect((await shown.containersAt(two)).get(`oom_kills_total{container="${container}"}`)).toBeGreaterThan(0)
  expect(await alerts.fires('ContainerOutOfMemory', { container })).toEqual({
    alertname: 'ContainerOutOfMemory',
    ...ofContainer(two, container),
  })
  await update('hungry', '--args', app.join(' '))
})

test('a container that restarts, and one whose health check fails', async () => {
  const [, , three] = cluster.nodes as [Node, Node, Node]
  const plain = async (name: string, flags: readonly string[], command: readonly string[]) => {
    onTestFinished(async () => void (await three.docker('rm', '--force', name)))
    await three.docker('run', '--detach', '--name', name, ...flags, appImage, ...command)
  }
  await plain(
    'sick',
    ['--health-cmd', 'test -e /tmp/well', '--health-interval', '1s', '--health-retries', '1'],
    app,
  )
  await plain('loop', ['--restart', 'on-failure:7'], ['sh', '-c', 'sleep 1; exit 5'])
  expect(await alerts.fires('ContainerUnhealthy', { container: 'sick' })).toEqual({
    alertname: 'ContainerUnhealthy',
    ...ofContainer(three, 'sick'),
  })
  expect(await alerts.fires('ContainerRestarting', { container: 'loop' })).toEqual({
    alertname: 'ContainerRestarting',
    ...ofContainer(three, 'loop'),
  })
  await shown.agreeOnContainers([three])
  const samples = await shown.containersAt(three)
  expect(samples.get('restarts_total{container="loop"}')).toBeGreaterThanOrEqual(3)
  expect(samples.get('health{container="sick",health="unhealthy"}')).toBe(1)
  const startedAt = samples.get('start_timestamp_seconds{container="sick"}')!
  expect(Math.abs(startedAt - (await startOf(three, 'sick')))).toBeLessThan(1)

  await three.docker('exec', 'sick', 'touch', '/tmp/well')
  await three.docker('rm', '--force', 'loop')
  await alerts.resolves('ContainerUnhealthy', { container: 'sick' })
  await shown.agreeOnContainers([three])
})

test('a task that Swarm replaces since its health check fails', async () => {
  const check = ['--health-cmd', 'test ! -e /tmp/sick', '--health-interval', '1s', '--health-retries', '1']
  await run('checked', [...check, '--restart-delay', '1s'])
  await shown.agree('healthy')
  await shown.agreeOnContainers()
  const { exec } = await cluster.containerOf('checked.1')
  await exec('touch /tmp/sick')
  const facts = await until(
    'its failure',
    async () => {
      const found = await shown.agreeOnFailures('checked')
      return found.size === 2 && found
    },
    long,
  )
  expect([...facts.values()]).toEqual([0, 1])
  await until(
    'its next task',
    async () => {
      const agreed = await shown.agree('replaced')
      return agreed.get('service_replicas_running{service="checked"}') === 1
    },
    long,
  )
  await shown.agreeOnContainers()
})

test('updates that roll back, pause, and complete', async () => {
  const quick = ['--update-monitor', '3s', '--rollback-monitor', '1s', '--restart-delay', '1s']
  await run('rolled', ['--replicas', '2', ...quick, '--update-failure-action', 'rollback'])
  await run('paused', ['--replicas', '2', ...quick, '--update-failure-action', 'pause'])
  await shown.agree('before')
  const states = async (service: string, state: string) => {
    const failed = { alertname: 'SwarmUpdateFailed', service, state, ...ofSwarm }
    await update(service, '--args', 'sh -c "sleep 1; exit 7"')
    expect(await alerts.fires('SwarmUpdateFailed', { service, state })).toEqual(failed)
    const facts = await shown.agree(state)
    expect(facts.get(`service_update_state{service="${service}",state="${state}"}`)).toBe(1)
  }
  await states('rolled', 'rollback_completed')
  await states('paused', 'paused')
  for (const service of ['rolled', 'paused']) {
    await update(service, '--args', app.join(' '), '--force')
    await alerts.resolves('SwarmUpdateFailed', { service })
  }
  await until(
    'both to be completed',
    async () => {
      const facts = await shown.agree('completed')
      return ['rolled', 'paused'].every((service) =>
        facts.has(`service_update_state{service="${service}",state="completed"}`),
      )
    },
    long,
  )
})

// Those of the tests above, whose rules look back for a time that has passed meanwhile.
test('alerts on what failed resolve once it is repaired', async () => {
  onTestFinished(async () => {
    for (const service of ['looping', 'hungry']) await cluster.remove(service)
    await shown.agree('removed')
  })
  await alerts.resolves('SwarmTasksFailing', { service: 'looping' })
  await alerts.resolves('ContainerOutOfMemory', { node: cluster.nodes[1]!.name })
  await alerts.resolves('ContainerRestarting', { container: 'loop' })
})

test('labels of nodes and services in /sd, as Prometheus’ own discovery has them', async () => {
  const { name } = cluster.nodes[1]!
  await docker('node', 'update', '--label-add', 'zone=b', '--label-add', 'secret=x', name)
  onTestFinished(async () => void (await docker('node', 'update', '--label-rm', 'secret', name)))
  await until(
    'every agent to have its label',
    async () => {
      const pages = await Promise.all(cluster.nodes.map(shown.swarmAt))
      const series = pages.map((page) => Object.keys(select(page, `node_labels{node="${name}"`)).join())
      return series.every((one) => one.includes('label_zone="b"'))
    },
    long,
  )
  const place = ['--constraint', `node.hostname==${name}`]
  await run('web', ['--label', 'team=blue', '--label', 'secret=x', ...place])
  const prefix = '__meta_dockerswarm_'
  const wanted = { [`${prefix}node_label_zone`]: 'b', [`${prefix}service_label_team`]: 'blue' }
  const [labels = {}] = await labelsOfBoth(alerts.prometheus, cluster, 'web', 1, wanted)
  expect(Object.keys(labels).filter((one) => one.includes('secret'))).toEqual([])
})

test('nodes drained, labelled and dead', async () => {
  const [one, two, three] = cluster.nodes as [Node, Node, Node]
  await run('web', ['--replicas', '4'])
  const idOf = (node: Node) => docker('node', 'inspect', '--format', '{{.ID}}', node.name)
  const [idOfTwo, idOfThree] = [await idOf(two), await idOf(three)]
  await docker('node', 'update', '--label-add', 'zone=a', '--label-add', 'secret=x', two.name)
  await docker('node', 'update', '--availability', 'drain', two.name)
  onTestFinished(async () => {
    await docker('node', 'update', '--availability', 'active', two.name)
    await cluster.everyAgentIsReady()
  })
  const drained = { node: two.name, node_id: idOfTwo, availability: 'drain' }
  expect(await alerts.fires('SwarmNodeNotActive', drained)).toEqual({
    alertname: 'SwarmNodeNotActive',
    ...ofSwarm,
    ...drained,
    severity: 'info',
  })
  const moved = (to: readonly Node[]) =>
    until(
      'its tasks to run elsewhere',
      async () => {
        const facts = await shown.agree('moved', to)
        return facts.get('service_replicas_running{service="web"}') === 4
      },
      long,
    )
  await moved([one, three])
  const lost: Record<string, string> = { [two.name]: 'drain' }
  const reschedules = (reason: string) => `task_reschedules_total{service="web",reason="${reason}"}`
  const first = await shown.agreeOnReschedules('web', lost, { at: [one, three] })
  expect(first.get(reschedules('drain'))).toBeGreaterThan(0)
  await shown.agreeOnContainers([one, three])
  const labels = select(await shown.swarmAt(manager()), `node_labels{node="${two.name}"`)
  expect(labels).toEqual({ [`node_labels{node="${two.name}",node_id="${idOfTwo}",label_zone="a"}`]: 1 })
  await docker('node', 'update', '--availability', 'active', two.name)
  await alerts.resolves('SwarmNodeNotActive', drained)
  await cluster.everyAgentIsReady()
  await shown.agree('active again')

  await three.kill()
  onTestFinished(async () => {
    if (three.namespace() === undefined) await three.start()
  })
  const down = { node: three.name, node_id: idOfThree, state: 'down' }
  expect(await alerts.fires('SwarmNodeDown', down)).toEqual({
    alertname: 'SwarmNodeDown',
    ...ofSwarm,
    ...down,
    severity: 'critical',
  })
  await moved([one, two])
  lost[three.name] = 'down'
  const both = await shown.agreeOnReschedules('web', lost, { at: [one, two] })
  expect(both.get(reschedules('down'))).toBeGreaterThan(0)
  expect(both.get(reschedules('drain'))).toBe(first.get(reschedules('drain')))
  await three.start()
  await alerts.resolves('SwarmNodeDown', down)
  await cluster.everyAgentIsReady()
  await shown.agree('back')
  // now its lost tasks have ended, after they were counted
  expect(await shown.agreeOnReschedules('web', lost)).toEqual(both)
})

test('another manager: the same facts and counts from every agent', async () => {
  const [one, two] = cluster.nodes as [Node, Node, Node]
  const attempts = ['--restart-delay', '1s', '--restart-max-attempts', '2']
  await create('failing', attempts, ['sh', '-c', 'sleep 1; exit 3'])
  const series = 'task_failures_total{service="failing",exit_code="3"}'
  await until('three failures', async () => (await shown.agreeOnFailures('failing')).get(series) === 3, long)
  await run('web', ['--replicas', '3'])
  await docker('node', 'update', '--availability', 'drain', two.name)
  const lost = { [two.name]: 'drain' }
  const moved = await until(
    'a replica to move',
    async () => {
      const facts = await shown.agreeOnReschedules('web', lost, {
        at: cluster.nodes.filter((node) => node !== two),
      })
      return [...facts.values()].some((count) => count > 0) && facts
    },
    long,
  )
  await docker('node', 'update', '--availability', 'active', two.name)
  await cluster.everyAgentIsReady()

  await docker('node', 'promote', two.name)
  await shown.agree('two managers')
  await until('the new manager to be reachable', async () =>
    (await docker('node', 'ls', '--format', '{{.ManagerStatus}}')).includes('Reachable'),
  )
  // its own engine may take a moment longer to know that it is a manager
  await until('the first one to be demoted', async () => {
    await two.docker('node', 'demote', one.name)
    return true
  })
  onTestFinished(() => restore(one, two))
  const facts = await shown.agree('the first one demoted', cluster.nodes, two)
  const managers = [...facts.keys()].filter((name) => name.includes('role="manager"'))
  expect(managers.map((name) => /node="(\w+)"/.exec(name)?.[1])).toEqual([two.name])
  expect((await shown.agreeOnFailures('failing', two)).get(series)).toBe(3)
  // the new one's reading arrives everywhere
  await two.docker('service', 'update', '--detach', '--args', 'sh -c "sleep 1; exit 6"', 'failing')
  const further = 'task_failures_total{service="failing",exit_code="6"}'
  await until(
    'the next failures',
    async () => {
      const samples = await Promise.all(cluster.nodes.map(shown.swarmAt))
      const counts = samples.map((found) => [found.get(further), found.get(series)])
      if (counts.some(([six = 0, three]) => six === 0 || three !== 3)) throw new Error(JSON.stringify(counts))
      return true
    },
    long,
  )
  await shown.agree('after an update', cluster.nodes, two)
  expect(await shown.agreeOnReschedules('web', lost, { manager: two })).toEqual(moved)
})

async function restore(one: Node, two: Node): Promise<void> {
  await two.docker('node', 'promote', one.name)
  await until('the first manager to be reachable', async () =>
    (await one.docker('node', 'ls', '--format', '{{.ManagerStatus}}')).includes('Leader'),
  )
  await one.docker('node', 'demote', two.name)
  await shown.agree('as before')
}

test('no manager with an agent: the age rises as time does, then the facts are absent', async () => {
  const [one, ...others] = cluster.nodes as [Node, Node, Node]
  await docker('node', 'update', '--availability', 'drain', one.name)
  onTestFinished(async () => {
    await docker('node', 'update', '--availability', 'active', one.name)
    await cluster.everyAgentIsReady()
  })
  await until(
    'its agent to end',
    async () => (await one.docker('ps', '--quiet', '--filter', 'name=metrics_agent')) === '',
    long,
  )
  /** With the times between which the page was made. */
  const ageAt = async (node: Node) => {
    const from = performance.now() / 1000
    const samples = await shown.swarmAt(node)
    return { from, to: performance.now() / 1000, age: samples.get('state_age_seconds')!, size: samples.size }
  }
  const before = await Promise.all(others.map(ageAt))
  expect(await alerts.fires('SwarmStateUnknown', {})).toEqual({ alertname: 'SwarmStateUnknown', ...ofSwarm })
  for (const [at, node] of others.entries()) {
    const [first, then] = [before[at]!, await ageAt(node)]
    expect(first.size).toBeGreaterThan(10)
    expect(then.size).toBe(1)
    const grown = then.age - first.age
    expect(grown).toBeGreaterThan(then.from - first.to - 0.1)
    // infinite: nothing that a manager sent is known any more
    if (then.age !== Number.POSITIVE_INFINITY) expect(grown).toBeLessThan(then.to - first.from + 0.1)
  }
  await docker('node', 'update', '--availability', 'active', one.name)
  await alerts.resolves('SwarmStateUnknown', {})
  await cluster.everyAgentIsReady()
  await shown.agree('an agent on the manager again')
})

test('each query of the dashboard gives data', async () => {
  const [, two] = cluster.nodes as [Node, Node, Node]
  onTestFinished(async () => void (await two.docker('rm', '--force', 'sick')))
  await two.docker(
    'run',
    '--detach',
    '--name',
    'sick',
    '--health-cmd',
    'false',
    '--health-interval',
    '1s',
    appImage,
    ...app,
  )
  const loop = ['--name', 'loop', '--restart', 'always', appImage, 'sh', '-c', 'sleep 1; exit 5']
  onTestFinished(async () => void (await two.docker('rm', '--force', 'loop')))
  await two.docker('run', '--detach', ...loop)
  await create('failing', ['--restart-delay', '1s'], ['sh', '-c', 'sleep 1; exit 3'])
  await run('updated', ['--replicas', '2'])
  await update('updated', '--force')
  await expectData(alerts.prometheus, '../prometheus/grafana/dashboards/swarm.json')
})

test('is one target of the cluster, the same from every agent', async () => {
  await cluster.everyAgentIsReady()
  await until(
    'the lists to agree',
    async () => {
      const answers = await Promise.all(cluster.nodes.map((node) => cluster.get(node, '/sd')))
      const targets = answers.map(({ text }) =>
        text.split('\n').filter((line) => line.includes('"instance":"swarm"')),
      )
      for (const target of targets) expect(target).toEqual([targets[0]![0]])
      return true
    },
    long,
  )
})

// The last one, since the node does not come back.
test('a node removed by force', async () => {
  const [one, two, three] = cluster.nodes as [Node, Node, Node]
  await cluster.run('web', appImage, ['--replicas', '3'], app)
  const id = await docker('node', 'inspect', '--format', '{{.ID}}', three.name)
  await docker('node', 'rm', '--force', three.name)
  await until(
    'its replica to move',
    async () => {
      const facts = await shown.agreeOnReschedules('web', { [id]: 'removed' }, { at: [one, two] })
      return facts.get('task_reschedules_total{service="web",reason="removed"}') === 1
    },
    long,
  )
})
