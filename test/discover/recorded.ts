// Answers of a real Docker Engine (20.10), recorded: a single node, and a Swarm of one manager.

import { readFileSync } from 'node:fs'
import { type Container, containerOf } from '../../src/discover/container.ts'
import type {
  ApiContainer,
  ApiInfo,
  ApiNetwork,
  ApiNode,
  ApiService,
  ApiTask,
} from '../../src/discover/docker-api.ts'

export const textOf = (file: string): string => readFileSync(`test/fixtures/docker/${file}`, 'utf8')
const json = <T>(file: string): T => JSON.parse(textOf(`${file}.json`))

const common = (folder: string) => ({
  info: json<ApiInfo>(`${folder}/info`),
  containers: json<readonly ApiContainer[]>(`${folder}/containers`),
  networks: json<readonly ApiNetwork[]>(`${folder}/networks`),
})

export const node = common('node')
export const swarm = {
  ...common('swarm'),
  gatewayBridge: json<ApiNetwork>('swarm/docker_gwbridge'),
  services: json<readonly ApiService[]>('swarm/services'),
  tasks: json<readonly ApiTask[]>('swarm/tasks'),
  nodes: json<readonly ApiNode[]>('swarm/nodes'),
}

/** A recorded container by the beginning of its name. */
export function named(rows: readonly ApiContainer[], name: string): Container {
  const row = rows.find(({ Names }) => Names?.[0]?.startsWith(`/${name}`))
  if (!row) throw new Error(`no container ${name} was recorded`)
  return containerOf(row, [])
}
