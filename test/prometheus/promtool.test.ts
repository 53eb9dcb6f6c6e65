import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkExpression } from '../../src/promql/check.ts'
import { limitTo } from '../../src/promql/limit.ts'
import { RefusedExpression } from '../../src/promql/refused.ts'
import { printRules, type Rule, readRules } from '../../src/promql/rulefile.ts'
import { templateProblem } from '../../src/promql/template.ts'
import { createRules } from '../../src/serve/rules/rules.ts'
import { createMetrics } from '../../src/telemetry.ts'
import { catalogue, service, storeOf } from '../helpers/cluster.ts'

/** What promtool says of these rules; empty: nothing against them. */
async function promtool(rules: readonly Rule[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rules-'))
  try {
    const file = join(folder, 'rules.yml')
    await writeFile(file, printRules(rules))
    return await new Promise((resolve) =>
      execFile(
        'promtool',
        ['check', 'rules', '--lint=none', file],
        { maxBuffer: 2 ** 26 },
        (error, _, stderr) => resolve(error ? stderr : ''),
      ),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
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
  ),
}))

function accepted(candidates: readonly string[]): readonly string[] {
  return candidates.filter((candidate) => {
    try {
      checkExpression(candidate)
      return true
    } catch (error) {
      if (!(error instanceof RefusedExpression)) throw error
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
  const limited = taken.map((expr) => limitTo(expr, 'cluster', 'a"\\b'))
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

test('promtool takes the rules of services whose labels hold anything', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  const part = fc.oneof(
    text,
    fc.constantFrom('up == 0', '@replicas_running', 'a=b,c={{ $value }}', '{{', '5m', 'x="\n', '- alert: y'),
  )
  const keys = ['Name', 'If', 'For', 'Labels', 'Annotations'].flatMap((key) => [
    `com.df.alert${key}`,
    `com.df.alert${key}.1`,
  ])
  const labels = fc.record(Object.fromEntries(keys.map((key) => [key, part])), { requiredKeys: [] })
  const services = fc
    .sample(labels, 3000)
    .map((labels, at) =>
      service(`s-${at}`, { labels: { ...labels, 'com.df.notify': 'true', 'com.df.alertIf.1': 'up' } }),
    )
  const store = storeOf({ catalogue: catalogue(services) })
  const made = createRules({
    store,
    config: { cluster: 'a"b' },
    metrics: createMetrics(),
    complete: () => [],
  })
  const rules = readRules((await made.answer({})).body.toString())
  expect(rules.length).toBeGreaterThan(300)
  expect(await promtool(rules)).toBe('')
})
