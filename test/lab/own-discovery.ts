// The labels of service discovery, held to those that Prometheus' own discovery of Swarm gives.

import { isDeepStrictEqual } from 'node:util'
import { until } from '../helpers/until.ts'
import { type Prometheus, startPrometheus } from '../prometheus/parts/prometheus.ts'
import type { Swarm } from './harness/lab.ts'

const prefix = '__meta_dockerswarm_'

/**
 * Until so many targets of a job in the cluster `prod` have these labels, and no label of the Swarm but as Prometheus' own
 * discovery has it.
 */
export async function labelsOfBoth(
  prometheus: Prometheus,
  { manager }: Swarm,
  job: string,
  count: number,
  wanted: Readonly<Record<string, string>> = {},
): Promise<readonly Readonly<Record<string, string>>[]> {
  const own = await startPrometheus(`
scrape_configs:
  - job_name: swarm
    dockerswarm_sd_configs: [{ host: 'unix://${manager.socket}', role: tasks, refresh_interval: 1s }]
`)
  try {
    return await until(`both to list ${count} replicas of ${job} alike`, async () => {
      const { active } = await prometheus.targets()
      const ours = active
        .filter(({ labels }) => labels.cluster === 'prod' && labels.job === job)
        .map(({ discoveredLabels }) =>
          Object.fromEntries(Object.entries(discoveredLabels).filter(([name]) => name.startsWith(prefix))),
        )
      const theirs = (await own.targets()).active.map(({ discoveredLabels }) => discoveredLabels)
      const areAlike = ours.every((mine) => {
        const like = theirs.find((task) => task[`${prefix}task_id`] === mine[`${prefix}task_id`])
        const same = like && Object.fromEntries(Object.keys(mine).map((name) => [name, like[name]]))
        return isDeepStrictEqual({ ...mine, ...wanted }, same)
      })
      return ours.length === count && areAlike && ours
    })
  } finally {
    await own.stop()
  }
}
