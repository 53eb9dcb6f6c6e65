// Stands in for statsd_exporter, as far as an example needs it: counters and timers with tags, and histograms
// with the mapping's buckets.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'

const line = /^(\w+):([\d.]+)\|(c|ms)\|#(.+)$/

export async function startStatsd(host: string, webPort: number, buckets: readonly number[], port = 0) {
  const samples = new Map<string, number>()
  const add = (series: string, value: number) => samples.set(series, (samples.get(series) ?? 0) + value)

  const observe = (name: string, labels: string, seconds: number) => {
    for (const bound of [...buckets, Number.POSITIVE_INFINITY]) {
      const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound
      add(`${name}_bucket{${labels},le="${le}"}`, seconds <= bound ? 1 : 0)
    }
    add(`${name}_sum{${labels}}`, seconds)
    add(`${name}_count{${labels}}`, 1)
  }

  const udp = createSocket('udp4').on('message', (datagram) => {
    const [, name, value, type, tags] = line.exec(`${datagram}`) ?? []
    if (!name || !tags) return
    const labels = tags.replaceAll(/(\w+):([^,]*)/g, '$1="$2"')
    if (type === 'c') add(`${name}{${labels}}`, Number(value))
    else observe(name, labels, Number(value) / 1000)
  })
  udp.bind(port, host)
  await once(udp, 'listening')

  const web = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
    response.end([...samples].map(([series, value]) => `${series} ${value}\n`).join('') || '# nothing yet\n')
  }).listen(webPort, host)
  await once(web, 'listening')

  return {
    port: udp.address().port,
    async stop() {
      udp.close()
      web.closeAllConnections()
      web.close()
    },
  }
}
