// Several hundred pages, good and bad: each thing that a line can have, in both formats; whole pages of
// programs that don't know the formats; generated pages, valid and damaged; real exporters' pages.

import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { generatePage } from './generate.ts'
import { mutated } from './mutate.ts'
import { seeded } from './random.ts'

export interface CorpusPage {
  readonly name: string
  readonly openMetrics: boolean
  readonly body: Buffer
}

const values = [
  ...['0', '-0', '1', '+1', '-1', '00012', '1.', '.5', '-.5', '1.5', '1e9', '1E9', '1e+9', '1e-9', '1.5e+06'],
  ...['1e308', '1.7976931348623157e308', '1.7976931348623159e308', '1e309', '-1e309', '1e-999', '4.9e-324'],
  ...['NaN', 'nan', 'NAN', '+NaN', '-NaN', 'Inf', 'inf', '+Inf', '-Inf', 'Infinity', '-infinity', 'Infinit'],
  ...[
    '0x1p4',
    '0x10',
    '1_000',
    '1e',
    '1e+',
    'e1',
    '.',
    '+',
    '-',
    '--1',
    '1.2.3',
    '1,5',
    '1a',
    'true',
    'null',
    '',
  ],
  ...[
    '9'.repeat(308),
    '9'.repeat(310),
    `0.${'1'.repeat(400)}`,
    '1\r',
    '1\0',
    '１',
    '1{',
    '1}',
    '1"',
    '1#',
    '1 #',
  ],
]
const times = [
  ...[
    '0',
    '1',
    '-1',
    '1395066363000',
    '1.5',
    '1e3',
    '9223372036854775807',
    '9223372036854775808',
    'NaN',
    '+Inf',
    'x',
  ],
  ...[
    '1 ',
    '1\t',
    ' 1',
    '1 2',
    '1 # {} 1',
    '# {} 1',
    '1 # {a="b"} 1 2',
    '# {a="b",c="d"} 1 2.5',
    '# {a="b",} 1',
  ],
  ...[
    '#',
    '# ',
    '# {',
    '# {}',
    '# {} x',
    '# {a} 1',
    '# {"a"} 1',
    '# {"a"="b"} 1',
    '#{} 1',
    '# {} 1 NaN',
    '# {} 1 2 3',
    '5 x {} 1',
    '5 # x',
    '# {b="{,"} 1',
  ],
]
const labels = [
  ...[
    '{}',
    '{ }',
    '{b="c"}',
    '{b="c",}',
    '{b="c",d="e"}',
    '{b="c", d="e"}',
    '{b="c" ,d="e"}',
    '{ b="c",d="e" }',
  ],
  ...[
    '{b = "c"}',
    '{b="c"d="e"}',
    '{b="c" d="e"}',
    '{,}',
    '{b="c",,}',
    '{,b="c"}',
    '{b}',
    '{b=}',
    '{b=c}',
    "{b='c'}",
  ],
  ...[
    '{b="c"',
    '{b="c}',
    '{b:c="d"}',
    '{0b="c"}',
    '{b-c="d"}',
    '{b.c="d"}',
    '{ü="c"}',
    '{__b="c"}',
    '{b=""}',
  ],
  ...[
    '{b="1",b="2"}',
    '{b="1",c="2",b="1"}',
    '{__name__="b"}',
    '{b="\\""}',
    '{b="\\\\"}',
    '{b="\\n"}',
    '{b="\\x"}',
  ],
  ...[
    '{b="\\',
    '{b="\n"}',
    '{b="\\\n"}',
    '{b="\t"}',
    '{b="\0"}',
    '{b="\\\0"}',
    '{b="ü€😀"}',
    '{b="}"}',
    '{b="{"}',
    '{b="#"}',
  ],
  ...[
    '{b=",c=\\"d\\""}',
    `{b="${'x'.repeat(5000)}"}`,
    `{${Array.from({ length: 100 }, (_, i) => `l${i}="${i}"`).join()}}`,
  ],
  ...[
    '{"b"="c"}',
    '{"b.c"="d"}',
    '{"b"}',
    '{"b",c="d"}',
    '{""="b"}',
    '{b="c"}}',
    '{{b="c"}}',
    '}',
    '{job="b"}',
  ],
  ...['{instance="b",exported_instance="c"}', '{le="1"}', '{slot="1"}', '{slot="1",exported_slot="2"}'],
]
const lines = [
  ...[
    '# HELP a',
    '# HELP a ',
    '# HELP a b',
    '# HELP  a  b',
    '# HELP a\tb',
    '# HELP',
    '# HELP ',
    '# HELP 1',
    '# HELP {a} b',
  ],
  ...[
    '# HELP a \\',
    '# HELP a \\n\\\\\\"',
    '# HELP a ü',
    '# HELP "a" b',
    '# HELP "a.b" c',
    '# HELP "a',
    '#HELP a b',
    '# HELP a.b c',
  ],
  ...[
    '# TYPE a counter',
    '# TYPE a gauge',
    '# TYPE a histogram',
    '# TYPE a summary',
    '# TYPE a untyped',
    '# TYPE a unknown',
  ],
  ...[
    '# TYPE a info',
    '# TYPE a stateset',
    '# TYPE a gaugehistogram',
    '# TYPE a',
    '# TYPE a ',
    '# TYPE a Counter',
  ],
  ...[
    '# TYPE a counter ',
    '# TYPE a  counter',
    '# TYPE\ta\tcounter',
    '# TYPE a counter\r',
    '# TYPE "a b" gauge',
    '# TYPE 1 gauge',
  ],
  ...[
    '# UNIT a_s s',
    '# UNIT a_s m',
    '# UNIT a ',
    '# UNIT a',
    '# UNIT s s',
    '# UNIT "a.b_s" s',
    '# EOF',
    '# EOF ',
    '# EOFX',
  ],
  ...[
    '#',
    '# ',
    '# x',
    '##',
    '#\t',
    '# # {',
    ' # x',
    '',
    ' ',
    '\t',
    '\r',
    '\0',
    '#\0',
    '# \0x',
    '# TY\0PE a x',
  ],
  ...[
    '{"a"} 1',
    '{"a.b"} 1',
    '{"a",b="c"} 1',
    '{b="c","a"} 1',
    '{"a","b"} 1',
    '{"a" b="c"} 1',
    '{""} 1',
    '{} 1',
    '{b="c"} 1',
  ],
  ...[
    ' a 1',
    '\ta 1',
    'a  1',
    'a\t1',
    'a 1 ',
    'a',
    'a ',
    'a1',
    'a b 1',
    'ü 1',
    'a.b 1',
    'a-b 1',
    ':a 1',
    '1a 1',
    'a:b:c 1',
    '_ 1',
  ],
  ...[
    'a{b="c"}1',
    'a+1',
    'a {b="c"} 1',
    'a 1\r',
    'a 1\na 1',
    'a 1\na 2',
    'a 1 1\na 1 2',
    'a 1\nb 1\na 1',
    'a 1\n\n\nb 1',
  ],
  ...[
    '# TYPE a counter\n# TYPE a gauge\na 1',
    '# TYPE a counter\na 1\n# TYPE a gauge\na{b="c"} 2',
    'a 1\n# TYPE a counter',
  ],
  ...[
    '# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 2\na_sum 3\na_count 2',
    '# TYPE a_total counter\na_total 1',
  ],
  ...[
    '# TYPE a summary\na{quantile="0.5"} 1\na_sum 3\na_count 2',
    '# TYPE a counter\na_total 1\na_created 5',
  ],
  // families whose samples could be another's, by their names
  ...[
    '# TYPE a_count gauge\na_count 5\n# TYPE a summary\na_sum 1\na_count{b="c"} 2',
    '# TYPE a summary\na_sum 1\na_count 2\n# TYPE a_count gauge\na_count{b="c"} 5',
    '# TYPE a_total gauge\na_total{b="c"} 1\n# TYPE a counter\na_total 2\na 3',
    '# TYPE a counter\na_total 1\n# TYPE a_total counter\na_total_total 2\n# TYPE a_created gauge\na_created 3',
    '# TYPE a_bucket histogram\na_bucket_bucket{le="+Inf"} 1\n# TYPE a histogram\na_bucket{le="+Inf"} 2',
    '# TYPE a gauge\na 1\na_info 1\na_gcount 2\na_created 3',
    '{"a.b"} 1\n{"a b"} 2\na_b 3\na{"b.c"="1",b_c="2"} 4',
    '# TYPE "a.b" histogram\n{"a.b_bucket",le="+Inf"} 1\n{"a.b_sum"} 1\n{"a.b_count"} 1',
    '# TYPE "a.b" counter\n# TYPE a_b gauge\n{"a.b_total"} 1\na_b{b="c"} 2\na_b_total{b="c"} 3',
  ],
]
const whole: Readonly<Record<string, string>> = {
  'a chat server': 'connections 3\nerror_count 0',
  'an empty page': '',
  HTML: '<!DOCTYPE html>\n<html><head><title>It works</title></head><body>metrics 1</body></html>\n',
  'HTML that begins like a sample': 'metrics 1\n<br>\n',
  'an HTML fragment': '<pre>a 1\n</pre>',
  JSON: '{"status":"ok","value":1}',
  'a JSON string': '"ok"',
  'a JSON list': '[{"a": 1}]',
  YAML: 'a: 1\nb: 2\n',
  INI: '[a]\nb=1\n',
  CSV: 'a,1\nb,2\n',
  ok: 'ok',
  'OK with a number': 'OK 200',
  'a sentence': 'The quick brown fox jumps over the lazy dog.\n',
  'a stack trace': 'Traceback (most recent call last):\n  File "x.py", line 1\n',
  Graphite: 'a.b.c 1 1395066363\n',
  StatsD: 'a:1|c\n',
  InfluxDB: 'a,b=c value=1 1395066363000000000\n',
  'an HTTP answer': 'HTTP/1.1 200 OK\r\n\r\na 1\n',
  'an SSH banner': 'SSH-2.0-OpenSSH_9.2p1\r\n',
  Redis: '-ERR unknown command\r\n',
  'CR LF': '# TYPE a counter\r\na 1\r\nb 2\r\n',
  'CR alone': 'a 1\rb 2\r',
  'a byte order mark': '\ufeffa 1\n',
  'a cut page': '# HELP a b\n# TYPE a counter\na{b="c"} 1\na{b="d',
}
const binary: Readonly<Record<string, Buffer>> = {
  'latin1 in a value': Buffer.from('a{b="ü"} 1\n', 'latin1'),
  'latin1 in a help text': Buffer.from('# HELP a ü\n', 'latin1'),
  'latin1 in a comment': Buffer.from('# ü\na 1\n', 'latin1'),
  'UTF-16': Buffer.from('a 1\n', 'utf16le'),
  gzip: Buffer.from('1f8b0800000000000003', 'hex'),
  protobuf: Buffer.from('0a0161120462726f6b1800220912070a05', 'hex'),
  PNG: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  'a surrogate': Buffer.from('617b623d22eda080227d20310a', 'hex'),
}

