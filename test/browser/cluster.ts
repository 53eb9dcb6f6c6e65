// A cluster with a target of every kind and state.

import type { Entry } from '../../src/model.ts'
import { container, failing, healthy, pageOf, place, unscraped } from '../helpers/scene.ts'

const node = (at: number) => `n${(at % 3) + 1}`

const weather = `# HELP weather_temperature_celsius The temperature outside.
# TYPE weather_temperature_celsius gauge
weather_temperature_celsius{city="Lisbon"} 21.5
weather_temperature_celsius{city="Graz"} 9.25
# HELP http_request_duration_seconds How long requests took.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1"} 24054
http_request_duration_seconds_bucket{le="0.5"} 133988
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
`

export function smallCluster(): readonly Entry[] {
  const task = (service: string, slot: number, on = node(slot)) =>
    container(on, `${service}.${slot}.x`, place(service, `${slot}`))
  return [
    ...[1, 2, 3].map((slot) => healthy(task('shop_web', slot))),
    ...[1, 2].map((slot) =>
      healthy(task('shop_api', slot), { source: 'com.df.scrapePort, service label', port: 9100 }),
    ),
    failing(task('shop_api', 3), 'connection refused', 'see whether it still listens on port 9100'),
    ...['n1', 'n2', 'n3'].map((on) => healthy(container(on, `monitor_node.${on}.x`, place('monitor_node')))),
    unscraped(
      task('shop_db', 1),
      'no_metrics',
      'ports 80, 8080 and 9100 are closed',
      'let one of them show metrics',
    ),
    unscraped(
      container('n2', 'legacy', { kind: 'standalone' }),
      'no_address',
      'not on a shared network',
      'attach it to `monitor`',
    ),
    unscraped(task('blog_wiki', 1), 'disabled', 'switched off by app-metrics-proxy.enable, container label'),
    healthy(container('n3', 'weather', { kind: 'standalone' }), { page: pageOf(weather) }),
  ]
}

export function largeCluster(size: number): readonly Entry[] {
  const replicas = 10
  return Array.from({ length: size }, (_, at) => {
    const number = Math.floor(at / replicas)
    const slot = `${(at % replicas) + 1}`
    const service = `stack${number % 20}_service${number}`
    const target = container(node(at), `${service}.${slot}.x`, place(service, slot))
    return at % 97 === 5 ? failing(target) : healthy(target)
  })
}
