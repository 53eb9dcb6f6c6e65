// Real exporters, as users run them, in every kind of service and container: through every node, by every path, in
// every format and encoding one gets what the container itself answers.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type Container, containersOf } from './exporters/direct.ts'
import { accepts, compareAll, encodings, type Question } from './exporters/matrix.ts'
import type { Node } from './harness/node.ts'
import { run } from './harness/shell.ts'
import { pythonImage, standIns } from './harness/stand-ins.ts'

let cluster: Cluster
let nodes: readonly [Node, Node, Node]
let containers: readonly Container[]

const here = join(import.meta.dirname, 'exporters')
const stack = 'exporters'
/** The ports of their metrics. */
const replicated = { node: 9100, prometheus: 9090, alertmanager: 9093, python: 8000, plain: 8000, chat: 8080 }
const standalone = { 'alone-node': 9100, 'alone-prometheus': 9090, 'alone-python': 8000, 'alone-plain': 8000 }
const composed = { exporter: 9113, app: 8000 }
const project = 'shop'

const compose = (node: Node, ...args: string[]) =>
  run('docker-compose', ['--project-name', project, '--file', join(here, 'compose.yml'), ...args], {
    env: { DOCKER_HOST: `unix://${node.socket}` },
  })

async function runAlone(): Promise<void> {
  const [, two, three] = nodes
  const start = (node: Node, name: keyof typeof standalone, ...image: string[]) => {
    const label = `app-metrics-proxy.port=${standalone[name]}`
    return node.docker('run', '--detach', '--name', name, '--label', label, '--network', 'monitor', ...image)
  }
  await Promise.all([
    start(two, 'alone-node', standIns.NODE_EXPORTER_IMAGE),
    start(
      three,
      'alone-prometheus',
      standIns.PROMETHEUS_IMAGE,
      '--config.file=/dev/null',
      '--storage.tsdb.path=/tmp',
    ),
    start(three, 'alone-python', pythonImage),
    start(two, 'alone-plain', pythonImage, 'plain'),
  ])
}

/** All that is to be compared, once it runs. */
async function findContainers(): Promise<readonly Container[]> {
  const found = (await Promise.all(nodes.map(containersOf))).flat()
  const ports: [RegExp, number][] = [
    ...Object.entries(replicated).map(([name, port]): [RegExp, number] => [
      RegExp(`^${stack}_${name}[.]`),
      port,
    ]),
    [RegExp(`^${stack}_each[.]`), 9100],
    [/^metrics_agent[.]/, 2137],
    ...Object.entries(standalone).map(([name, port]): [RegExp, number] => [RegExp(`^${name}$`), port]),
    ...Object.entries(composed).map(([name, port]): [RegExp, number] => [
      RegExp(`^${project}_${name}_1$`),
      port,
    ]),
  ]
  return found.flatMap((one) => {
    const port = ports.find(([pattern]) => pattern.test(one.name))?.[1]
    return port === undefined ? [] : [{ ...one, port }]
  })
}

beforeAll(async () => {
  cluster = await startCluster(3, {}, { standIns: true })
  nodes = cluster.nodes as [Node, Node, Node]
  await cluster.deploy(stack, join(here, 'stack.yml'))
  await Promise.all([runAlone(), compose(nodes[0], 'up', '--detach')])
  containers = await until(
    'all containers',
    async () => {
      const all = await findContainers()
      if (all.length === 3 + 2 + 1 + 2 + 2 + 2 + 3 + 4 + 2 + 3) return all
      const tasks = await cluster.manager.docker(
        'stack',
        'ps',
        '--format',
        '{{.Name}} {{.CurrentState}} {{.Error}}',
        stack,
      )
      throw new Error(`${all.map(({ name }) => name)}\n${tasks}`)
    },
    { within: 60_000, every: 500 },
  )
  const applications = containers.filter(({ port }) => port !== 2137)
  const unready = async (node: Node, { name }: Container) =>
    (await cluster.get(node, `/${name}/metrics`)).status === 200 ? [] : [`${name} at ${node.name}`]
  await until(
    'every container to be served through every node',
    async () => {
      const missing = await Promise.all(
        nodes.flatMap((node) => applications.map((one) => unready(node, one))),
      )
      if (missing.flat().length === 0) return true
      throw new Error(missing.flat().join())
    },
    { within: 60_000, every: 500 },
  )
})
afterAll(() => cluster?.stop())

