// Where an agent's resident memory goes: bare Node, an idle agent, and one with 300 endpoints, each by what the kernel
// and V8 say of it.

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { imageEnvironment, imageFlags, type Running, start, startAgent } from './processes.ts'
import { addressesOf } from './scrape.ts'
import type { Found, Section } from './section.ts'

/** MiB. */
interface Parts {
  readonly resident: number
  /** Pages of the program's file. They are shared with all that runs the same file, and dropped when memory is short. */
  readonly program: number
  /** Reserved for JavaScript objects. */
  readonly heap: number
  /** In use by these, after a collection. */
  readonly objects: number
  /** Bodies, and what the network reads into. */
  readonly buffers: number
}

const endpoints = 300
const inside = ['--import', './tools/bench/memory-inside.mjs']

export const memory: Section = {
  name: 'memory',
  title: 'Memory',
  method:
    'Each process with the flags and the environment of the image; read from /proc and by V8’s own statistics.',
  async run(isQuick): Promise<Found> {
    await using stack = new AsyncDisposableStack()
    const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts', '62000', String(endpoints)]))
    const addresses = addressesOf(endpoints, Number(await targets.firstLine()))
    const bare = start(
      process.execPath,
      [...imageFlags(), ...inside, '-e', 'setInterval(() => {}, 1000)'],
      imageEnvironment(),
    )
    const processes: readonly [string, Running][] = [
      ['bare Node', stack.use(bare)],
      ['idle agent', stack.use(await agent([]))],
      [`agent with ${endpoints} endpoints`, stack.use(await agent(addresses))],
    ]
    await pause(isQuick ? 5000 : 120_000)
    const parts = await Promise.all(
      processes.map(async ([name, running]) => [name, await partsOf(running)] as const),
    )
    return {
      rows: [],
      table: `${tableOf(parts)}\n\n${noteOf(parts)}`,
      bars: [{ title: 'Resident memory by part, MiB', groups: barsOf(parts) }],
    }
  },
}

async function agent(addresses: readonly string[]): Promise<Running> {
  const port = await freePort()
  return startAgent(
    {
      LISTEN_PORT: String(port),
      LOG_LEVEL: 'error',
      MAX_AGE: 'off',
      TARGETS:
        addresses.map((address, n) => `t${n}=http://${address}/metrics`).join(' ') ||
        `own=http://127.0.0.1:${port}/metrics`,
    },
    inside,
  )
}

async function partsOf({ pid, ask }: Running): Promise<Parts> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
  const own = (await ask('memory')) as Omit<Parts, 'resident' | 'program'>
  return { resident: mib('VmRSS'), program: mib('RssFile'), ...own }
}

const labels: readonly (readonly [string, (parts: Parts) => number])[] = [
  ['Node itself: pages of its program file', ({ program }) => program],
  ['JavaScript: objects and functions in use', ({ objects }) => objects],
  ['JavaScript: garbage, and room for new objects', ({ heap, objects }) => heap - objects],
  ['buffers', ({ buffers }) => buffers],
  [
    'the rest: sources, zlib, sockets, threads, fragments',
    ({ resident, program, heap, buffers }) => resident - program - heap - buffers,
  ],
]

function tableOf(all: readonly (readonly [string, Parts])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const row = (name: string, of: (parts: Parts) => number) =>
    line([name, ...all.map(([, parts]) => of(parts).toFixed(1))])
  return [
    line(['MiB', ...all.map(([name]) => name)]),
    line(['---', ...all.map(() => '---:')]),
    ...labels.map(([name, of]) => row(name, of)),
    row('**resident memory**', ({ resident }) => resident),
  ].join('\n')
}

function noteOf(all: readonly (readonly [string, Parts])[]): string {
  const [bare, idle, busy] = all.map(([, parts]) => parts) as [Parts, Parts, Parts]
  const mib = (value: number) => `${value.toFixed(0)} MiB`
  return `The floor of Node is ${mib(bare.resident)}, of which ${mib(bare.program)} are pages of its program file; an agent uses ${mib(idle.program)} of that file. The kernel drops
these pages when memory is short, and processes of one image share them. The rest is ${mib(idle.resident - idle.program)} for an idle agent, mostly its own code, and ${mib(busy.resident - busy.program)}
with ${endpoints} endpoints. Of that, the metrics are 3 MiB, compressed as the containers sent them; most of the rest is garbage, and fragments of
the C library's heap.`
}

const barsOf = (all: readonly (readonly [string, Parts])[]) =>
  all.map(([name, parts]) => ({
    name,
    values: [
      { name: 'all', value: parts.resident, isOurs: true },
      { name: 'program file', value: parts.program },
      { name: 'JavaScript', value: parts.heap },
      { name: 'buffers and native', value: parts.resident - parts.program - parts.heap },
    ],
  }))
