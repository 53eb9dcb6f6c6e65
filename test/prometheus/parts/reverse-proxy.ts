// The configurations of docs/REVERSE-PROXY.md: real proxies in front of two real agents. What a client gets through the
// proxy is compared with what it gets from an agent.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parse } from 'yaml'
import { selfSigned } from '../../helpers/certificate.ts'
import { until } from '../../helpers/until.ts'
import { type Agent, startAgents } from './agents.ts'
import { type Call, startProgram } from './process.ts'
import { started } from './started.ts'

type Prepare = (options: {
  readonly folder: string
  readonly listen: string
  readonly agents: readonly Agent[]
}) => Call

export async function nginx(block: string): Promise<void> {
  await compare('nginx', ({ folder, listen, agents }) => {
    const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(folder, name)) as [
      string,
      string,
    ]
    const made = selfSigned()
    writeFileSync(key, made.key)
    writeFileSync(certificate, made.cert)
    // the page's server with TLS, and the same without, which the test asks
    const site = inPlace(block, agents, {
      '/etc/nginx/metrics.crt': certificate,
      '/etc/nginx/metrics.key': key,
    })
    const [upstream, server] = site.split(/^(?=server )/m) as [string, string]
    const plain = server.replace('listen 443 ssl', `listen ${listen}`).replaceAll(/^ *ssl_.*$/gm, '')
    const secure = server.replace('listen 443 ssl', `listen unix:${folder}/tls.sock ssl`)
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    const http = `http { access_log off; ${folders} ${upstream} ${secure} ${plain} }`
    const top = `daemon off; pid ${folder}/pid; error_log stderr; events {}`
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, `${top} ${http}`)
    return { args: ['-e', 'stderr', '-c', file] }
  })
}

export async function caddy(block: string): Promise<void> {
  await compare('caddy', ({ folder, listen, agents }) => {
    const file = join(folder, 'Caddyfile')
    const site = inPlace(block, agents, { 'metrics.example.org': `http://${listen}` })
    writeFileSync(file, `{\n  admin off\n}\n${site}`)
    const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
    return { args: ['run', '--config', file, '--adapter', 'caddyfile'], env }
  })
}

/** No Traefik is there to run: its names fit together. */
export function traefik(block: string): void {
  const { routers, services } = parse(block).http
  expect(Object.keys(services)).toEqual([routers.metrics.service])
  const { servers, healthCheck } = services.agents.loadBalancer
  expect(servers.map(({ url }: { url: string }) => URL.canParse(url))).toEqual([true, true])
  expect(healthCheck.path).toBe('/-/ready')
}

function inPlace(block: string, agents: readonly Agent[], further: Readonly<Record<string, string>>): string {
  const moved = {
    'node1.example.org:2137': agents[0]!.address,
    'node2.example.org:2137': agents[1]!.address,
    ...further,
  }
  return Object.entries(moved).reduce((text, [from, to]) => text.replaceAll(from, to), block)
}

/** A counter that rises with each scrape, in two formats, and a container that can hang. */
async function startApplications() {
  let count = 0
  const server = createServer(({ url, headers }, response) => {
    if (url === '/hung' && applications.isHung) return
    count += 1
    const isOpenMetrics = headers.accept?.includes('openmetrics') && url === '/open'
    const type = isOpenMetrics ? 'application/openmetrics-text; version=1.0.0' : 'text/plain; version=0.0.4'
    const filler = Array.from({ length: 200 }, (_, at) => `filler{at="${at}"} 1\n`).join('')
    const name = url === '/open' ? 'scrapes' : 'scrapes_total'
    response
      .writeHead(200, { 'content-type': `${type}; charset=utf-8` })
      .end(
        `# TYPE ${name} counter\nscrapes_total ${count}\n# TYPE filler gauge\n${filler}${url === '/open' ? '# EOF\n' : ''}`,
      )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const applications = {
    isHung: false,
    targets: ['text', 'open', 'hung'].map((name) => `${name}=${url}/${name}`),
    others: [`other=${url}/text`],
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
  return applications
}

const accepts = [
  'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5',
  'text/plain;version=0.0.4',
]
const encodings = ['gzip', 'identity']

/** Without what differs between any two live responses. */
async function shapeOf(url: string, headers: Readonly<Record<string, string>>) {
  const response = await fetch(url, { headers })
  const text = (await response.text()).replace(/^scrapes_total .*$/m, 'scrapes_total N')
  const named = ['content-type', 'content-encoding', 'vary', 'age', 'etag', 'cache-control']
  return { status: response.status, text, headers: named.map((name) => response.headers.get(name)) }
}

async function compare(command: string, prepare: Prepare): Promise<void> {
  const applications = started(await startApplications())
  const agents = await startAgents('prod', [applications.targets, applications.others])
  for (const agent of agents) started(agent)
  await until('both agents to serve all', async () => {
    const all = agents.flatMap(({ url }) =>
      ['text', 'open', 'hung'].map((name) => fetch(`${url}/${name}/metrics`)),
    )
    return (await Promise.all([...all, ...agents.map(({ url }) => fetch(`${url}/-/ready`))])).every(
      ({ ok }) => ok,
    )
  })
  const proxy = started(await startProgram(command, (folder, listen) => prepare({ folder, listen, agents })))

  for (const path of ['/text/metrics', '/open/metrics', '/nobody/metrics', '/sd', '/rules'])
    for (const accept of accepts)
      for (const encoding of encodings) {
        const headers = { accept, 'accept-encoding': encoding }
        const [through, directly] = await Promise.all(
          [proxy.url, agents[0]!.url].map((url) => shapeOf(`${url}${path}`, headers)),
        )
        expect([path, through]).toEqual([path, directly])
      }

  const counted = async () => {
    const response = await fetch(`${proxy.url}/text/metrics`, { headers: { accept: 'text/plain' } })
    return Number(/^scrapes_total (.*)$/m.exec(await response.text())![1])
  }
  const before = await counted()
  await until('a response that is not cached', async () => (await counted()) > before)

  // with the client's deadline of 0.4 s, which is less than SCRAPE_TIMEOUT
  applications.isHung = true
  const headers = { 'x-prometheus-scrape-timeout-seconds': '0.4' }
  await until('a hung container to be reported before the client gives up', async () =>
    /^no answer within (0\.[0-4] s|[1-4]\d\d ms)/.test(
      (await shapeOf(`${proxy.url}/hung/metrics`, headers)).text,
    ),
  )

  // an agent is lost, and the other one responds
  await agents[1]!.stop()
  for (let round = 0; round < 4; round += 1)
    expect((await fetch(`${proxy.url}/text/metrics`)).status).toBe(200)
}
