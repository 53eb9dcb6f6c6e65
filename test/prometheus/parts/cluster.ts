// Several agents' answers in one process: `/sd`, `/rules` and the targets' own paths, over one cluster that
// the test writes down. What they know is the same; when they learn it is not.

import type { FastifyInstance } from 'fastify'
import { systemClock } from '../../../src/clock.ts'
import { createLog } from '../../../src/logging/log.ts'
import type { NodeView } from '../../../src/model.ts'
import { createRules } from '../../../src/rules/rules.ts'
import { createMetrics } from '../../../src/runtime/metrics.ts'
import { createSd } from '../../../src/sd/sd.ts'
import { type Server, serveDocument, startServer } from '../../../src/web/server.ts'
import { type Known, node, storeOf } from '../../helpers/cluster.ts'

export interface Responder {
  readonly url: string
  readonly address: string
  /** Requested paths, with their queries. */
  readonly requested: Set<string>
  /** From now on it knows this. */
  learn(known: Known): void
  awaited: readonly string[]
  stop(): Promise<void>
}

/** What a target answers at its path; undefined: 502. */
export type Pages = (path: string) => string | undefined

export async function startResponder(
  cluster: string,
  pages: Pages = () => 'answered 1\n',
  host = '127.0.0.1',
): Promise<Responder> {
  const store = storeOf({})
  const metrics = createMetrics()
  const log = createLog('silent')
  const requested = new Set<string>()
  const pending = () => responder.awaited
  const sd = createSd({ store, config: { cluster }, pending })
  const rules = createRules({ store, config: { cluster, replicasFrom: 'swarm' }, log, metrics, pending })
  const server: Server = await startServer({
    port: 0,
    clock: systemClock,
    log,
    metrics,
    host,
    plugins: [
      (server) => serveDocument(server, '/sd', sd.answer),
      (server) => serveDocument(server, '/rules', rules.answer),
      (server) => servePages(server, pages, requested),
    ],
  })
  const address = `${host.includes(':') ? `[${host}]` : host}:${server.port}`
  const responder: Responder = {
    url: `http://${address}`,
    address,
    requested,
    awaited: [],
    learn: store.become,
    stop: server.stop,
  }
  return responder
}

function servePages(server: FastifyInstance, pages: Pages, requested: Set<string>): void {
  server.get('*', (request, reply) => {
    const path = decodeURIComponent(request.url)
    requested.add(path)
    const page = pages(path)
    return reply
      .code(page === undefined ? 502 : 200)
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(page ?? 'refused\n')
  })
}

/** Nodes that all go by one address, or each by its own. */
export function nodesAt(...addresses: readonly string[]): readonly NodeView[] {
  return addresses.map((advertise, at) => node(`node${at + 1}`, { advertise }))
}
