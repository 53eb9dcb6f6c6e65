// Clients of one page, each of which requests it again as soon as it has it: a process of its own, so that it shares
// no event loop with what is measured. Bare sockets, since an HTTP client would cost more than the server.

import { once } from 'node:events'
import { connect } from 'node:net'
import { start } from './processes.ts'

export interface Load {
  readonly url: string
  readonly clients: number
  readonly seconds: number
}

export interface LoadResult {
  readonly responses: number
  readonly perSecond: number
  /** From the request's first byte to the response's last one. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** As Prometheus 3 sends it. */
const headers =
  `Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2
Accept-Encoding: gzip
User-Agent: Prometheus/3.5.3
X-Prometheus-Scrape-Timeout-Seconds: 10
`.replaceAll('\n', '\r\n')

/** Throws if any response isn't 200. */
export async function runLoad(load: Load): Promise<LoadResult> {
  await using clients = start(process.execPath, ['tools/bench/load.ts', JSON.stringify(load)])
  return JSON.parse(await clients.firstLine())
}

async function measure({ url, clients, seconds }: Load): Promise<LoadResult> {
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  const times = (
    await Promise.all(Array.from({ length: clients }, () => client(new URL(url), endsAt)))
  ).flat()
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)]!
  const perSecond = (times.length * 1000) / (performance.now() - startedAt)
  return { responses: times.length, perSecond, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function client({ hostname, port, pathname, search }: URL, endsAt: number): Promise<number[]> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n${headers}\r\n`
  const times: number[] = []
  while (performance.now() < endsAt) {
    const startedAt = performance.now()
    socket.write(request)
    await readResponse(socket)
    times.push(performance.now() - startedAt)
  }
  socket.destroy()
  return times
}

/** Needs a Content-Length, or chunks that end as the last data does. */
function readResponse(socket: ReturnType<typeof connect>): Promise<void> {
  let head = ''
  let missingBytes = Number.POSITIVE_INFINITY
  return new Promise((resolve, reject) => {
    const take = (data: Buffer) => {
      if (missingBytes === Number.POSITIVE_INFINITY) {
        head += data.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        if (!head.startsWith('HTTP/1.1 200')) return reject(new Error(`the server answers ${head}`))
        const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
        missingBytes = length === undefined ? Number.NaN : Number(length) + end + 4 - head.length
      } else missingBytes -= data.length
      const isDone = Number.isNaN(missingBytes)
        ? data.toString('latin1').endsWith('0\r\n\r\n')
        : missingBytes <= 0
      if (!isDone) return
      socket.off('data', take)
      resolve()
    }
    socket.on('data', take)
  })
}

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]!))))
