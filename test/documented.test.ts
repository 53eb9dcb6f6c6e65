// What the documentation and the files to copy name is in the code: metrics with their labels, messages with their
// fields, files, names of the code, and limits.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { containerOf } from '../src/discover/container.ts'
import { createContainerMetrics } from '../src/discover/container-metrics.ts'
import { createMetrics } from '../src/runtime/metrics.ts'
import { swarmPage } from '../src/swarm-metrics/swarm-metrics.ts'
import { bodyOf } from '../src/sync/codec.ts'
import { service, swarmState } from './helpers/cluster.ts'
import { bugs } from './simulation/bugs.ts'
import { messages } from './sync/every-message.ts'

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter((file) => /\.\w+$/.test(file))
}
const read = (file: string) => readFileSync(file, 'utf8')
const readAll = (files: readonly string[]) => files.map(read).join('\n')

const code = ['src', 'test', 'tools', 'deploy'].flatMap(filesIn).filter((file) => !/\.(png|md)$/.test(file))
const sources = code.filter((file) => /^src\/.*\.(ts|js)$/.test(file))
const manuals = ['README.md', 'CONTRIBUTING.md', ...filesIn('docs'), ...filesIn('deploy')].filter((file) =>
  file.endsWith('.md'),
)
/** Code within a line, without blocks. */
const codeIn = (manual: string) =>
  Array.from(
    read(manual)
      .replaceAll(/^```.*?^```$/gms, '')
      .matchAll(/`([^`\n]+)`/g),
    ([, text]) => text!,
  )

describe('metrics', () => {
  const registering = sources
    .map(read)
    .filter((text) => /\.(counter|gauge|histogram|registerCollector)\(/.test(text))
  const prefixes = ['', 'container_', 'swarm_'].map((part) => `app_metrics_proxy_${part}`)
  const names = new Set([
    ...registering.flatMap((text) => {
      const words = Array.from(text.matchAll(/['`}]([a-z][a-z_]+)['`]/g), ([, word]) => word!)
      return words.flatMap((word) => prefixes.map((prefix) => prefix + word))
    }),
    ...(readAll(sources).match(/\bapp_metrics_proxy_\w+/g) ?? []),
  ])
  /** Prometheus adds these, or `/sd` does. */
  const added = ['job', 'instance', 'cluster', 'node', 'service', 'exported_node', 'exported_service', 'le']
  const labels = new Set([
    ...[...added, 'label_team'],
    ...registering.flatMap((text) =>
      Array.from(text.replaceAll(/\$\{[^}]*\}/g, '').matchAll(/\{([^{}]*)\}/g), ([, inner]) =>
        inner!.split(','),
      ).flatMap((keys) => keys.flatMap((key) => /^\s*(\w+)\s*(?::|$)/.exec(key)?.[1] ?? [])),
    ),
  ])
  const isKnown = (name: string) => {
    const plain = name.replace(/_(bucket|sum|count)$/, '')
    return names.has(plain) || (name.endsWith('_') && [...names].some((one) => one.startsWith(name)))
  }

  const users = [...manuals, ...filesIn('deploy').filter((file) => /\.(ya?ml|json)$/.test(file))]

  test('each that an alert, a dashboard or a manual names is registered', () => {
    const used = users.flatMap((file) =>
      Array.from(read(file).matchAll(/app_metrics_proxy_\w*/g), ([name]) => ({ file, name })),
    )
    expect(used.length).toBeGreaterThan(120)
    expect(used.filter(({ name }) => !isKnown(name))).toEqual([])
  })

  test('each label that an alert or a dashboard takes from them is one that they have', () => {
    const rules = users.filter((file) => /prometheus\/(rules|grafana\/dashboards)\//.test(file))
    const used = rules.flatMap((file) => {
      const text = read(file).replaceAll('\\"', '"')
      const matchers = text.matchAll(/app_metrics_proxy_\w+\{([^}]*)\}/g)
      const lists = text.matchAll(/\b(?:by|on|ignoring|group_left) \(([^)]*)\)|\$labels\.(\w+)/g)
      return [
        ...Array.from(matchers, ([, inner]) => inner!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)).flatMap((found) =>
          Array.from(found, ([, label]) => label!),
        ),
        ...Array.from(lists, ([, list, one]) => list?.split(/,\s*/) ?? [one!]).flat(),
      ].map((label) => ({ file, label }))
    })
    expect(used.length).toBeGreaterThan(100)
    expect(used.filter(({ label }) => !labels.has(label))).toEqual([])
  })

  /** Of a page of metrics, `type name label,label` of each. */
  function shapesOf(page: string): readonly string[] {
    const types = new Map(
      Array.from(page.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name, type]) => [name!, type!] as const),
    )
    const labelsOf = new Map(
      Array.from(page.matchAll(/^(\w+)(?:\{(.*)\})? [^ ]+$/gm), ([, name, inner = '']) => [
        name!,
        Array.from(inner.matchAll(/(\w+)="/g), ([, label]) => label!.replace(/^label_.+/, 'label_')),
      ]),
    )
    return [...types].map(([name, type]) => {
      const short = name.replace(/^app_metrics_proxy_(swarm|container)_/, '')
      return `${type} ${short} ${(labelsOf.get(name) ?? []).toSorted()}`
    })
  }

  test('SWARM-METRICS.md has all of them, with their types and labels, and no others', () => {
    const labelled = { labels: { team: 'blue' } }
    const known = swarmState([
      service('web', { ...labelled, updateState: 'paused', taskStates: new Map([['running', 1]]) }),
    ])
    const [id, one] = [...known.nodes][0]!
    const counts = { after: 0, upTo: 1, services: new Map([['id-web', new Map([['1', 1]])]]), tasks: [] }
    const value = {
      ...known,
      nodes: new Map([[id, { ...one, labels: { zone: 'a' } }]]),
      failures: counts,
      reschedules: counts,
    }
    const swarm = Buffer.from(bodyOf(swarmPage({ value, ageMs: 1, from: 'n1' }))).toString()
    const metrics = createMetrics()
    const containers = createContainerMetrics(metrics)
    const row = { Id: 'a', Names: ['/a'], State: 'running', Status: 'Up 5 seconds (healthy)', Created: 1 }
    containers.list([containerOf(row, [])])
    containers.event({ kind: 'died', id: 'a', atNs: undefined, exitCode: 1 })
    containers.event({ kind: 'started', id: 'a', atNs: 1 })
    const rows = read('docs/SWARM-METRICS.md').matchAll(/^\| `(\w+)` \| (gauge|counter) \| (.*?) \|/gm)
    const documented = Array.from(rows, ([, name, type, list]) => {
      const named = Array.from(list!.matchAll(/`([a-z_]+)/g), ([, label]) => label!)
      return `${type} ${name} ${named.toSorted()}`
    })
    expect(documented.toSorted()).toEqual([...shapesOf(swarm), ...shapesOf(metrics.print())].toSorted())
  })
})

test('PROTOCOL.md has a row for each message, which names each of its fields', () => {
  const rows = read('docs/PROTOCOL.md').matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (.*) \|$/gm)
  const fieldsByKind = new Map(
    Array.from(rows, ([, kinds, text]) =>
      Array.from(kinds!.matchAll(/\w+/g), ([kind]) => [kind, new Set(text!.match(/\w+/g))] as const),
    ).flat(),
  )
  expect([...fieldsByKind.keys()].toSorted()).toEqual(
    [...new Set(messages.map(({ kind }) => kind))].toSorted(),
  )
  const missing = messages.flatMap(({ kind, ...fields }) =>
    Object.keys(fields).filter((field) => !fieldsByKind.get(kind)!.has(field) && field !== 'swarmState'),
  )
  expect(missing).toEqual([])
})

test('SIMULATION.md lists each known bug, and what it replaces is in the code once', () => {
  const words = new Map([
    ['ask', 'requests'],
    ['intrude', 'intruders'],
    ['snapshot', 'snapshots'],
  ])
  const rows = read('docs/SIMULATION.md').matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\w+(?: and \w+)*) \|$/gm)
  const documented = Array.from(rows, ([, name, within, events]) => [name, Number(within), events])
  expect(documented).toEqual(
    bugs.map(({ name, within, only }) => [
      name,
      within,
      only?.map((kind) => words.get(kind)).join(' and ') ?? 'all',
    ]),
  )
  const edits = bugs.flatMap(({ edits }) => edits)
  expect(edits.filter(({ file, from }) => read(file).split(from).length !== 2)).toEqual([])
})

test('each name of the code in a comment of src is still one', () => {
  /** A comment, of a line of its own or behind code. */
  const comment = /^\s*(?:\/\/|\/?\*).*$| \/\/ .*$/gm
  const words = new Set(readAll(sources).replaceAll(comment, '').match(/\w+/g))
  const named = sources.flatMap((file) =>
    (read(file).match(comment) ?? []).flatMap((text) =>
      Array.from(text.matchAll(/`([a-z]+[A-Z]\w*)`/g), ([, name]) => ({ file, name: name! })),
    ),
  )
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter(({ name }) => !words.has(name))).toEqual([])
})

describe.each(manuals)('%s', (manual) => {
  /** Names of other programs. */
  const foreign = ['configCheckInterval', 'httpSDCheckInterval', 'maxScrapeSize', 'evalDelay', 'stripPrefix']
  const words = new Set(readAll(code).match(/\w+/g))
  const files = new Set(code.map((file) => basename(file)))

  test('each name of the code in it is still one', () => {
    const named = codeIn(manual).flatMap((text) => text.match(/\b[A-Za-z]+[a-z][A-Z]\w*/g) ?? [])
    expect(named.filter((name) => !words.has(name) && !foreign.includes(name))).toEqual([])
  })

  test('each file of the repository that it names is there', () => {
    const texts = codeIn(manual)
    const paths = texts.flatMap(
      (text) => text.match(/(?<![\w/.:-])(?:src|test|tools|deploy|docs)\/[\w./-]*\w/g) ?? [],
    )
    const sourceFiles = texts.flatMap((text) => text.match(/^[\w-]+\.(?:ts|js)$/) ?? [])
    expect(paths.filter((path) => !existsSync(path))).toEqual([])
    expect(sourceFiles.filter((name) => !files.has(name))).toEqual([])
  })
})

/** A number of a manual, and the constant that it is. */
const limits: readonly (readonly [
  manual: string,
  text: RegExp,
  file: string,
  constant: string,
  unit: number,
])[] = [
  ['PROTOCOL', /A node may list ([\d,]+) targets/, 'store/peer-entries', 'maxTargets', 1],
  ['PROTOCOL', /A client has (\d+) s to authenticate/, 'sync/sockets', 'handshakeTimeoutMs', 1000],
  ['PROTOCOL', /At most (\d+) connections per address/, 'sync/sockets', 'maxWaitingPerAddress', 1],
  ['PROTOCOL', /and (\d+) in total may be unauthenticated/, 'sync/sockets', 'maxWaiting', 1],
  ['PROTOCOL', /An address that fails (\d+) times/, 'sync/sockets', 'maxFailures', 1],
  ['PROTOCOL', /times within (\d+) s is rejected/, 'sync/sockets', 'failurePeriodMs', 1000],
  ['PROTOCOL', /At most (\d+) frames/, 'sync/messages', 'maxFrames', 1],
  ['PROTOCOL', /batched for at most (\d+) ms/, 'sync/own-changes', 'batchDelayMs', 1],
  ['PROTOCOL', /before these exceed (\d+) or half/, 'sync/page-assembler', 'maxDeltas', 1],
  ['PROTOCOL', /Those that come within (\d+) ms share/, 'sync/refreshes', 'sharedMs', 1],
  ['PROTOCOL', /one that is not listed for (\d+) s is reported/, 'sync/session', 'promotionMs', 1000],
  ['SCALE', /\| connections \| N \| \d+ \| ([\d,]+), a fixed limit/, 'sync/sockets', 'maxConnections', 1],
  ['SWARM-METRICS', /of at most ([\d,]+) containers a node/, 'discover/targets', 'maxTargets', 1],
  ['SWARM-METRICS', /\((\d+), the others as `other`\)/, 'discover/task-counts', 'maxExitCodes', 1],
  [
    'SWARM-METRICS',
    /every (\d+) seconds while Swarm changes/,
    'discover/swarm-watch',
    'busyReadIntervalMs',
    1000,
  ],
  ['STATUS', /of families of up to ([\d,]+) series/, 'exposition/families', 'maxHistogramSamples', 1],
  ['STATUS', /With more than (\d+) nodes each is its name/, 'status/ui/nodes.js', 'maxLarge', 1],
  ['STATUS', /the durations of the last (\d+) scrapes/, 'store/peer-record', 'maxHistory', 1],
  [
    'OPERATIONS',
    /responses of more than (\d+) KiB are refused/,
    'web/response-memory',
    'maxBytesWhenShort',
    1024,
  ],
]

test.each(limits)('%s.md: %s is what src/%s says', (manual, text, file, constant, unit) => {
  const [, documented = ''] = text.exec(read(`docs/${manual}.md`)) ?? []
  const source = read(`src/${file.includes('.') ? file : `${file}.ts`}`)
  const [, value = ''] = new RegExp(`const ${constant} = ([\\d_ *]+)$`, 'm').exec(source) ?? []
  const product = value.split('*').reduce((all, factor) => all * Number(factor.replaceAll('_', '')), 1)
  expect(Number(documented.replaceAll(',', '')) * unit).toBe(product)
})
