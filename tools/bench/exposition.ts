// How fast the exposition engine is, beside parsers from npm and a reader of the usual make, with split and
// regular expressions. Alone: node tools/bench/exposition.ts

import { join } from 'node:path'
import { build } from 'esbuild'
import exposition from 'exposition'
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { bundling } from '../bundling.ts'
import { largePages } from './expositions.ts'
import { median } from './processes.ts'

export interface ExpositionResult {
  /** For each reader and page: MB a second of CPU, for each round; and whether it takes HTML for metrics. */
  readonly readers: readonly {
    readonly name: string
    readonly takesHtml: boolean
    readonly speeds: Readonly<Record<string, readonly number[]>>
  }[]
  /** The same metrics in protobuf: MB a second of CPU, and the CPU in parts of what the text takes. */
  readonly protobuf: Readonly<
    Record<string, { readonly speeds: readonly number[]; readonly shareOfText: number }>
  >
  /** Ten pages of 500 KB, each with a label of its own, as one: MB of what goes in a second of CPU. */
  readonly merge: Readonly<Record<string, readonly number[]>>
}

const limits = { maxSeries: 1_000_000, maxLineBytes: 1_000_000 }
const html = '<html>\n<head><title>It works</title></head>\n<body>42</body>\n</html>\n'

type Reader = (page: Buffer) => unknown

interface Engine {
  readonly inspect: typeof import('../../src/exposition/inspect.ts').inspect
  readonly merge: typeof import('../../src/exposition/merge.ts').merge
}

/** As it is shipped, in one file: a quarter faster than as modules, each of which looks the others' constants up. */
async function engineAsShipped(): Promise<Engine> {
  const { outputFiles } = await build({
    ...bundling,
    format: 'esm',
    write: false,
    stdin: {
      contents: "export { inspect } from './inspect.ts'; export { merge } from './merge.ts'",
      resolveDir: join(import.meta.dirname, '../../src/exposition'),
    },
  })
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`)
}
const { inspect, merge } = await engineAsShipped()

const readers: Readonly<Record<string, Reader>> = {
  'this engine': (page) => {
    const found = inspect(page, 'text/plain; version=0.0.4', limits)
    if (!found.ok) throw new Error(found.reason)
  },
  'split and regular expressions': (page) => splitAndMatch(page.toString()),
  'npm: exposition': (page) => exposition.parse(page.toString()),
  'npm: parse-prometheus-text-format': (page) => parsePrometheusTextFormat(page.toString()),
}

export function benchExposition({ rounds }: { readonly rounds: number }): ExpositionResult {
  const pages = largePages()
  const small = largePages(500_000)
  return {
    readers: Object.entries(readers).map(([name, read]) => ({
      name,
      takesHtml: takes(read, html),
      // the slow ones show their speed on a tenth of the page just as well
      speeds: Object.fromEntries(
        (name === 'this engine' ? pages : small).map((page) => [page.name, speeds(page.body, read, rounds)]),
      ),
    })),
    protobuf: Object.fromEntries(pages.map(({ name, body }) => [name, protobufOf(body, rounds)])),
    merge: Object.fromEntries(small.map(({ name, body }) => [name, speeds(body, mergeTen, rounds, 10)])),
  }
}

function protobufOf(text: Buffer, rounds: number) {
  const page = { format: 'text/0.0.4' as const, body: text }
  const body = Buffer.from(merge([{ page }], { format: 'protobuf', escaping: 'allow-utf-8' }).body)
  const found = speeds(body, readProtobuf, rounds)
  const ofText = speeds(text, readers['this engine']!, rounds)
  const share = body.length / median(found) / (text.length / median(ofText))
  return { speeds: found, shareOfText: share }
}

function readProtobuf(page: Buffer): void {
  const type = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
  const found = inspect(page, type, limits)
  if (!found.ok) throw new Error(found.reason)
}

function mergeTen(body: Buffer): void {
  const page = { format: 'text/0.0.4' as const, body }
  const parts = Array.from({ length: 10 }, (_, slot) => ({ page, label: { name: 'slot', value: `${slot}` } }))
  merge(parts, { format: 'text/0.0.4', escaping: 'underscores' })
}

/** MB a second of CPU, since other programs may run beside. The first rounds warm up and aren't counted. */
function speeds(body: Buffer, read: Reader, rounds: number, times = 1): number[] {
  const all = Array.from(
    { length: rounds + 2 },
    () => body.length * times * readsASecond(() => read(body)) * 1e-6,
  )
  return all.slice(-rounds)
}

/** Long enough for the clock of the CPU, which ticks coarsely. */
const roundLength = 200_000

function readsASecond(read: () => unknown): number {
  const before = process.threadCpuUsage()
  for (let count = 1; ; count++) {
    read()
    const { user, system } = process.threadCpuUsage(before)
    if (user + system > roundLength) return (count * 1e6) / (user + system)
  }
}

function takes(read: Reader, page: string): boolean {
  try {
    read(Buffer.from(page))
    return true
  } catch {
    return false
  }
}

/** What one writes in an afternoon: each line by a pattern, the labels by another. */
function splitAndMatch(page: string): number {
  let series = 0
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(\d+))?\s*$/.exec(line)
    if (!found || Number.isNaN(Number(found[3]!.replace('Inf', 'Infinity').replace('NaN', '0'))))
      throw new Error(line)
    for (const [, name, value] of (found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      if (name === undefined || value === undefined) throw new Error(line)
    series++
  }
  return series
}

if (import.meta.main) {
  const { readers, protobuf, merge } = benchExposition({ rounds: 5 })
  const names = Object.keys(merge)
  const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
  const found = (speeds: Readonly<Record<string, readonly number[]>>) =>
    names.map((name) => median(speeds[name]!).toFixed(0))
  row(['MB a second of CPU, median', ...names, 'takes HTML'])
  row(['---', ...names.map(() => '---:'), '---'])
  for (const { name, speeds, takesHtml } of readers) row([name, ...found(speeds), takesHtml ? 'yes' : 'no'])
  row(['this engine, protobuf', ...names.map((name) => median(protobuf[name]!.speeds).toFixed(0)), ''])
  row(['its CPU in parts of the text', ...names.map((name) => protobuf[name]!.shareOfText.toFixed(2)), ''])
  row(['label and merge ten of 500 KB', ...found(merge), ''])
}
