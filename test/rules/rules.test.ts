import { describe, expect, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Labels } from '../../src/model.ts'
import { readRules } from '../../src/promql/rule-file.ts'
import { createRules } from '../../src/rules/rules.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { ended, entry, type Known, service, storeOf, swarmState, target, task } from '../helpers/cluster.ts'

function rulesOf(
  known: Known,
  pending: readonly string[] = [],
  replicasFrom: Config['replicasFrom'] = 'swarm',
) {
  const store = storeOf(known)
  const metrics = createMetrics()
  const lines: string[] = []
  const log = createLog('warn', (line) => lines.push(line))
  const rules = createRules({
    store,
    config: { cluster: 'test', replicasFrom },
    log,
    metrics,
    pending: () => pending,
  })
  const read = async () => {
    const file = readRules((await rules.answer({})).body.toString())
    expect(file.refused).toEqual([])
    return file.rules
  }
  return { store, rules, read, metrics, lines }
}

/** One service with these labels, without their prefix. */
function alerting(labels: Labels, name = 'demo_web', more = {}): Known {
  const prefixed = Object.entries({ notify: 'true', ...labels }).map(([key, value]) => [
    `com.df.${key}`,
    value,
  ])
  return {
    swarmState: swarmState([service(name, { replicas: 3, labels: Object.fromEntries(prefixed), ...more })]),
  }
}

const plain = { alertName: 'down', alertIf: 'up == 0' }

