// A few small applications of the kinds that one meets, each on a port of its own on loopback.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Application {
  readonly name: string
  readonly url: string
  close(): void
}

/** What an application shows at a given age, in seconds. */
interface Page {
  readonly type: string
  readonly body: (age: number) => string
}

const text = 'text/plain; version=0.0.4; charset=utf-8'
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

const pages: Readonly<Record<string, Page>> = {
  chat: { type: '', body: (age) => `connections ${wave(age, 3, 40)}\nerror_count ${Math.floor(age / 45)}` },
  shop: { type: text, body: shop },
  queue: { type: openMetrics, body: queue },
  weather: { type: text, body: weather },
  blog: { type: 'text/html', body: () => '<!doctype html><title>A blog</title><h1>No metrics here</h1>' },
}

export async function startApplication(name: string): Promise<Application> {
  const page = pages[name]
  if (!page) throw new Error(`the demo has no application ${name}`)
  const started = performance.now()
  const server = createServer((_request, response) => {
    if (page.type) response.setHeader('Content-Type', page.type)
    response.end(page.body((performance.now() - started) / 1000))
  })
  const port = await listen(server)
  return {
    name,
    url: `http://127.0.0.1:${port}/metrics`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** Up and down between 0 and `height`, once in `period` seconds. */
function wave(age: number, height: number, period: number): number {
  return Math.round((height / 2) * (1 + Math.sin((2 * Math.PI * age) / period)))
}

function shop(age: number): string {
  const total = Math.floor(age * 12)
  const buckets = [
    [0.01, 0.55],
    [0.05, 0.86],
    [0.25, 0.97],
    [1, 0.995],
    ['+Inf', 1],
  ] as const
  const lines = buckets.map(
    ([le, share]) => `shop_request_duration_seconds_bucket{le="${le}"} ${Math.floor(total * share)}`,
  )
  return `# HELP shop_requests_total Requests answered, by status code.
# TYPE shop_requests_total counter
shop_requests_total{code="200"} ${Math.floor(total * 0.98)}
shop_requests_total{code="404"} ${Math.floor(total * 0.015)}
shop_requests_total{code="500"} ${Math.floor(total * 0.005)}
# HELP shop_request_duration_seconds How long requests took.
# TYPE shop_request_duration_seconds histogram
${lines.join('\n')}
shop_request_duration_seconds_sum ${(total * 0.034).toFixed(3)}
shop_request_duration_seconds_count ${total}
# HELP shop_carts Carts that are not empty.
# TYPE shop_carts gauge
shop_carts ${wave(age, 60, 90)}
`
}

function queue(age: number): string {
  return `# HELP queue_jobs Jobs taken from the queue.
# TYPE queue_jobs counter
queue_jobs_total{queue="mail"} ${Math.floor(age * 3)} # {trace_id="4bf92f3577b34da6"} 1
queue_jobs_total{queue="thumbnails"} ${Math.floor(age * 7)}
# HELP queue_depth Jobs that wait.
# TYPE queue_depth gauge
queue_depth{queue="mail"} ${wave(age, 20, 30)}
queue_depth{queue="thumbnails"} ${wave(age + 15, 140, 50)}
# HELP queue_oldest_seconds The age of the oldest job that waits.
# TYPE queue_oldest_seconds gauge
# UNIT queue_oldest_seconds seconds
queue_oldest_seconds{queue="mail"} ${wave(age, 9, 30)}
# EOF
`
}

function weather(age: number): string {
  const towns = ['Köln', 'Kraków', 'Porto', 'Umeå']
  const lines = towns.map(
    (town, at) => `weather_temperature_celsius{town="${town}"} ${wave(age + at * 20, 24, 120) - at * 3}`,
  )
  return `# HELP weather_temperature_celsius The temperature, as if it were measured.
# TYPE weather_temperature_celsius gauge
${lines.join('\n')}
`
}
