// Stands in for cAdvisor: what Docker says of its containers' memory, under cAdvisor's names.

import { createServer, request } from 'node:http'
import { text } from 'node:stream/consumers'

const serviceOf = 'com.docker.swarm.service.name'

function docker(path) {
  return new Promise((resolve, reject) => {
    request({ socketPath: '/var/run/docker.sock', path }, async (response) =>
      resolve(JSON.parse(await text(response))),
    )
      .on('error', reject)
      .end()
  })
}

async function samplesOf({ Id, Labels }) {
  const { memory_stats: memory } = await docker(`/containers/${Id}/stats?stream=false&one-shot=true`)
  const { HostConfig } = await docker(`/containers/${Id}/json`)
  const labels = `{id="/docker/${Id}",container_label_com_docker_swarm_service_name="${Labels[serviceOf]}"}`
  return [
    `container_memory_usage_bytes${labels} ${memory.usage ?? 0}\n`,
    `container_spec_memory_limit_bytes${labels} ${HostConfig.Memory}\n`,
  ].join('')
}

createServer(async (asked, response) => {
  if (asked.url !== '/metrics') return response.writeHead(404).end()
  const containers = await docker('/containers/json')
  const samples = await Promise.allSettled(
    containers.filter(({ Labels }) => Labels[serviceOf]).map(samplesOf),
  )
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
  response.end(samples.map(({ value = '' }) => value).join(''))
}).listen(8080)
