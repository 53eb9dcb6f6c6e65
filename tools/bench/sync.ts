// What keeping peers up to date costs, over real SSH on loopback: bytes of an update, beside gzip of the same pages; CPU
// of an update at the owner and at a peer; memory of a link and of a page.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../../src/clock.ts'
import { createLog } from '../../src/logging/log.ts'
import { plainPage } from '../../src/model.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { openTransport, type Sync, startSync } from '../../src/sync/sync.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { nodePage } from './page.ts'
import { cpuOf, median, type Running, rssOf, start } from './processes.ts'
import { type Row, ratio, type Section } from './section.ts'

interface Updates {
  /** Pages of one target, one after the other. */
  readonly pages: readonly Uint8Array[]
  /** Targets of the owner, and updates of each. */
  readonly endpoints: number
  readonly updates: number
}

export const sync: Section = {
  name: 'sync',
  title: 'Updates of peers',
  method: `Over SSH on loopback; bytes in both directions, with signs of life, through a relay that counts. 62 KB: pages of a real node_exporter,
10 s apart; 5 MB: a fifth of the values changes from page to page.`,
  async run(isQuick) {
    const pages = await recordPages(4, isQuick ? 500 : 10_000)
    const updates: Updates = { pages, endpoints: 20, updates: isQuick ? 10 : 50 }
    const large = Array.from({ length: 4 }, (_, round) => Buffer.from(nodePage(round, 5_000_000)))
    const wire = [await wireRow(pages, isQuick ? 5 : 50, 0.025), await wireRow(large, 4, 0.06)]
    return {
      rows: [
        ...wire,
        ...(await lagRows(updates)),
        ...(await cpuRows(updates, isQuick ? 1 : 3)),
        ...(await memoryRows(pages, isQuick)),
      ],
    }
  },
}

/** `budget`: as a share of the text. */
async function wireRow(pages: readonly Uint8Array[], updates: number, budget: number): Promise<Row> {
  const text = median(pages.map(({ length }) => length))
  const [ours, gzip] = [await wireBytes(pages, updates), median(pages.map((page) => gzipSync(page).length))]
  const percent = (bytes: number) => `${((bytes / text) * 100).toFixed(2)} %`
  const size = text < 1e6 ? `${Math.round(text / 1000)} KB` : `${(text / 1e6).toFixed(0)} MB`
  return {
    what: `bytes on the wire per update and peer: a page of ${size}`,
    budget: `${budget * 100} % of the text`,
    isMissed: ours > budget * text,
    figure: percent(ours),
    peer: `gzip ${percent(gzip)}`,
    ratio: ratio(ours / gzip),
  }
}

async function lagRows(updates: Updates): Promise<readonly Row[]> {
  const { p50, p99 } = await lag(updates)
  return [
    {
      what: 'end of a scrape to visible at a peer',
      figure: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    },
  ]
}

async function cpuRows(updates: Updates, rounds: number): Promise<readonly Row[]> {
  const { once, eachPeer, peer } = await cpu(updates, rounds)
  const ms = (value: number) => `${value.toFixed(2)} ms`
  return [
    { what: 'CPU of an update at the owner, once', figure: ms(once) },
    { what: 'CPU of an update at the owner, per peer', figure: ms(eachPeer) },
    { what: 'CPU of an update at a peer', figure: ms(peer) },
  ]
}

async function memoryRows(pages: readonly Uint8Array[], isQuick: boolean): Promise<readonly Row[]> {
  if (isQuick) return []
  return [
    { what: 'memory of a link at the owner', figure: `${(await memoryOfLink()).toFixed(0)} KiB` },
    { what: 'memory of an idle page at a peer', figure: `${(await memoryOfPage(pages)).toFixed(1)} KiB` },
  ]
}

interface Agent extends AsyncDisposable {
  readonly store: Store
  readonly sync: Sync
}

// ---- agents, here and in other processes

