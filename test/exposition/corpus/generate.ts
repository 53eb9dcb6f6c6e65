// Valid pages made by chance: all kinds of families, and all the ways to write a line that are allowed.

import type { Random } from './random.ts'

export interface Generated {
  readonly openMetrics: boolean
  readonly body: Buffer
}

export function generatePage(random: Random, openMetrics = random.chance(0.5)): Generated {
  const line = openMetrics ? openMetricsLine : textLine
  const lines = Array.from({ length: random.below(12) }, (_, at) => family(random, openMetrics, at)).flat()
  const text = lines.map((sample) => line(random, sample)).join('')
  const body = openMetrics
    ? `${text}# EOF${random.one(['', '\n'])}`
    : text.slice(0, random.chance(0.9) ? undefined : -1)
  return { openMetrics, body: Buffer.from(body) }
}

interface Sample {
  readonly name: string
  readonly labels: readonly (readonly [string, string])[]
  readonly exemplar?: boolean
}
type Line =
  | Sample
  | { readonly meta: 'HELP' | 'TYPE' | 'UNIT' | ''; readonly name: string; readonly text: string }

const words = ['a', 'http_requests', 'node_cpu_seconds', 'go_gc', 'x:y:z', 'Ab9', '_x']
const quotedWords = ['http.requests', 'a b', 'ü', '1', 'a"b', 'a\\b', 'a{b}', '😀']
const labelNames = ['b', 'method', 'code', 'le', 'quantile', 'slot', 'exported_slot', '_l0', 'instance']
const values = [
  '',
  'GET',
  '200',
  '/api/v1?q="x"',
  'a\\b',
  'two\nlines',
  'ü€😀',
  '} 1 # {',
  'x'.repeat(300),
  '\t',
  '!',
]
const helps = ['', 'What it is.', 'say "x" \\ y', 'two\nlines', 'ü', ' blanks ']

function family(random: Random, openMetrics: boolean, at: number): Line[] {
  const quoted = random.chance(0.1)
  const name = `${quoted ? random.one(quotedWords) : random.one(words)}${random.chance(0.8) ? `_f${at}` : ''}`
  const type = random.one(openMetrics ? [...textTypes, 'info', 'stateset', 'gaugehistogram'] : textTypes)
  const meta: Line[] = []
  if (random.chance(0.7)) meta.push({ meta: 'HELP', name, text: random.one(helps) })
  if (random.chance(0.8)) meta.push({ meta: 'TYPE', name, text: typeName(type, openMetrics) })
  if (openMetrics && random.chance(0.2))
    meta.push({ meta: 'UNIT', name: `${name}_s`, text: random.one(['s', '']) })
  if (!openMetrics && random.chance(0.2))
    meta.push({ meta: '', name: random.one(['', 'a comment', 'x{']), text: '' })
  const sets = Array.from({ length: random.below(4) }, () => labelSet(random))
  return [...meta, ...sets.flatMap((labels) => samples(random, name, type, labels, openMetrics))]
}

const textTypes = ['counter', 'gauge', 'histogram', 'summary', 'untyped']
const typeName = (type: string, openMetrics: boolean) =>
  openMetrics && type === 'untyped' ? 'unknown' : type

function labelSet(random: Random): (readonly [string, string])[] {
  const names = new Set(Array.from({ length: random.below(4) }, () => random.one(labelNames)))
  if (random.chance(0.1)) names.add(random.one(quotedWords))
  return [...names].map((name) => [name, random.one(values)])
}

function samples(
  random: Random,
  name: string,
  type: string,
  labels: Sample['labels'],
  openMetrics: boolean,
): Sample[] {
  const plain = labels.filter(([label]) => label !== 'le' && label !== 'quantile')
  const exemplar = openMetrics && random.chance(0.2)
  switch (type) {
    case 'counter':
      return [{ name: openMetrics || random.chance(0.5) ? `${name}_total` : name, labels, exemplar }]
    case 'histogram':
      return [
        ...['0.1', '1', '+Inf'].map((le) => ({
          name: `${name}_bucket`,
          labels: [...plain, ['le', le] as const],
          exemplar,
        })),
        { name: `${name}_sum`, labels: plain },
        { name: `${name}_count`, labels: plain },
        ...(openMetrics && random.chance(0.3) ? [{ name: `${name}_created`, labels: plain }] : []),
      ]
    case 'summary':
      return [
        { name, labels: [...plain, ['quantile', '0.5']] },
        { name: `${name}_sum`, labels: plain },
        { name: `${name}_count`, labels: plain },
      ]
    case 'gaugehistogram':
      return [
        { name: `${name}_bucket`, labels: [...plain, ['le', '+Inf']] },
        { name: `${name}_gsum`, labels: plain },
        { name: `${name}_gcount`, labels: plain },
      ]
    case 'info':
      return [{ name: `${name}_info`, labels }]
    default:
      return [{ name, labels }]
  }
}

const isPlain = (name: string) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
const named = (name: string) => (isPlain(name) ? name : `"${escaped(name)}"`)
const numbers = [
  '0',
  '1',
  '-1.5',
  '+2',
  '1e9',
  '1.234567e+06',
  '.5',
  '7.',
  'NaN',
  '+Inf',
  '-inf',
  '123456789012345678',
]

function textLine(random: Random, line: Line): string {
  const blank = () => (random.chance(0.9) ? ' ' : random.one(['  ', '\t', ' \t ']))
  const maybe = () => (random.chance(0.93) ? '' : random.one([' ', '\t']))
  if ('meta' in line) {
    if (line.meta === '') return `#${line.name === '' ? '' : ' '}${line.name}\n`
    const text = line.text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
    return `#${blank()}${line.meta}${blank()}${named(line.name)} ${text}\n`
  }
  const inner = line.labels.map(
    ([name, value]) =>
      `${maybe()}${named(name)}${maybe()}=${maybe()}"${random.chance(0.3) ? escaped(value).replaceAll('\\n', '\n') : escaped(value)}"${maybe()}`,
  )
  const comma = random.chance(0.05) ? ',' : ''
  const name = isPlain(line.name) ? line.name : ''
  const parts = name === '' ? [named(line.name), ...inner] : inner
  const braces =
    parts.length > 0 || random.chance(0.05) ? `{${parts.join()}${parts.length > 0 ? comma : ''}}` : ''
  const time = random.chance(0.1) ? `${blank()}${random.one(['0', '1395066363000', '1395066363001'])}` : ''
  return `${name}${braces === '' ? '' : maybe()}${braces}${blank()}${random.one(numbers)}${time}${maybe()}\n`
}

function openMetricsLine(random: Random, line: Line): string {
  if ('meta' in line) return `# ${line.meta} ${named(line.name)} ${escaped(line.text)}\n`
  const inner = line.labels.map(([name, value]) => `${named(name)}="${escaped(value)}"`)
  const name = isPlain(line.name) ? line.name : ''
  const parts = name === '' ? [named(line.name), ...inner] : inner
  const braces = parts.length > 0 || random.chance(0.05) ? `{${parts.join()}}` : ''
  const time = random.chance(0.1) ? ` ${random.one(['0', '1.5', '1395066363.001', '-3', '1e9'])}` : ''
  const exemplar = line.exemplar
    ? ` # {${random.one(['', 'trace_id="abc"', '"a.b"="c"'])}} 0.5${random.one(['', ' 12.5'])}`
    : ''
  return `${name}${braces} ${random.one(numbers)}${time}${exemplar}\n`
}
