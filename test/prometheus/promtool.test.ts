import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rules } from '../../src/cli/rules.ts'
import { createLog } from '../../src/logging/log.ts'
import { addMatcher, checkExpression, InvalidExpression } from '../../src/promql/expression.ts'
import { type Rule, ruleProblem } from '../../src/promql/rule.ts'
import { printRules, readRules } from '../../src/promql/rule-file.ts'
import { templateProblem } from '../../src/promql/template.ts'
import { createRules } from '../../src/rules/rules.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { service, storeOf, swarmState } from '../helpers/cluster.ts'

function promtoolOn(files: readonly string[]): Promise<string> {
  return new Promise((resolve) =>
    execFile(
      'promtool',
      ['check', 'rules', '--lint=none', ...files],
      { maxBuffer: 2 ** 26 },
      (error, _, stderr) => resolve(error ? stderr || String(error) : ''),
    ),
  )
}

/** What promtool says of these rules; empty: nothing against them. */
async function promtool(rules: readonly Rule[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rules-'))
  try {
    const file = join(folder, 'rules.yml')
    await writeFile(file, printRules(rules))
    return await promtoolOn([file])
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Whether promtool takes each of these rules, each in a file of its own. */
async function promtoolOnEach(rules: readonly Rule[]): Promise<readonly boolean[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rules-'))
  try {
    await Promise.all(rules.map((rule, at) => writeFile(join(folder, `${at}.yml`), printRules([rule]))))
    const stdout = await new Promise<string>((resolve) =>
      execFile(
        'promtool',
        ['check', 'rules', '--lint=none', ...rules.map((_, at) => `${at}.yml`)],
        { cwd: folder, maxBuffer: 2 ** 26 },
        (_, out) => resolve(out),
      ),
    )
    const taken = new Set(
      Array.from(stdout.matchAll(/^Checking (\d+)\.yml\n {2}SUCCESS/gm), ([, at]) => Number(at)),
    )
    return rules.map((_, at) => taken.has(at))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function serve(text: string) {
  const server = createServer((_, response) => response.end(text)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

const silent = {
  stdout: () => {},
  stderr: () => {},
  env: {},
  signal: new AbortController().signal,
  isTerminal: false,
}

const rule = (expr: string, at: number, text = ''): Rule => ({
  alert: `a${at}`,
  expr,
  labels: {},
  annotations: { summary: text },
})

const metric = fc.constantFrom('up', 'foo:bar', 'rate_x', '_m', 'sum', 'offset', 'infx', 'by', 'start')
const duration = fc.constantFrom('5m', '1h30m', '0s', '1y', '300', '1m1h', '5m*2', '-5m', '1ms')
const text = fc.oneof(
  fc.constantFrom('"x"', "'x'", '`x`', '"\\d"', '""', '"a\\"b"', '"\\u00e4"', '"ä€"', '"x'),
  fc.string().map((s) => JSON.stringify(s)),
)
const regexPart = fc.constantFrom(
  'a',
  '.',
  '*',
  '+',
  '?',
  '{2}',
  '{2,}',
  '{00}',
  '{,3}',
  '(',
  ')',
  '(?:',
  '(?i)',
  '(?=',
  '[a-z]',
  '[^]]',
  '[[:alpha:]]',
  '[',
  ']',
  '|',
  '^',
  '$',
  '\\\\d',
  '\\\\.',
  '\\\\y',
  '\\\\z',
  '\\\\x41',
  '\\\\X41',
  '\\xff',
  '\\101',
  '-',
  '\\\\pL',
  '\\\\Q',
)
const regex = fc.array(regexPart, { maxLength: 6 }).map((parts) => `"${parts.join('')}"`)
const matcher = fc.oneof(
  fc
    .tuple(fc.constantFrom('a', 'job', '__name__', 'on', 'le'), fc.constantFrom('=', '!='), text)
    .map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('a', 'job'), fc.constantFrom('=~', '!~'), regex).map((parts) => parts.join('')),
)
const number = fc.constantFrom(
  '1',
  '0.5',
  '.5',
  '1e3',
  '0x1f',
  'Inf',
  'NaN',
  '-1',
  '1e999',
  '5m',
  '1_000',
  '089',
)
const modifier = fc.constantFrom(
  '',
  ' offset 5m',
  ' offset -5m',
  ' @ 12',
  ' @ start()',
  ' offset 5m @ 3',
  ' offset 5m offset 5m',
  ' @ -1.5',
)

const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc
      .tuple(metric, fc.array(matcher, { maxLength: 2 }), modifier)
      .map(
        ([name, matchers, more]) => `${name}${matchers.length > 0 ? `{${matchers.join(',')}}` : ''}${more}`,
      ),
    fc.array(matcher, { maxLength: 2 }).map((matchers) => `{${matchers.join(',')}}`),
    number,
    text,
    fc
      .tuple(tie('expression'), duration, modifier)
      .map(([inner, range, more]) => `${inner}[${range}]${more}`),
    fc
      .tuple(tie('expression'), duration, fc.oneof(fc.constant(''), duration))
      .map(([inner, range, step]) => `${inner}[${range}:${step}]`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom(
          '+',
          '-',
          '*',
          '/',
          '%',
          '^',
          '==',
          '!=',
          '> bool',
          '<',
          '>=',
          '<= bool',
          'and',
          'or',
          'unless',
          'atan2',
          'AND',
          '+ bool',
        ),
        fc.constantFrom(
          '',
          ' on(a)',
          ' ignoring(a,b)',
          ' on(a) group_left(b)',
          ' on(a) group_left(a)',
          ' ignoring() group_right()',
        ),
        tie('expression'),
      )
      .map(([left, operator, matching, right]) => `${left} ${operator}${matching} ${right}`),
    fc
      .tuple(
        fc.constantFrom(
          'rate',
          'sum',
          'abs',
          'topk',
          'quantile',
          'count_values',
          'histogram_quantile',
          'label_replace',
          'round',
          'time',
          'vector',
          'scalar',
          'absent',
          'hour',
          'predict_linear',
          'avg by (a)',
          'sum without (a,)',
          'max_over_time',
          'nosuch',
          'SUM',
          'Rate',
          'clamp',
          'label_join',
        ),
        fc.array(tie('expression'), { maxLength: 4 }),
      )
      .map(([name, list]) => `${name}(${list.join(', ')})`),
    tie('expression').map((inner) => `(${inner})`),
    tie('expression').map((inner) => `-${inner}`),
  ),
}))

/** Shapes that are right more often than not, so that much is accepted. */
const { vector, scalar, matrix } = fc.letrec<{ vector: string; scalar: string; matrix: string }>((tie) => ({
  matrix: fc
    .tuple(metric, fc.array(matcher, { maxLength: 2 }), duration, modifier)
    .map(([name, matchers, range, more]) => `${name}{${matchers.join(',')}}[${range}]${more}`),
  scalar: fc.oneof(
    { maxDepth: 2 },
    number,
    tie('vector').map((inner) => `scalar(${inner})`),
    fc.constant('time()'),
  ),
  vector: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    expression,
    tie('matrix').map((inner) => `increase(${inner})`),
    fc.tuple(tie('scalar'), tie('matrix')).map(([q, inner]) => `quantile_over_time(${q}, ${inner})`),
    fc
      .tuple(tie('vector'), fc.constantFrom('>', '/', '-', '== bool', 'and', 'or'), tie('vector'))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(fc.constantFrom('sum by (a) (', 'avg(', 'topk(3, ', 'stddev without () ('), tie('vector'))
      .map(([start, inner]) => `${start}${inner})`),
    fc.tuple(tie('vector'), duration).map(([inner, range]) => `max_over_time((${inner})[${range}:])`),
    fc
      .tuple(fc.constantFrom('', '-', '1 - '), tie('vector'), modifier, duration)
      .map(([before, inner, more, range]) => `max_over_time(${before}${inner}${more}[${range}:])`),
  ),
}))

function accepted(candidates: readonly string[]): readonly string[] {
  return candidates.filter((candidate) => {
    try {
      checkExpression(candidate)
      return true
    } catch (error) {
      if (!(error instanceof InvalidExpression)) throw error
      return false
    }
  })
}

test('promtool takes every expression that we take, also when it is limited to a cluster', async () => {
  const candidates = [
    ...fc.sample(expression, 10_000),
    ...fc.sample(vector, 10_000),
    ...fc.sample(scalar, 200),
    ...fc.sample(matrix, 50),
  ]
  const taken = [...new Set(accepted(candidates))]
  expect(taken.length).toBeGreaterThan(500)
  const limited = taken.map((expr) => addMatcher(expr, 'cluster', 'a"\\b'))
  expect(await promtool([...taken, ...limited].map((expr, at) => rule(expr, at)))).toBe('')
})

test('promtool takes every template that we take', async () => {
  const word = fc.constantFrom(
    '{{',
    '}}',
    '{{ ',
    ' }}',
    '{{-',
    '- ',
    ' -}}',
    '$value',
    '$labels.a',
    '$x',
    '.',
    '.Labels.b',
    '|',
    ' | ',
    'humanize',
    'printf',
    '"%s"',
    '`a`',
    '5',
    ' ',
    '(',
    ')',
    'if ',
    'else',
    'end',
    'range ',
    'with ',
    'text',
    '"}}"',
    'true',
    'nil',
    ',',
  )
  const action = fc
    .array(
      fc.constantFrom(
        '$value',
        '$labels.a',
        '.',
        'humanize',
        'printf "%v"',
        '| title',
        '|',
        '(',
        ')',
        '"a"',
        '1.5',
        'query "up"',
        'first',
        'len',
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => `{{ ${parts.join(' ')} }}`)
  const block = fc
    .tuple(fc.constantFrom('if', 'with', 'range'), action, fc.boolean())
    .map(([kind, inner, more]) => `${inner.replace('{{', `{{ ${kind}`)}x${more ? '{{ else }}' : ''}{{ end }}`)
  const candidates = [
    ...fc.sample(
      fc.array(word, { maxLength: 8 }).map((parts) => parts.join('')),
      4000,
    ),
    ...fc.sample(
      fc.array(fc.oneof(action, block), { maxLength: 3 }).map((parts) => parts.join(' ')),
      2000,
    ),
  ]
  const taken = [
    ...new Set(candidates.filter((one) => one.includes('{{') && templateProblem(one) === undefined)),
  ]
  expect(taken.length).toBeGreaterThan(200)
  expect(await promtool(taken.map((text, at) => rule('up', at, text)))).toBe('')
})

test('promtool reads whatever characters are in it', async () => {
  const anything = fc
    .string({ unit: 'binary', maxLength: 40 })
    .filter((one) => one.isWellFormed() && !one.includes('{{'))
  const rules = fc.sample(anything, 2000).map(
    (text, at): Rule => ({
      alert: `${text}${at}`,
      expr: 'up',
      for: 1500,
      labels: { text },
      annotations: { text },
    }),
  )
  expect(await promtool(rules)).toBe('')
})

/** Text as a stranger might choose it. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 4 }).map((text) => `${text}\ud800`),
  fc.constantFrom(
    ...['', '{{', '{{ x', '{{{', '}}', '{{ $value }}', '{{`{{`}}', '{{ template "x" }}', '{{ define "x" }}'],
    ...[
      '__name__',
      '__proto__',
      'constructor',
      'alertname',
      'a-b',
      'ä',
      '5m',
      '-',
      '---',
      '%YAML 1.1',
      '&a *a',
    ],
    ...[
      '\0',
      '\u0085',
      '\ufeff',
      '\uffff',
      '\u2028',
      '"\n  - alert: x',
      'a'.repeat(1100),
      'x'.repeat(65_536),
    ],
  ),
)

test('promtool takes the rules of services whose names and labels hold anything', async () => {
  const part = fc.oneof(
    hostile,
    fc.constantFrom('up == 0', '@replicas_running', 'a=b,c={{ $value }}', '5m', 'x="\n', '- alert: y'),
  )
  const keys = ['Name', 'If', 'For', 'Labels', 'Annotations'].flatMap((key) => [
    `com.df.alert${key}`,
    `com.df.alert${key}.1`,
  ])
  const labels = fc.record(Object.fromEntries(keys.map((key) => [key, part])), { requiredKeys: [] })
  const alwaysGood = {
    'com.df.notify': 'true',
    'com.df.alertName.9': 'good',
    'com.df.alertIf.9': '@replicas_running',
  }
  const services = fc.sample(fc.tuple(labels, hostile), 2000).flatMap(([labels, name], at) => [
    service(`s-${at}-${name}`, {
      labels: { ...labels, 'com.df.notify': 'true', 'com.df.alertIf.1': 'up' },
    }),
    service(`innocent-${at}-{{ ${at}`, { labels: alwaysGood }),
  ])
  const store = storeOf({ swarmState: swarmState(services) })
  for (const cluster of ['a"b', '{{ x', undefined]) {
    const deps = { store, log: createLog('silent'), metrics: createMetrics(), pending: () => [] }
    const { rules, refused } = readRules(
      (await createRules({ ...deps, config: { cluster, replicasFrom: 'swarm' } }).answer({})).body.toString(),
    )
    expect(refused).toEqual([])
    expect(rules.filter(({ alert }) => /^innocent.*good$/.test(alert))).toHaveLength(2000)
    expect(await promtool(rules)).toBe('')
  }
})

/** A stranger who is honest more often than not, so that many rules have one fault or none. */
const mostly = <T>(honest: readonly T[], other: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constantFrom(...honest), weight: 12 }, { arbitrary: other, weight: 1 })

const anyRule = fc.record(
  {
    alert: mostly(['a'], hostile),
    expr: mostly(['up == 0'], fc.oneof(hostile, expression)),
    for: mostly([0, 30_000], fc.oneof(fc.double(), fc.constantFrom(1e300, -1, Number.NaN))),
    labels: fc.dictionary(mostly(['a', 'b', 'cluster'], hostile), mostly(['x', '{{ $value }}'], hostile), {
      maxKeys: 3,
    }),
    annotations: fc.dictionary(mostly(['a', 'summary'], hostile), mostly(['x'], hostile), { maxKeys: 3 }),
  },
  { requiredKeys: ['alert', 'expr', 'labels', 'annotations'] },
) as fc.Arbitrary<Rule>

test('promtool takes every rule that we take, and most of those that we refuse it refuses too', async () => {
  const rules = fc.sample(anyRule, 8000)
  const verdicts = await promtoolOnEach(rules)
  const taken = rules.filter((_, at) => verdicts[at])
  const both = taken.filter((rule) => !ruleProblem(rule))
  expect(rules.filter((rule, at) => !ruleProblem(rule) && !verdicts[at])).toEqual([])
  expect(both.length).toBeGreaterThan(1000)
  // what only we refuse: names that are very long, begin with __ or aren’t ASCII, and what some versions don’t know
  expect(both.length / taken.length).toBeGreaterThan(0.75)
})

test('the command writes what promtool takes, of whatever clusters answer with', async () => {
  const innocent: Rule = { alert: 'good', expr: 'up == 0', labels: { cluster: 'a' }, annotations: {} }
  const answers = fc.sample(fc.array(anyRule, { maxLength: 20 }), 150)
  const servers = await Promise.all(answers.map((rules) => serve(printRules([innocent, ...rules]))))
  const folder = await mkdtemp(join(tmpdir(), 'rules-'))
  try {
    for (const more of [[], ['--no-cluster-matcher']]) {
      const from = servers.flatMap(({ url }, at) => ['--from', `c${at}=${url}`])
      await rules([...from, '--to', folder, ...more], silent)
      const files = (await readdir(folder)).filter((name) => name.endsWith('.yml'))
      expect(files).toHaveLength(answers.length)
      expect(await promtoolOn(files.map((name) => join(folder, name)))).toBe('')
      for (const name of files)
        expect(readRules(await readFile(join(folder, name), 'utf8')).rules[0]!.alert).toBe('good')
    }
  } finally {
    for (const { stop } of servers) await stop()
    await rm(folder, { recursive: true })
  }
})