async function agent(node: string, peers: readonly string[], sshPort = 0): Promise<Agent> {
  const store = createStore({ clock: systemClock, forgetAfterMs: 300_000, version: 'bench' })
  store.identify({ node, hostname: node, swarm: false, manager: false, advertise: `${node}:1` })
  store.markComplete()
  const secret = 'only for this benchmark, on loopback'
  const config = { sshPort, peers, secret, previousSecret: undefined, maxBodyBytes: 2 ** 26 }
  const sync = await startSync({
    ...{ config, clock: systemClock },
    transport: await openTransport({ config, clock: systemClock, service: () => undefined }),
    log: createLog('error'),
    metrics: createMetrics(),
    version: 'bench',
    store,
    rereadManagers: () => {},
    refreshOwn: async () => {},
  })
  return {
    store,
    sync,
    async [Symbol.asyncDispose]() {
      await sync.stop()
      await store.stop()
    },
  }
}

/** `count` peers in a process of their own. */
function otherProcess(count: number, port: number): Running {
  return start(process.execPath, ['tools/bench/sync.ts', String(count), String(port)])
}

async function bePeers(count: number, port: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await agent(`peer-${process.pid}-${n}`, [`127.0.0.1:${port}`])
}

function run({ store }: Agent, node: string, count: number, first = 0): readonly string[] {
  const ids = Array.from({ length: count }, (_, n) => `${first + n}`.padStart(64, '0'))
  store.replaceTargets(
    ids.map((id) => ({
      id,
      node,
      name: `container-${id}`,
      place: { kind: 'standalone' },
      image: 'image:1',
      labels: {},
      state: 'running',
      addresses: [],
    })),
  )
  return ids
}

function show(store: Store, id: string, body: Uint8Array): void {
  const page = plainPage(body, { format: 'text/0.0.4', series: 1000, remarks: [] })
  store.putSnapshot(id, { ok: true, at: systemClock.now(), durationMs: 1, page })
}

const linked = (one: Agent, count: number) =>
  until(() => one.store.nodes().filter(({ link }) => link === 'up').length === count)

async function until(probe: () => boolean, every = 5): Promise<void> {
  const end = performance.now() + 60_000
  while (!probe()) {
    if (performance.now() > end) throw new Error(`timed out: ${probe}`)
    await pause(every)
  }
}

const sizeAt = ({ store }: Agent, node: string, id: string) => {
  const snapshot = store.entry(node, id)?.snapshot
  return snapshot?.ok ? snapshot.page : undefined
}

// ---- bytes

