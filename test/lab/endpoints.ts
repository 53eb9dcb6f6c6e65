// A service with metrics at nine endpoints of each container, by labels of the service and of the container, and what
// the containers themselves answer there.

import { expect } from 'vitest'
import { selfSigned } from '../helpers/certificate.ts'
import { parsePage, union, withLabel } from '../helpers/oracle.ts'
import { containersOf } from './exporters/direct.ts'
import { ask } from './harness/ask.ts'
import type { Swarm } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'

/** Eight paths of one port, and another port with TLS, which fails from one SIGUSR2 to the next. */
const program = `
  const host = require('node:os').hostname()
  let isFailing = false
  process.on('SIGUSR2', () => { isFailing = !isFailing })
  process.on('SIGTERM', () => process.exit())
  const serve = (nameAt) => ({ url }, response) => {
    const name = isFailing && url === '/inner' ? undefined : nameAt(url)
    response.writeHead(name ? 200 : 500, { 'content-type': 'text/plain; version=0.0.4' })
    response.end(name ? name + '{host="' + host + '"} 1\\n' : '')
  }
  const first = (url) => url === '/metrics' ? 'first' : /^\\/more[3-9]$/.test(url) ? url.slice(1) : undefined
  const second = (url) => url === '/inner' ? 'second' : undefined
  require('node:http').createServer(serve(first)).listen(8080)
  require('node:https').createServer(JSON.parse(process.env.TLS), serve(second)).listen(9443)`

const further = ['3', '4', '5', '6', '7', '8', '9']
const ofService = {
  port: '8080',
  'port.2': '9443',
  'scheme.2': 'https',
  'path.2': '/inner',
  'job.2': 'inner',
  ...Object.fromEntries(further.slice(1).map((number) => [`path.${number}`, `/more${number}`])),
}
const flags = [
  ...['--entrypoint', '/bin/node --eval', '--no-healthcheck', '--network', 'monitor'],
  ...Object.entries(ofService).flatMap(([key, value]) => ['--label', `app-metrics-proxy.${key}=${value}`]),
  ...['--container-label', 'app-metrics-proxy.path.3=/more3'],
]
/** Where a container has its endpoints, by the query of their paths. */
const urls: Readonly<Record<string, string>> = {
  '': 'http://127.0.0.1:8080/metrics',
  '?endpoint=2': 'https://127.0.0.1:9443/inner',
  ...Object.fromEntries(
    further.map((number) => [`?endpoint=${number}`, `http://127.0.0.1:8080/more${number}`]),
  ),
}

export interface Endpoints {
  /** What `/sd` lists: instance, job, path and number of each endpoint, the second of the last replica at last. */
  readonly listed: readonly (readonly (string | undefined)[])[]
  /** Lets the second endpoint of the last replica fail, or no longer. */
  toggle(): Promise<unknown>
  /** At every node, each replica's path and the service's own have what the containers answer, but for what fails. */
  expectOwnMetrics(isFailing: boolean): Promise<void>
}

/** One replica in its place of a path: a slot, or the name of the node of a global service. */
interface Replica {
  readonly place: string
  readonly node: Node
  readonly id: string
}

export async function serveEndpoints(
  swarm: Swarm,
  name: string,
  mode: 'replicated' | 'global',
): Promise<Endpoints> {
  const tls = ['--env', `TLS=${JSON.stringify(selfSigned())}`]
  const replicated = mode === 'replicated' ? ['--replicas', '2'] : []
  await swarm.serve(name, productImage, ['--mode', mode, ...replicated, ...tls, ...flags], [program])
  const replicas = await replicasOf(swarm, name, mode)
  const last = replicas.at(-1)!
  const instance = ({ place }: Replica) => (mode === 'global' ? `${name}@${place}` : `${name}.${place}`)

  /** Of the service itself: its replicas' together, or those of a global service on the requested node alone. */
  function merged(pages: readonly string[], areUp: readonly boolean[]) {
    const slots = pages.map((page, at) => withLabel(parsePage(page), 'slot', replicas[at]!.place))
    const up = replicas.map(({ place }, at): [string, string] => [
      `app_metrics_proxy_replica_up{slot="${place}"}`,
      `${Number(areUp[at])}`,
    ])
    return new Map([...union(slots.filter((_, at) => areUp[at])).series, ...up])
  }

  async function expectAt(node: Node, query: string, pages: readonly string[], isFailing: boolean) {
    const get = (path: string) => ask(node.url(path + query))
    const areUp = replicas.map((replica) => replica !== last || query !== '?endpoint=2' || !isFailing)
    const answerOf = (at: number) =>
      areUp[at]
        ? { status: 200, text: pages[at] }
        : { status: 502, text: expect.stringContaining('500') as string }
    for (const [at, { place }] of replicas.entries())
      expect(
        await get(`/${name}/${place}/metrics`),
        `${node.name}, ${name}, ${place}, "${query}"`,
      ).toMatchObject(answerOf(at))
    const answer = await get(`/${name}/metrics`)
    if (mode === 'global')
      return expect(answer).toMatchObject(answerOf(replicas.findIndex(({ place }) => place === node.name)))
    expect([node.name, query, answer.status]).toEqual([node.name, query, 200])
    expect(parsePage(answer.text).series).toEqual(merged(pages, areUp))
  }

  return {
    listed: replicas.flatMap((replica) =>
      Object.keys(urls).map((query) => [
        instance(replica) + (query === '?endpoint=2' ? ':9443' : query),
        query === '?endpoint=2' ? 'inner' : name,
        `/${name}/${replica.place}/metrics`,
        query.split('=')[1],
      ]),
    ),
    toggle: () => last.node.docker('kill', '--signal', 'USR2', last.id),
    async expectOwnMetrics(isFailing) {
      const answers = await Promise.all(replicas.map(direct))
      await Promise.all(
        Object.keys(urls).map(async (query, at) => {
          const pages = answers.map((pages) => pages[at]!)
          for (const node of swarm.nodes) await expectAt(node, query, pages, isFailing)
        }),
      )
    },
  }
}

async function replicasOf({ nodes }: Swarm, name: string, mode: string): Promise<readonly Replica[]> {
  const all = (await Promise.all(nodes.map(containersOf))).flat()
  return all
    .filter((one) => one.name.startsWith(`${name}.`))
    .map(({ node, id, slot = '' }) => ({ place: mode === 'global' ? node.name : slot, node, id }))
    .toSorted((a, b) => a.place.localeCompare(b.place))
}

/** What a container answers at all its endpoints, from inside. */
async function direct({ node, id }: Replica): Promise<readonly string[]> {
  const script = `
    const texts = process.argv.slice(1).map(async (url) => (await fetch(url)).text())
    Promise.all(texts).then((all) => console.log(JSON.stringify(all)))`
  const inside = ['--env', 'NODE_TLS_REJECT_UNAUTHORIZED=0', id, '/bin/node', '--no-warnings']
  return JSON.parse(await node.docker('exec', ...inside, '--eval', script, ...Object.values(urls)))
}
