// Pages of about 5 MB for the benchmark, of the three kinds that large pages are.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

export interface LargePage {
  readonly name: string
  readonly body: Buffer
}

const bytes = 5_000_000

export function largePages(size = bytes): readonly LargePage[] {
  return [
    { name: 'histograms of a web service', body: Buffer.from(grown(size, histogram)) },
    { name: 'kube-state-metrics with many long labels', body: Buffer.from(grown(size, pods)) },
    { name: 'node_exporter many times over', body: Buffer.from(grown(size, nodes())) },
  ]
}

/** Families one after the other, until there is enough. */
function grown(size: number, family: (at: number) => string): string {
  const parts: string[] = []
  for (let length = 0; length < size; length += parts.at(-1)!.length) parts.push(family(parts.length))
  return parts.join('')
}

const bounds = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf']

function histogram(at: number): string {
  const name = `http_request_duration_seconds_${at}`
  const lines = ['GET', 'POST', 'PUT'].flatMap((method) =>
    ['/api/users', '/api/orders', '/healthz', '/metrics'].flatMap((handler) => {
      const labels = `method="${method}",handler="${handler}"`
      return [
        ...bounds.map((le, n) => `${name}_bucket{${labels},le="${le}"} ${(at + 7) * (n + 1) * 137}\n`),
        `${name}_sum{${labels}} ${((at + 1) * 1234.5678) / 3}\n`,
        `${name}_count{${labels}} ${(at + 7) * 1644}\n`,
      ]
    }),
  )
  return `# HELP ${name} How long requests take, in seconds.\n# TYPE ${name} histogram\n${lines.join('')}`
}

function pods(at: number): string {
  const name = `kube_pod_container_status_${at}`
  const lines = Array.from({ length: 400 }, (_, pod) => {
    const labels = [
      `namespace="team-${pod % 7}"`,
      `pod="service-${pod % 31}-${hex(pod)}-${hex(pod * 7).slice(0, 5)}"`,
      `uid="${hex(pod * 3)}-4a5b-4c3d-9e8f-${hex(pod * 11)}"`,
      `container="app-${pod % 5}"`,
      'reason="CrashLoopBackOff"',
    ]
    return `${name}{${labels.join()}} ${pod % 2}\n`
  })
  return `# HELP ${name} Describes the containers of a pod.\n# TYPE ${name} gauge\n${lines.join('')}`
}

const hex = (seed: number) => (Math.imul(seed + 1, 0x9e3779b9) >>> 0).toString(16).padStart(8, '0')

/** A real page, each time with other names. */
function nodes(): (at: number) => string {
  const file = new URL('../../test/fixtures/exporters/node.text.gz', import.meta.url)
  const page = gunzipSync(readFileSync(file)).toString()
  return (at) =>
    page.replaceAll(/^(# (?:HELP|TYPE) )?(\w+?)_/gm, (_, start = '', word) => `${start}${word}${at}_`)
}
