// How fast the exposition engine is, beside parsers from npm and a reader of the usual make, with split and
// regular expressions.

import { join } from 'node:path'
import { build } from 'esbuild'
import parsed from 'exposition'
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { bundling } from '../bundling.ts'
import { type LargePage, largePages } from './expositions.ts'
import { median } from './processes.ts'
import { ratioOf, type Section, spread } from './section.ts'

const limits = { maxSeries: 1_000_000, maxLineBytes: 1_000_000 }

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

function readText(page: Buffer): void {
  const found = inspect(page, 'text/plain; version=0.0.4', limits)
  if (!found.ok) throw new Error(found.reason)
}

const others: Readonly<Record<string, Reader>> = {
  'split and regular expressions': (page) => splitAndMatch(page.toString()),
  'npm: exposition': (page) => parsed.parse(page.toString()),
  'npm: parse-prometheus-text-format': (page) => parsePrometheusTextFormat(page.toString()),
}

export const exposition: Section = {
  name: 'exposition',
  title: 'Validating and merging',
  method:
    'Pages of 5 MB (the libraries of npm: 500 KB, at the same speed), in one process as bundled, by the CPU of its thread.',
  async run(isQuick) {
    const rounds = isQuick ? 1 : 5
    const kinds = isQuick ? 1 : 3
    const [pages, small] = [largePages(), largePages(500_000)].map((all) => all.slice(0, kinds)) as [
      LargePage[],
      LargePage[],
    ]
    const validating = pages.map(({ name, body }, at) => {
      const ours = speeds(body, readText, rounds)
      const theirs = Object.entries(others).map(
        ([other, read]) => [other, speeds(small[at]!.body, read, rounds)] as const,
      )
      return {
        what: `MB validated per second of CPU: ${name}`,
        figure: spread(ours, 0),
        peer: theirs.map(([other, found]) => `${other} ${median(found).toFixed(0)}`).join('; '),
        ratio: theirs.map(([, found]) => ratioOf(ours, found)).join('; '),
      }
    })
    const protobuf = pages.map(({ name, body }) => {
      const { speeds, shareOfText } = protobufOf(body, rounds)
      return {
        what: `MB of protobuf validated per second of CPU: ${name}`,
        figure: spread(speeds, 0),
        peer: 'CPU of the same metrics as text',
        ratio: shareOfText.toFixed(2),
      }
    })
    const merging = small.map(({ name, body }) => ({
      what: `MB labelled and merged per second of CPU: ten pages of ${name}`,
      figure: spread(speeds(body, mergeTen, rounds, 10), 0),
    }))
    return { rows: [...validating, ...protobuf, ...merging] }
  },
}

function protobufOf(text: Buffer, rounds: number) {
  const page = { format: 'text/0.0.4' as const, body: text }
  const body = Buffer.from(merge([{ page }], { format: 'protobuf', escaping: 'allow-utf-8' }).body)
  const found = speeds(body, readProtobuf, rounds)
  const ofText = speeds(text, readText, rounds)
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
