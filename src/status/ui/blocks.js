// Blocks of configuration to copy. Pure.

/** @import { ConfigStatus } from '../shape.ts' */

/** JSON strings are valid YAML, so no name can leave its string. */
const text = JSON.stringify

/**
 * The scrape job for all targets of the cluster.
 * @param {{ readonly cluster: string, readonly config: ConfigStatus }} status
 * @param {boolean} isTls whether the agents serve HTTPS
 */
export function clusterJob({ cluster, config }, isTls) {
  const scheme = isTls ? 'https' : 'http'
  return `scrape_configs:
  - job_name: ${text(cluster)}
${isTls ? '    scheme: https\n' : ''}    http_sd_configs:
      - url: ${text(`${scheme}://${config.advertise}/sd`)}
`
}

export const joinBlock = `services:
  shop:
    image: example/shop
    networks: [default, monitor]
networks:
  monitor:
    external: true
`

/**
 * In a Swarm, labels of the service.
 * @param {boolean} isSwarm
 */
export function labelBlock(isSwarm) {
  const labels = ['labels:', '  app-metrics-proxy.port: 9187', '  app-metrics-proxy.path: /stats/metrics']
  const lines = isSwarm ? ['deploy:', ...labels.map((line) => `  ${line}`)] : labels
  return `services:\n  shop:\n${lines.map((line) => `    ${line}\n`).join('')}`
}