export function corpus(): readonly CorpusPage[] {
  const written = [
    ...values.map((value) => [`value ${short(value)}`, `a ${value}\nb 1\n`]),
    ...times.map((time) => [`after the value: ${short(time)}`, `a_total 1 ${time}\nb 1\n`]),
    ...labels.map((set) => [`labels ${short(set)}`, `a${set} 1\nb 1\n`]),
    ...lines.map((line) => [`line ${short(line)}`, `x 1\n${line}\ny 1\n`]),
    ...lines.map((line) => [`at the end: ${short(line)}`, line]),
  ] as [string, string][]
  return [
    ...[...written, ...Object.entries(whole)].flatMap(([name, text]) => [
      { name: `${name} as text`, openMetrics: false, body: Buffer.from(text) },
      { name: `${name} as OpenMetrics`, openMetrics: true, body: Buffer.from(withEnd(text)) },
    ]),
    ...Object.entries(binary).map(([name, body]) => ({ name, openMetrics: false, body })),
    ...generated(60),
    ...exporters(),
  ]
}

/** An empty page is one in both formats. */
const withEnd = (text: string) =>
  text === '' ? '' : text.endsWith('\n') ? `${text}# EOF\n` : `${text}\n# EOF\n`
const short = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

function generated(count: number): CorpusPage[] {
  return Array.from({ length: count }, (_, seed) => {
    const random = seeded(seed)
    const page = generatePage(random)
    const damaged = seed % 2 === 1
    const name = `generated with seed ${seed}${damaged ? ', damaged' : ''}`
    return { ...page, name, body: damaged ? mutated(page.body, random) : page.body }
  })
}

const folder = new URL('../../fixtures/exporters/', import.meta.url)

/** Real pages of exporters. */
export function exporters(): readonly CorpusPage[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.gz'))
    .map((file) => ({
      name: `exporter ${file.slice(0, -3)}`,
      openMetrics: file.includes('openmetrics'),
      body: gunzipSync(readFileSync(new URL(file, folder))),
    }))
}
