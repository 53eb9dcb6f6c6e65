// What to copy into Prometheus' configuration to scrape one target through the agents.

import type { SettingsStatus, TargetStatus } from './shape.ts'

/** YAML takes JSON's quoting as it is, so no text of a container can leave its string. */
export function prometheusBlock(
  target: TargetStatus,
  { advertise }: SettingsStatus,
  cluster: string,
): string {
  const { kind, service, name, replica, node, path } = target
  const job = kind === 'compose' ? name : (service ?? name)
  const instance = kind === 'replicated' ? `${job}.${replica}` : `${job}@${node}`
  return `scrape_configs:
  - job_name: ${text(job)}
    metrics_path: ${text(path)}
    static_configs:
      - targets: [${text(advertise)}]
        labels:
          cluster: ${text(cluster)}
          instance: ${text(instance)}
`
}

const text = (value: string) => JSON.stringify(value)