/** Through a relay that counts. */
async function wireBytes(pages: readonly Uint8Array[], updates: number): Promise<number> {
  // forth and back, so that neighbours stay neighbours
  const order = [...pages, ...pages.slice(1, -1).reverse()]
  await using owner = await agent('owner', [])
  let bytes = 0
  const relay = createServer((socket) => {
    const onward = connect(owner.sync.port, '127.0.0.1')
    for (const [from, to] of [[socket, onward] as const, [onward, socket] as const]) {
      from.on('data', (chunk) => {
        bytes += chunk.length
        to.write(chunk)
      })
      from.on('error', () => {})
      from.on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  try {
    await using peer = await agent('peer', [`127.0.0.1:${(relay.address() as AddressInfo).port}`])
    const [id] = run(owner, 'owner', 1) as [string]
    await linked(peer, 1)
    const update = async (n: number) => {
      const before = sizeAt(peer, 'owner', id)
      show(owner.store, id, order[n % order.length]!)
      await until(() => sizeAt(peer, 'owner', id) !== before, 1)
    }
    await update(0)
    const before = bytes
    for (let n = 1; n <= updates; n += 1) await update(n)
    return (bytes - before) / updates
  } finally {
    relay.close()
  }
}

// ---- time

async function lag({ pages, updates }: Updates): Promise<{ readonly p50: number; readonly p99: number }> {
  await using owner = await agent('owner', [])
  await using peer = await agent('peer', [`127.0.0.1:${owner.sync.port}`])
  const [id] = run(owner, 'owner', 1) as [string]
  await linked(peer, 1)
  const lags: number[] = []
  for (let n = 0; n < 3 * updates; n += 1) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = peer.store.subscribe((change) => {
      if (change.kind === 'entry' && change.entry.snapshot) resolve()
    })
    const began = performance.now()
    show(owner.store, id, pages[n % pages.length]!)
    await promise
    stop()
    lags.push(performance.now() - began)
    await pause(10)
  }
  const sorted = lags.slice(5).sort((a, b) => a - b)
  return { p50: median(sorted), p99: sorted[Math.floor(sorted.length * 0.99)]! }
}

/** The same work for two and eight peers: what grows with them is each peer's share. */
async function cpu(updates: Updates, rounds: number) {
  const few: Load[] = []
  const many: Load[] = []
  for (let round = 0; round < rounds; round += 1) {
    few.push(await load(updates, 2))
    many.push(await load(updates, 8))
  }
  const [two, eight] = [median(few.map(({ owner }) => owner)), median(many.map(({ owner }) => owner))]
  const eachPeer = (eight - two) / 6
  return { once: two - 2 * eachPeer, eachPeer, peer: median(many.map(({ peer }) => peer)) }
}

/** CPU milliseconds an update. */
interface Load {
  readonly owner: number
  readonly peer: number
}

/**
 * CPU milliseconds an update, at ten updates of each endpoint a second; `exchanged` containers each time are
 * others than before.
 */
export async function load(
  { pages, endpoints, updates }: Updates,
  peers: number,
  exchanged = 0,
): Promise<Load> {
  const port = await freePort()
  await using owner = await agent('owner', [], port)
  await using others = otherProcess(peers, port)
  let ids = run(owner, 'owner', endpoints)
  await linked(owner, peers)
  const all = async (n: number) => {
    if (exchanged > 0) ids = run(owner, 'owner', endpoints, n * exchanged)
    for (const id of ids) show(owner.store, id, pages[n % pages.length]!)
    await pause(100)
  }
  for (let n = 0; n < 10; n += 1) await all(n)
  const [ownBefore, otherBefore] = [process.cpuUsage(), cpuOf(others.pid)]
  for (let n = 0; n < updates; n += 1) await all(n)
  const { user, system } = process.cpuUsage(ownBefore)
  const count = updates * endpoints
  return { owner: (user + system) / 1000 / count, peer: (cpuOf(others.pid) - otherBefore) / peers / count }
}

// ---- memory

/** The slope between few and many links; what the system keeps of a connection is not in it. */
async function memoryOfLink(): Promise<number> {
  const [few, more] = [10, 50]
  const port = await freePort()
  await using owner = await agent('owner', [], port)
  await using _some = otherProcess(few, port)
  const before = await memoryWith(owner, few)
  await using _others = otherProcess(more, port)
  return ((await memoryWith(owner, few + more)) - before) / more
}

/** KiB in use once so many links have stood for a while. */
async function memoryWith(owner: Agent, links: number): Promise<number> {
  await linked(owner, links)
  await pause(3000)
  // more than once: what a first collection finds dead may hold what only the next one frees
  for (let n = 0; n < 3; n += 1) {
    collectGarbage()
    await pause(300)
  }
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1024
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** The slope between few and many pages: what any number of them costs once is left out. */
async function memoryOfPage(pages: readonly Uint8Array[]): Promise<number> {
  const [few, many] = [1000, 4000]
  return ((await peerWith(many, pages)) - (await peerWith(few, pages))) * (1024 / (many - few))
}

/** MiB of a peer that holds so many pages, after six updates of each. */
async function peerWith(count: number, pages: readonly Uint8Array[]): Promise<number> {
  const port = await freePort()
  await using owner = await agent('owner', [], port)
  await using other = otherProcess(1, port)
  await linked(owner, 1)
  const ids = run(owner, 'owner', count)
  for (let n = 0; n < 6; n += 1)
    for (const [at, id] of ids.entries()) {
      show(owner.store, id, pages[n % pages.length]!)
      if (at % 100 === 0) await pause(50)
    }
  await pause(2000)
  return rssOf(other.pid)
}

/** Pages of a real node_exporter, `apart` milliseconds from each other; made up where there is none. */
async function recordPages(count: number, apart: number): Promise<readonly Uint8Array[]> {
  const program = 'prometheus-node-exporter'
  if (spawnSync(program, ['--version']).status !== 0)
    return Array.from({ length: count }, (_, n) => Buffer.from(nodePage(n)))
  const port = await freePort()
  await using _exporter = start(program, [
    `--web.listen-address=127.0.0.1:${port}`,
    '--no-collector.systemd',
    '--log.level=error',
  ])
  await pause(1000)
  const pages: Uint8Array[] = []
  while (pages.length < count) {
    pages.push(await (await fetch(`http://127.0.0.1:${port}/metrics`)).bytes())
    if (pages.length < count) await pause(apart)
  }
  return pages
}

if (import.meta.main) {
  const [count, port] = process.argv.slice(2).map(Number)
  await bePeers(count!, port!)
}
