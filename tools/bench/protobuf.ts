// What protobuf costs between agents, beside the text of the same moments: bytes of a delta, and the memory of a page at
// a peer. Pages of a real node_exporter, 10 s apart: node tools/bench/protobuf.ts [deltas]

import { spawnSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pLimit from 'p-limit'
import { systemClock } from '../../src/clock.ts'
import { contentTypeOf } from '../../src/exposition/formats.ts'
import { merge } from '../../src/exposition/merge.ts'
import type { Format } from '../../src/model.ts'
import { createStore } from '../../src/store/store.ts'
import { pack } from '../../src/sync/codec.ts'
import { createPageAssembler } from '../../src/sync/page-assembler.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { nodePage } from './page.ts'
import { median, start } from './processes.ts'

type Pages = Readonly<Record<'text' | 'protobuf', readonly Uint8Array[]>>

const apartMs = 10_000
const accepted: Readonly<Record<keyof Pages, Format>> = { text: 'text/0.0.4', protobuf: 'protobuf' }

/** Both formats at nearly the same moment; made up where there is no node_exporter. */
async function recordPages(count: number): Promise<Pages> {
  const pages = { text: [] as Uint8Array[], protobuf: [] as Uint8Array[] }
  const program = 'prometheus-node-exporter'
  if (spawnSync(program, ['--version']).status !== 0) {
    for (let round = 0; round < count; round += 1) {
      const body = Buffer.from(nodePage(round))
      pages.text.push(body)
      const offer = { format: 'protobuf', escaping: 'allow-utf-8' } as const
      pages.protobuf.push(merge([{ page: { format: 'text/0.0.4', body } }], offer).body)
    }
    return pages
  }
  const port = await freePort()
  await using _exporter = start(program, [
    `--web.listen-address=127.0.0.1:${port}`,
    ...['--no-collector.systemd', '--log.level=error'],
  ])
  await pause(1000)
  for (let round = 0; round < count; round += 1) {
    if (round > 0) await pause(apartMs)
    for (const kind of ['text', 'protobuf'] as const) {
      const headers = { accept: contentTypeOf(accepted[kind]) }
      pages[kind].push(await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).bytes())
    }
  }
  return pages
}

const [owner, held, updates] = ['owner', 1000, 20]

/** KiB of each of many pages at a peer after some updates, packed and kept by the peer's own code. */
async function memoryOfPage(bodies: readonly Uint8Array[], format: Format): Promise<number> {
  const store = createStore({ clock: systemClock, forgetAfterMs: 300_000, version: 'bench' })
  const { peers } = store
  const self = { node: owner, hostname: owner, swarm: false, manager: false, advertise: `${owner}:1` }
  peers.setAgent({ self, version: 'bench', epoch: owner })
  const link = { send: () => {}, fail: () => {} }
  const incoming = createPageAssembler({
    node: owner,
    peers,
    link,
    clock: systemClock,
    maxBodyBytes: 2 ** 26,
    repackLimit: pLimit(1),
  })
  const ids = Array.from({ length: held }, (_, at) => `${at}`.padStart(64, '0'))
  for (const id of ids) {
    const target = { id, node: owner, name: id, image: 'image:1', labels: {}, addresses: [] }
    const listed = { ...target, state: 'running', place: { kind: 'standalone' } } as const
    const value = { generation: 1, target: listed, probeResult: { kind: 'searching' } } as const
    peers.update(owner, id, { kind: 'listing', number: 1, value })
  }
  const before = await settledBytes()
  for (let at = 0; at < updates; at += 1) {
    const [body, previous] = [at, at - 1].map((one) => bodies[one % bodies.length])
    // the listing has the number 1
    const [number, base] = [at + 2, at === 0 ? 0 : at + 1]
    const about = {
      kind: 'page',
      ageMs: 0,
      durationMs: 1,
      format,
      series: 1,
      remarks: [],
      number,
      base,
    } as const
    for (const id of ids) {
      // as received: not shared with other targets
      const frames = [pack(body!, previous)]
      peers.update(owner, id, {
        kind: 'snapshot',
        number,
        value: incoming.assemble({ ...about, id, frames })!,
      })
    }
  }
  const bytes = (await settledBytes()) - before
  await store.stop()
  return bytes / 1024 / held
}

async function settledBytes(): Promise<number> {
  setFlagsFromString('--expose-gc')
  // more than once: what a first collection finds dead may hold what only the next one frees
  for (let n = 0; n < 3; n += 1) {
    runInNewContext('gc')()
    await pause(300)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const pages = await recordPages(1 + Number(process.argv[2] ?? 5))
const textBytes = median(pages.text.map(({ length }) => length))
console.log(
  '| node_exporter | bytes | bytes of an update, 10 s apart | of the text | KiB of a page at a peer |',
)
console.log('| --- | ---: | ---: | ---: | ---: |')
for (const kind of ['text', 'protobuf'] as const) {
  const bodies = pages[kind]
  const update = median(bodies.slice(1).map((body, at) => pack(body, bodies[at]).bytes.length))
  const memory = await memoryOfPage(bodies, accepted[kind])
  const share = `${((update / textBytes) * 100).toFixed(2)} %`
  console.log(
    `| ${[kind, median(bodies.map(({ length }) => length)), update, share, memory.toFixed(1)].join(' | ')} |`,
  )
}