describe('a rule', () => {
  test('from all labels of an alert', async () => {
    const { read, rules } = rulesOf(
      alerting({
        'alertName.1': 'mem-high',
        'alertIf.1': 'sum(rate(x[5m])) > 1',
        'alertFor.1': '30s',
        'alertLabels.1': 'severity=high,receiver=team',
        'alertAnnotations.1': 'summary=Much, too much,description={{ $value }} of x=1',
      }),
    )
    expect(await read()).toEqual([
      {
        alert: 'demo_web_memhigh',
        expr: 'sum(rate(x[5m])) > 1',
        for: 30_000,
        labels: { cluster: 'test', service: 'demo_web', severity: 'high', receiver: 'team' },
        annotations: { summary: 'Much, too much', description: '{{ $value }} of x=1' },
      },
    ])
    expect(rules.problems()).toEqual([])
  })

  const s = 'container_label_com_docker_swarm_service_name="demo_web"'
  const j = 'job="demo_web"'
  const w = 'service="demo_web"'
  const desired = `sum(app_metrics_proxy_swarm_service_replicas_desired{${w}})`
  const running = `sum(app_metrics_proxy_swarm_service_replicas_running{${w}})`
  const tasks = `sum(app_metrics_proxy_swarm_task_state{${w}, state="running"})`
  const memory = (sum: string) =>
    `(${sum} (node_memory_MemTotal_bytes{${j}}) - ${sum} (node_memory_MemFree_bytes{${j}} + node_memory_Buffers_bytes{${j}} + node_memory_Cached_bytes{${j}})) / ${sum} (node_memory_MemTotal_bytes{${j}})`
  test.each([
    [
      '@service_mem_limit:0.8',
      `container_memory_usage_bytes{${s}}/container_spec_memory_limit_bytes{${s}} > 0.8`,
      'Memory of the service demo_web is over 0.8',
      {},
    ],
    [
      '@service_mem_limit_nobuff:0.8',
      `(container_memory_usage_bytes{${s}}-container_memory_cache{${s}})/container_spec_memory_limit_bytes{${s}} > 0.8`,
      'Memory without buffer of the service demo_web is over 0.8',
      {},
    ],
    ['@node_mem_limit:0.8', `${memory('sum by (instance)')} > 0.8`, 'Memory of a node is over 0.8', {}],
    [
      '@node_mem_limit_total_above:0.8',
      `${memory('sum')} > 0.8`,
      'Total memory of the nodes is over 0.8',
      { scale: 'up', type: 'node' },
    ],
    [
      '@node_mem_limit_total_below:0.4',
      `${memory('sum')} < 0.4`,
      'Total memory of the nodes is below 0.4',
      { scale: 'down', type: 'node' },
    ],
    [
      '@node_fs_limit:0.8',
      `(node_filesystem_size_bytes{${j}} - node_filesystem_free_bytes{${j}}) / node_filesystem_size_bytes{${j}} > 0.8`,
      'Disk usage of a node is over 0.8',
      {},
    ],
    [
      '@replicas_running',
      `${running} != ${desired}`,
      'The number of running replicas of the service demo_web is not the desired one',
      { scale: 'up', type: 'node' },
    ],
    [
      '@replicas_less_than',
      `${running} < ${desired}`,
      'The number of running replicas of the service demo_web is less than desired',
      { scale: 'up', type: 'node' },
    ],
    [
      '@replicas_more_than',
      `${tasks} > ${desired}`,
      'The number of running replicas of the service demo_web is more than desired',
      { scale: 'down', type: 'node' },
    ],
    [
      '@resp_time_above:0.1,5m,0.99',
      `sum(rate(http_server_resp_time_bucket{${j}, le="0.1"}[5m])) / sum(rate(http_server_resp_time_count{${j}}[5m])) < 0.99`,
      'Response time of the service demo_web is above 0.1',
      { scale: 'up', type: 'service' },
    ],
    [
      '@resp_time_below:1,5m,0.75',
      `sum(rate(http_server_resp_time_bucket{${j}, le=~"1([.]0)?"}[5m])) / sum(rate(http_server_resp_time_count{${j}}[5m])) > 0.75`,
      'Response time of the service demo_web is below 1',
      { scale: 'down', type: 'service' },
    ],
    [
      '@resp_time_server_error:5m,0.001',
      `sum(rate(http_server_resp_time_count{${j}, code=~"^5..$"}[5m])) / sum(rate(http_server_resp_time_count{${j}}[5m])) > 0.001`,
      'Error rate of the service demo_web is above 0.001',
      { type: 'errors' },
    ],
  ])('%s', async (alertIf, expr, summary, labels) => {
    const [rule] = await rulesOf(alerting({ alertName: 'a', alertIf })).read()
    expect(rule).toMatchObject({
      expr,
      annotations: { summary },
      labels: { service: 'demo_web', receiver: 'system', cluster: 'test', ...labels },
    })
  })

  test.each([
    ['@replicas_running', '!=', 'not 3'],
    ['@replicas_less_than', '<', 'less than 3'],
    ['@replicas_more_than', '>', 'more than 3'],
  ])('%s from cAdvisor’s metrics, if so configured', async (alertIf, operator, words) => {
    const [rule] = await rulesOf(alerting({ alertName: 'a', alertIf }), [], 'cadvisor').read()
    expect(rule).toMatchObject({
      expr: `count(container_memory_usage_bytes{${s}}) ${operator} 3`,
      annotations: { summary: `The number of running replicas of the service demo_web is ${words}` },
    })
  })

  test('about the replicas of global services, and not of jobs', async () => {
    const known = (mode: 'global' | 'job') =>
      alerting({ alertName: 'a', alertIf: '@replicas_less_than' }, 'x', { mode })
    expect(await rulesOf(known('global')).read()).toHaveLength(1)
    expect(await rulesOf(known('global'), [], 'cadvisor').read()).toMatchObject([
      { expr: expect.stringContaining(' < 3') },
    ])
    const { read, rules } = rulesOf(known('job'))
    expect(await read()).toEqual([])
    expect(rules.problems()).toMatchObject([
      { reason: '@replicas_less_than: the number of replicas is not known' },
    ])
  })

  test('from several shortcuts', async () => {
    const alertIf = '@resp_time_below:0.1,5m,0.75_unless_@replicas_running_or_@node_fs_limit:1'
    const [rule] = await rulesOf(alerting({ alertName: 'a', alertIf })).read()
    expect(rule!.expr).toMatch(
      / > 0\.75 unless sum\(app_metrics_proxy_swarm_.* != sum\(app_.* or \(node_filesystem/,
    )
    expect(rule!.annotations.summary).toBe(
      'Response time of the service demo_web is below 0.1 unless The number of running replicas of the service demo_web is not the desired one or Disk usage of a node is over 1',
    )
    expect(rule!.labels).toEqual({ service: 'demo_web', cluster: 'test' })
  })

  test('with the job that Prometheus knows', async () => {
    const [rule] = await rulesOf(
      alerting({ alertName: 'a', alertIf: '@node_fs_limit:1', shortName: 'true' }, 'demo_web', {}),
    ).read()
    expect(rule!.expr).toContain('job="demo_web"')
    const known = alerting({ alertName: 'a', alertIf: '@node_fs_limit:1', shortName: 'true' })
    const declared = [...known.swarmState!.services.values()][0]!
    Object.assign(declared.labels, { 'com.docker.stack.namespace': 'demo' })
    expect((await rulesOf(known).read())[0]!.expr).toContain('job="web"')
  })
})

describe('an invalid one is left out, reported with its place, and affects no other', () => {
  test.each<[string, Labels, string, string, number | undefined]>([
    ['an expression', { alertName: 'a', alertIf: 'up = 0' }, 'com.df.alertIf', 'unexpected "="', 4],
    [
      'a shortcut',
      { alertName: 'a', alertIf: '@nope:1' },
      'com.df.alertIf',
      '@nope:1 is not a known shortcut',
      1,
    ],
    [
      'a shortcut’s values',
      { alertName: 'a', alertIf: '@service_mem_limit:much' },
      'com.df.alertIf',
      '@service_mem_limit: "much" is not a number such as 0.8',
      1,
    ],
    [
      'their number',
      { alertName: 'a', alertIf: '@resp_time_above:1' },
      'com.df.alertIf',
      '@resp_time_above takes 3 values, not 1',
      1,
    ],
    [
      'the second of two',
      { alertName: 'a', alertIf: '@replicas_running_and_@x' },
      'com.df.alertIf',
      '@x is not a known shortcut',
      23,
    ],
    [
      'no condition',
      { alertName: 'a' },
      'com.df.alertIf',
      'missing, so the alert has no condition',
      undefined,
    ],
    ['no name', { alertIf: 'up' }, 'com.df.alertName', 'missing, so the alert has no name', undefined],
    [
      'a wait',
      { alertName: 'a', alertIf: 'up', alertFor: 'soon' },
      'com.df.alertFor',
      '"soon" is not a duration such as 30s, up to 30d',
      undefined,
    ],
  ])('%s', async (_, labels, label, reason, position) => {
    const { read, rules, metrics } = rulesOf(
      alerting({ ...labels, 'alertName.5': 'good', 'alertIf.5': 'up == 0' }),
    )
    expect((await read()).map(({ alert }) => alert)).toEqual(['demo_web_good'])
    const problem = {
      service: 'demo_web',
      label: `${label} (service label)`,
      reason,
      ...(position && { position }),
    }
    expect(rules.problems()).toMatchObject([problem])
    expect(metrics.print()).toContain(
      `app_metrics_proxy_rules_problems{service="demo_web",label="${problem.label}"} 1`,
    )
  })

  test.each([
    ['alertLabels', 'severity', '"severity" is not name=value'],
    ['alertLabels', 'my-label=x', '"my-label=x" is not name=value'],
    ['alertLabels', 'cluster=other', 'cluster: can’t be set'],
    ['alertAnnotations', 'summary={{ $labels.x', 'summary: missing }}'],
  ])('of %s=%s only the pair', async (label, value, reason) => {
    const { read, rules } = rulesOf(alerting({ ...plain, [label]: `${value},valid=yes` }))
    expect(await read()).toMatchObject([
      { [label === 'alertLabels' ? 'labels' : 'annotations']: { valid: 'yes' } },
    ])
    expect(rules.problems()).toMatchObject([{ label: `com.df.${label} (service label)`, reason }])
  })

  test('of two with one name the second', async () => {
    const { read, rules } = rulesOf(alerting({ ...plain, 'alertName.2': 'do-wn', 'alertIf.2': 'up' }))
    expect((await read()).map(({ expr }) => expr)).toEqual(['up == 0'])
    expect(rules.problems()).toMatchObject([{ label: 'com.df.alertName.2 (service label)' }])
  })

  test('names and texts that were made to break the file do not', async () => {
    const nasty = '"\n  - alert: x #\u2028: &a *b {{`}}`}}\u0085'
    const { read } = rulesOf(
      alerting({
        alertName: 'a: "b" #{}\\',
        alertIf: 'up{a="\\"}\\n- alert: x"} == 0',
        alertAnnotations: `summary=${nasty}`,
      }),
    )
    const [rule, ...others] = await read()
    expect(others).toEqual([])
    expect(rule).toMatchObject({ alert: 'demo_web_a: "b" #{}\\', annotations: { summary: nasty } })
  })
})

describe('a service with a name from outside', () => {
  const labels = [
    ...alerting({ alertName: 'a', alertIf: '@replicas_running' }).swarmState!.services.values(),
  ][0]!.labels
  const named = (...names: readonly string[]) =>
    rulesOf({ swarmState: swarmState(names.map((name) => service(name, { replicas: 3, labels }))) })

  test('is kept as it is, where the name looks like a template', async () => {
    const [rule] = await named('{{ x').read()
    expect(rule).toMatchObject({
      alert: '{{ x_a',
      labels: { service: '{{`{{`}} x' },
      annotations: {
        summary: 'The number of running replicas of the service {{`{{`}} x is not the desired one',
      },
    })
    expect(rule!.expr).toContain('service="{{ x"')
  })

  test.each([
    ['half a character', 'shop\ud800'],
    ['more characters than any name', 'x'.repeat(65_536)],
    ['more dashes than any name', `x${'-'.repeat(65_536)}`],
  ])('loses its own rule only, where it has %s', async (_, name) => {
    const { read, rules, lines, metrics } = named(name, 'good')
    expect((await read()).map(({ alert }) => alert)).toEqual(['good_a'])
    expect(rules.problems()).toHaveLength(1)
    expect(rules.problems()[0]!.service.isWellFormed()).toBe(true)
    expect(metrics.print().length).toBeLessThan(2000)
    expect(lines).toHaveLength(1)
    expect(lines[0]!.length).toBeLessThan(1000)
  })

  test.each(['constructor', '__proto__', 'toString'])('may be named %s', async (name) => {
    expect((await named(name).read()).map(({ alert }) => alert)).toEqual([`${name}_a`])
  })
})

test('a pair whose name is too long is left out alone', async () => {
  const { read, rules } = rulesOf(alerting({ ...plain, alertLabels: `${'a'.repeat(1100)}=x,valid=yes` }))
  expect(await read()).toMatchObject([{ labels: { valid: 'yes' } }])
  expect(rules.problems()).toHaveLength(1)
})

test('a cluster whose name looks like a template is shown as it is', async () => {
  const store = storeOf(alerting(plain))
  const deps = { store, log: createLog('silent'), metrics: createMetrics(), pending: () => [] }
  const rules = createRules({ ...deps, config: { cluster: '{{ x', replicasFrom: 'swarm' } })
  const file = readRules((await rules.answer({})).body.toString())
  expect(file).toMatchObject({ rules: [{ labels: { cluster: '{{`{{`}} x' } }], refused: [] })
})

test('a problem is logged once for as long as it stays the same', async () => {
  const { store, read, lines } = rulesOf(alerting({ alertName: 'a', alertIf: 'up = 0' }))
  await read()
  const more = [
    service('other', {}),
    ...alerting({ alertName: 'a', alertIf: 'up = 0' }).swarmState!.services.values(),
  ]
  store.become({ swarmState: swarmState(more) }, { kind: 'swarmState' })
  await read()
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { service: 'demo_web', label: 'com.df.alertIf (service label)', reason: 'unexpected "="', position: 4 },
  ])
})

describe('which alerts are active', () => {
  const labels = [...alerting(plain).swarmState!.services.values()][0]!.labels
  const names = async (known: Known) => (await rulesOf(known).read()).map(({ alert }) => alert)

  test.each<[string, Known, readonly string[]]>([
    ['a service’s', { swarmState: swarmState([service('web', { labels })]) }, ['web_down']],
    [
      'not without com.df.notify',
      { entries: [entry(target('web', { labels: { 'com.df.alertName': 'a', 'com.df.alertIf': 'up' } }))] },
      [],
    ],
    ['a container’s', { entries: [entry(target('web', { labels }))] }, ['web_down']],
    [
      'once for all replicas',
      { entries: [entry(task('web', '1', { labels })), entry(task('web', '2', { labels }))] },
      ['web_down'],
    ],
    [
      'once for all nodes',
      {
        entries: [entry(target('web', { labels })), entry(target('web', { id: 'b', node: 'node2', labels }))],
      },
      ['web_down'],
    ],
    [
      'not those of a service scaled to zero',
      { swarmState: swarmState([service('web', { labels, replicas: 0 })]) },
      [],
    ],
    [
      'but persistent ones',
      {
        swarmState: swarmState([
          service('web', { labels: { ...labels, 'com.df.alertPersistent': 'true' }, replicas: 0 }),
        ]),
      },
      ['web_down'],
    ],
    [
      'not those of a service that was removed',
      { entries: [ended(task('web', '1', { labels }), 143)], swarmState: swarmState([]) },
      [],
    ],
    ['those of a stopped container', { entries: [ended(target('web', { labels }), 137)] }, ['web_down']],
    ['not those of one that was removed', { entries: [ended(target('web', { labels }), 137, true)] }, []],
    [
      'names that differ by dashes only',
      { swarmState: swarmState([service('a-b', { labels }), service('ab', { labels })]) },
      ['a-b/down', 'ab_down'],
    ],
  ])('%s', async (_, known, expected) => expect(await names(known)).toEqual(expected))

  test('removing go-demo leaves go-demo-db’s alone', async () => {
    const both = {
      swarmState: swarmState([service('go-demo', { labels }), service('go-demo-db', { labels })]),
    }
    const { store, read } = rulesOf(both)
    expect(await read()).toHaveLength(2)
    store.become({ swarmState: swarmState([service('go-demo-db', { labels })]) }, { kind: 'swarmState' })
    expect((await read()).map(({ alert }) => alert)).toEqual(['godemodb_down'])
  })

  test('are bounded in number', async () => {
    const many = Array.from({ length: 6000 }, (_, at) => service(`s${at}`, { labels }))
    const { read, rules } = rulesOf({ swarmState: swarmState(many) })
    expect(await read()).toHaveLength(5000)
    expect(rules.problems()).toHaveLength(1000)
  })

  test('are refused until they are complete', async () => {
    const { rules } = rulesOf({}, ['the swarm state'])
    await expect(rules.answer({})).rejects.toMatchObject({ code: 'not_ready' })
  })

  test('are an empty file where there are none', async () => {
    expect((await rulesOf({}).rules.answer({})).body.toString()).toBe('{\n  "groups": []\n}\n')
  })
})
