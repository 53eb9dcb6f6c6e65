// A web application without support for Prometheus: for each response it sends two datagrams to StatsD.

import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

const { WEB_PORT = '8000', STATSD_HOST = 'statsd', STATSD_PORT = '9125', HOST = '0.0.0.0' } = process.env
const statsd = createSocket('udp4').on('error', () => {})

const routes = {
  '/': async () => ({ code: 200, text: 'welcome\n' }),
  '/search': async () => {
    await pause(50 + 200 * Math.random())
    return { code: 200, text: 'found\n' }
  },
  '/pay': async () => (Math.random() < 0.2 ? { code: 503, text: 'no\n' } : { code: 200, text: 'paid\n' }),
}

createServer(async (request, response) => {
  const began = performance.now()
  const route = Object.hasOwn(routes, request.url) ? request.url : 'other'
  const { code, text } = route === 'other' ? { code: 404, text: 'unknown\n' } : await routes[route]()
  response.writeHead(code).end(text)
  tell(route, code, performance.now() - began)
}).listen(Number(WEB_PORT), HOST)

/** The names are Prometheus' already; the exporter makes seconds of the milliseconds. */
function tell(route, code, milliseconds) {
  send(`web_requests_total:1|c|#route:${route},code:${code}`)
  send(`web_request_seconds:${milliseconds.toFixed(3)}|ms|#route:${route}`)
}

function send(line) {
  statsd.send(line, Number(STATSD_PORT), STATSD_HOST, () => {})
}