const named = (pattern: RegExp) => containers.filter(({ name }) => pattern.test(name))
const atEach = (path: string, of: (node: Node) => readonly Container[], shows: Question['shows']) =>
  nodes.map((node): Question => ({ node, path, containers: of(node), shows }))
const on = (node: Node, all: readonly Container[]) => all.filter((one) => one.node === node)

/** By a replica’s own name, its slot below the service’s full and short name, and its id. */
function questionsOfReplicas(full: string, short: string, all: readonly Container[]): readonly Question[] {
  return all.flatMap((one) =>
    [`/${one.name}/metrics`, `/${full}/${one.slot}/metrics`, `/${short}/${one.slot}/metrics`].flatMap(
      (path) => atEach(path, () => [one], 'container'),
    ),
  )
}

function questionsOfService(name: string): readonly Question[] {
  const full = `${stack}_${name}`
  const all = named(RegExp(`^${full}[.]`))
  return [
    ...[full, name].flatMap((path) => atEach(`/${path}/metrics`, () => all, 'replicas')),
    // a node without a replica has nothing to say
    ...atEach(`/${full}/metrics?scope=node`, (node) => on(node, all), 'replicas'),
    ...questionsOfReplicas(full, name, all),
  ]
}

function questionsOfGlobal(name: string): readonly Question[] {
  const full = `${stack}_${name}`
  const all = named(RegExp(`^${full}[.]`))
  return [
    ...[`/${full}/metrics`, `/${name}/metrics`, `/${full}/metrics?scope=node`].flatMap((path) =>
      atEach(path, (node) => on(node, all), 'container'),
    ),
    ...all.flatMap((one) =>
      [
        `/${one.name}/metrics`,
        `/${full}/${one.node.name}/metrics`,
        `/${name}/${one.node.name}/metrics`,
      ].flatMap((path) => atEach(path, () => [one], 'container')),
    ),
  ]
}

const questionsOfContainer = (name: string) =>
  atEach(`/${name}/metrics`, () => named(RegExp(`^${name}$`)), 'container')

function questionsOfComposed(name: string): readonly Question[] {
  const all = named(RegExp(`^${project}_${name}_1$`))
  return [
    ...atEach(`/${project}_${name}/metrics`, () => all, 'replicas'),
    ...[`/${project}_${name}_1/metrics`, `/${project}_${name}/1/metrics`].flatMap((path) =>
      atEach(path, () => all, 'container'),
    ),
  ]
}

/** The agents’ own. */
function questionsOfAgents(): readonly Question[] {
  const all = named(/^metrics_agent[.]/)
  return [
    ...atEach('/metrics', (node) => on(node, all), 'container'),
    ...all.flatMap((one) => atEach(`/app-metrics-proxy/${one.node.name}/metrics`, () => [one], 'container')),
  ]
}

const kinds = [
  { kind: 'the agent', name: 'its own', questions: questionsOfAgents },
  ...Object.keys(replicated).map((name) => ({
    kind: 'replicated',
    name,
    questions: () => questionsOfService(name),
  })),
  { kind: 'global', name: 'each', questions: () => questionsOfGlobal('each') },
  ...Object.keys(standalone).map((name) => ({
    kind: 'standalone',
    name,
    questions: () => questionsOfContainer(name),
  })),
  ...Object.keys(composed).map((name) => ({
    kind: 'Compose',
    name,
    questions: () => questionsOfComposed(name),
  })),
]

const sum = { combinations: 0, series: 0 }
afterAll(() => {
  console.log(`compared ${sum.combinations} responses and ${sum.series} series with what the containers say`)
})

describe.each(kinds)('$kind: $name', ({ name, questions }) => {
  test.each(Object.entries(accepts))(`is served as it answers itself, Accept: %s`, async (how, accept) => {
    const selected = questions()
    expect(selected.length).toBeGreaterThan(0)
    const { responses, series } = await compareAll(selected, accept)
    expect(responses).toBe(selected.length * encodings.length)
    sum.combinations += responses
    sum.series += series
    console.log(`${name}, ${how}: ${responses} responses, ${series} series`)
  })
})
