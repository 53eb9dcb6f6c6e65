// A node whose containers come and go: an API as Docker's, and one server that stands for all its containers, each
// at an address of its own.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ApiContainer } from '../../src/discover/api.ts'
import { startEngineServer } from '../../test/discover/engine-server.ts'
import { node as recorded } from '../../test/discover/recorded.ts'

export interface Node extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly host: string
  /** Of the containers that run now. */
  names(): readonly string[]
  /** The oldest container ends and is removed, and a new one starts. */
  replaceOne(): void
}

/** Of all nodes the one `at` this place: containers are told apart by their addresses. */
export async function startNode(at: number, containers: number): Promise<Node> {
  const { port, close } = await startPages()
  const engine = await startEngineServer()
  engine.answers['/info'] = { ...recorded.info, ID: `soak${at}`, Name: `node${at}` }
  const network = recorded.networks.find(({ Name }) => Name === 'web')!
  let made = 0

  function make(): ApiContainer {
    const address = `127.${20 + at}.${(made >> 8) & 255}.${made & 255}`
    made += 1
    return {
      Id: `${at}${made}`.padEnd(64, '0'),
      Names: [`/c${at}-${made}`],
      Image: 'soak',
      Created: made,
      State: 'running',
      Status: 'Up',
      Labels: { 'prometheus.port': `${port}` },
      HostConfig: { NetworkMode: 'web' },
      NetworkSettings: { Networks: { web: { NetworkID: network.Id, IPAddress: address } } },
    }
  }
  let running = Array.from({ length: containers }, make)
  engine.answers['/containers/json'] = running

  const event = (Action: string, { Id }: ApiContainer, Attributes = {}) => ({
    Type: 'container',
    Action,
    Actor: { ID: Id, Attributes },
  })
  return {
    host: engine.host,
    names: () => running.map(({ Names }) => Names![0]!.slice(1)),
    replaceOne() {
      const [oldest, ...others] = running
      const next = make()
      running = [...others, next]
      engine.answers['/containers/json'] = running
      engine.emit(event('die', oldest!, { exitCode: '0' }), event('destroy', oldest!), event('start', next))
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]()
      await close()
    },
  }
}

/** Some 10 KB of which a part changes each time; now and then none, as from an application that is busy. */
async function startPages(): Promise<{ readonly port: number; close(): Promise<void> }> {
  let asked = 0
  const server = createServer({ keepAliveTimeout: 60_000 }, ({ socket }, response) => {
    asked += 1
    if (asked % 500 === 0) return void response.writeHead(503).end()
    const lines = Array.from({ length: 150 }, (_, n) => {
      const value = n % 5 === 0 ? asked : n
      return `soak_requests_total{handler="/a/path/of/some/length/${n}",code="200"} ${value}\n`
    })
    response
      .setHeader('content-type', 'text/plain; version=0.0.4')
      .end(`address{is="${socket.localAddress}"} 1\n${lines.join('')}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', 1024, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
