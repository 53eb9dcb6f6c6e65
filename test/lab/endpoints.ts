// A service with metrics at three endpoints of each container, by labels of the service and of the container, and what
// the containers themselves answer there.

import { expect } from 'vitest'
import { selfSigned } from '../helpers/certificate.ts'
import { parsePage, union, withLabel } from '../helpers/oracle.ts'
import { containersOf } from './exporters/direct.ts'
import { ask } from './harness/ask.ts'
import type { Swarm } from './harness/lab.ts'
import { productImage } from './harness/product.ts'

/** Two paths of one port, and another port with TLS, which fails from one SIGUSR2 to the next. */
const program = `
  const host = require('node:os').hostname()
  let isFailing = false
  process.on('SIGUSR2', () => { isFailing = !isFailing })
  process.on('SIGTERM', () => process.exit())
  const serve = (pages) => ({ url }, response) => {
    const hasPage = url in pages && !(isFailing && url === '/inner')
    response.writeHead(hasPage ? 200 : 500, { 'content-type': 'text/plain; version=0.0.4' })
    response.end(hasPage ? pages[url] + '{host="' + host + '"} 1\\n' : '')
  }
  require('node:http').createServer(serve({ '/metrics': 'first', '/more': 'third' })).listen(8080)
  require('node:https').createServer(JSON.parse(process.env.TLS), serve({ '/inner': 'second' })).listen(9443)`

const ofService = {
  port: '8080',
  'port.2': '9443',
  'scheme.2': 'https',
  'path.2': '/inner',
  'job.2': 'inner',
}
const flags = [
  ...['--entrypoint', '/bin/node --eval', '--no-healthcheck', '--network', 'monitor', '--replicas', '2'],
  ...Object.entries(ofService).flatMap(([key, value]) => ['--label', `app-metrics-proxy.${key}=${value}`]),
  ...['--container-label', 'app-metrics-proxy.path.3=/more'],
]
/** By the query of their paths. */
const urls = {
  '': 'http://127.0.0.1:8080/metrics',
  '?endpoint=2': 'https://127.0.0.1:9443/inner',
  '?endpoint=3': 'http://127.0.0.1:8080/more',
}
const queries = Object.keys(urls) as (keyof typeof urls)[]

export interface Endpoints {
  /** Lets the second endpoint of the second replica fail, or no longer. */
  toggle(): Promise<unknown>
  /** At every node, each replica's path and the service's own have what the containers answer, but for what fails. */
  expectOwnMetrics(isFailing: boolean): Promise<void>
}

export async function serveEndpoints(swarm: Swarm, name: string): Promise<Endpoints> {
  const tls = ['--env', `TLS=${JSON.stringify(selfSigned())}`]
  await swarm.serve(name, productImage, [...tls, ...flags], [program])
  const all = (await Promise.all(swarm.nodes.map(containersOf))).flat()
  const replicas = ['1', '2'].map((slot) => all.find((one) => one.name.startsWith(`${name}.${slot}.`))!)

  async function direct({ node, id }: (typeof replicas)[number], query: keyof typeof urls): Promise<string> {
    const script = 'fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)'
    const inside = ['--env', 'NODE_TLS_REJECT_UNAUTHORIZED=0', id, '/bin/node', '--no-warnings']
    return `${await node.docker('exec', ...inside, '--eval', script, urls[query])}\n`
  }
  return {
    toggle: () => replicas[1]!.node.docker('kill', '--signal', 'USR2', replicas[1]!.id),

    async expectOwnMetrics(isFailing) {
      for (const query of queries) {
        const pages = await Promise.all(replicas.map((one) => direct(one, query)))
        const areUp = [true, query !== '?endpoint=2' || !isFailing]
        const slots = pages.map((page, at) => withLabel(parsePage(page), 'slot', `${at + 1}`))
        const up = areUp.map((isUp, at): [string, string] => [
          `app_metrics_proxy_replica_up{slot="${at + 1}"}`,
          `${Number(isUp)}`,
        ])
        const merged = new Map([...union(slots.filter((_, at) => areUp[at])).series, ...up])
        for (const node of swarm.nodes) {
          const get = (path: string) => ask(node.url(path + query))
          for (const [at, isUp] of areUp.entries())
            expect(
              await get(`/${name}/${at + 1}/metrics`),
              `${node.name}, ${at + 1}, "${query}"`,
            ).toMatchObject(
              isUp ? { status: 200, text: pages[at] } : { status: 502, text: expect.stringContaining('500') },
            )
          const { status, text } = await get(`/${name}/metrics`)
          expect([node.name, query, status]).toEqual([node.name, query, 200])
          expect(parsePage(text).series).toEqual(merged)
        }
      }
    },
  }
}
