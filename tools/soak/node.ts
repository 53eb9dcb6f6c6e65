// A node whose containers come and go: an API as Docker's, and one server that stands for all its containers, each
// at an address of its own.

import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { ApiContainer } from '../../src/discover/docker-api.ts'
import { startEngineServer } from '../../test/discover/engine-server.ts'
import { node as recorded } from '../../test/discover/recorded.ts'

export interface Node extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly host: string
  /** Of the containers that run now. */
  names(): readonly string[]
  /** For how many milliseconds this one has run by now; 0 if it doesn't run. */
  ranFor(name: string): number
  /** The oldest container ends and is removed, and a new one starts. */
  replaceOne(): void
}

/** Ports of some are looked at again and again. */
const withoutMetrics = 5
const closedPort = 1

const nameOf = ({ Names }: ApiContainer) => Names![0]!.slice(1)
const addressOf = ({ NetworkSettings }: ApiContainer) => NetworkSettings!.Networks!.web!.IPAddress!

/** Of all nodes the one `at` this place: containers are distinguished by their addresses. */
export async function startNode(at: number, containers: number): Promise<Node> {
  const { port, end, close } = await startPages()
  const engine = await startEngineServer()
  engine.answers['/info'] = { ...recorded.info, ID: `soak${at}`, Name: `node${at}` }
  const network = recorded.networks.find(({ Name }) => Name === 'web')!
  let made = 0
  const since = new Map<string, number>()

  function make(port: number): ApiContainer {
    const address = `127.${20 + at}.${(made >> 8) & 255}.${made & 255}`
    made += 1
    since.set(`c${at}-${made}`, performance.now())
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
  const silent = Array.from({ length: withoutMetrics }, () => make(closedPort))
  let running = Array.from({ length: containers }, () => make(port))
  const list = () => {
    engine.answers['/containers/json'] = [...silent, ...running]
  }
  list()

  const event = (Action: string, { Id }: ApiContainer, Attributes = {}) => ({
    Type: 'container',
    Action,
    Actor: { ID: Id, Attributes },
  })
  return {
    host: engine.host,
    names: () => running.map(nameOf),
    ranFor: (name) => performance.now() - (since.get(name) ?? performance.now()),
    replaceOne() {
      const [oldest, ...others] = running
      const next = make(port)
      running = [...others, next]
      since.delete(nameOf(oldest!))
      end(addressOf(oldest!))
      list()
      engine.emit(event('die', oldest!, { exitCode: '0' }), event('destroy', oldest!), event('start', next))
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]()
      await close()
    },
  }
}

interface Pages {
  readonly port: number
  /** The container at this address ends: its connections break off. */
  end(address: string): void
  close(): Promise<void>
}

/** Some 10 KB of which a part changes each time; now and then none, as from an application that is busy. */
async function startPages(): Promise<Pages> {
  let requests = 0
  const open = new Map<string, Set<Socket>>()
  const at = (address: string) => {
    const sockets = open.get(address) ?? new Set<Socket>()
    open.set(address, sockets)
    return sockets
  }
  const server = createServer({ keepAliveTimeout: 60_000 }, ({ socket }, response) => {
    requests += 1
    if (requests % 500 === 0) return void response.writeHead(503).end()
    const lines = Array.from({ length: 150 }, (_, n) => {
      const value = n % 5 === 0 ? requests : n
      return `soak_requests_total{handler="/a/path/of/some/length/${n}",code="200"} ${value}\n`
    })
    response
      .setHeader('content-type', 'text/plain; version=0.0.4')
      .end(`address{is="${socket.localAddress}"} 1\n${lines.join('')}`)
  })
  server.on('connection', (socket: Socket) => {
    const address = socket.localAddress!
    at(address).add(socket)
    socket.once('close', () => at(address).delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', 1024, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    end(address) {
      for (const socket of at(address)) socket.destroy()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
