// What Docker's API does wrong under an agent, and Docker's own end: the agent runs in a container of a real engine
// and reaches it through a proxy that misbehaves on request.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../test/helpers/until.ts'
import { agentFolders } from '../../test/lab/docker/agent.ts'
import { appImage } from '../../test/lab/harness/images.ts'
import { type Docker, startDocker } from '../../test/lab/harness/lab.ts'
import { buildAgent, imageEnvironment, imageFlags } from '../bench/processes.ts'
import { interval, memory } from './agents.ts'
import { type DockerProxy, type Mischief, startDockerProxy } from './docker-proxy.ts'
import { refuseCountedErrors } from './internal-errors.ts'
import { liveOf, type Row, seconds } from './row.ts'

interface Host {
  readonly node: Docker
  readonly proxy: DockerProxy
}

interface DockerFault {
  readonly fault: string
  readonly mischief: Partial<Mischief>
  /** Milliseconds, at the least. */
  readonly lasts?: number
  /** Nothing can be learnt while it lasts: times count from its end. */
  readonly blinds?: true
}

const dockerFaults: readonly DockerFault[] = [
  { fault: 'no fault, for comparison', mischief: {} },
  { fault: 'Docker’s API responds 3 s late', mischief: { late: 3000 } },
  {
    fault: 'Docker’s API does not respond for 25 s',
    mischief: { silent: true },
    lasts: 25_000,
    blinds: true,
  },
  {
    fault: 'Docker’s API resets each response in the middle for 20 s',
    mischief: { cut: true },
    lasts: 20_000,
    blinds: true,
  },
  {
    fault: 'each of Docker’s lists omits half of the containers at random',
    mischief: { halved: true },
    // there is a whole list each half minute
    lasts: 31_000,
  },
  { fault: 'Docker’s events are lost', mischief: { events: 'lost' } },
  {
    fault: 'Docker’s events are duplicated and reordered',
    mischief: { events: 'doubled, disordered' },
  },
]

/** To this container nothing happens. */
const bystander = 'bystander'

export async function docker(): Promise<readonly Row[]> {
  return [
    ...(await onHost(['--live-restore'], async (host) => [
      ...(await inTurn(dockerFaults, (fault) => endure(host, fault))),
      await startBlind(host),
      await dieBeside(host),
    ])),
    ...(await onHost([], async (host) => [await dieWith(host)])),
  ]
}

async function onHost(
  engineFlags: readonly string[],
  happen: (host: Host) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'faults-docker-'))
  const node = await startDocker({ product: false, engineFlags })
  try {
    await using proxy = await startDockerProxy(node.socket, join(folder, 'docker.sock'))
    await startAgent(node, folder)
    await startApplication(node, bystander)
    await answers(node, bystander, 'live')
    const rows = await happen({ node, proxy })
    await refuseCountedErrors('the agent', node.url(''))
    return rows
  } finally {
    await node.stop()
    rmSync(folder, { recursive: true })
  }
}

async function startAgent(node: Docker, folder: string): Promise<void> {
  await node.docker('network', 'create', 'apps')
  const mounts = [`${folder}:/proxy`, ...agentFolders.map((path) => `${path}:${path}:ro`)]
  const environment = {
    ...imageEnvironment(),
    DOCKER_HOST: 'unix:///proxy/docker.sock',
    SCRAPE_INTERVAL: String(interval),
  }
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  buildAgent()
  await node.docker(
    ...['run', '--detach', '--name', 'agent', '--network', 'apps', '--publish', '2137:2137'],
    ...['--restart', 'always', '--workdir', process.cwd()],
    ...mounts.flatMap((mount) => ['--volume', mount]),
    ...variables.flatMap((variable) => ['--env', variable]),
    ...[appImage, process.execPath, ...imageFlags(), `--max-old-space-size=${memory}`, 'dist/main.js'],
  )
}

/** Its page has its name, so that another's is recognised. */
function startApplication(node: Docker, name: string): Promise<string> {
  const names = ['--name', name, '--hostname', name]
  return node.docker('run', '--detach', '--restart', 'always', '--network', 'apps', ...names, appImage)
}

async function inTurn<T>(all: readonly T[], work: (one: T) => Promise<Row>): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const one of all) rows.push(await work(one))
  return rows
}

async function endure(
  { node, proxy }: Host,
  { fault, mischief, lasts = 0, blinds }: DockerFault,
): Promise<Row> {
  await prepare(node)
  const found = await besideBystander(node, async () => {
    proxy.become(mischief)
    const over = pause(lasts)
    const end = blinds ? over.then(() => proxy.become({})) : undefined
    const seen = await changes(node, end)
    await over
    return blinds ? `afterwards ${seen}` : seen
  })
  proxy.become({})
  await node.docker('rm', '--force', 'added', 'restarted')
  return { fault, found }
}

/** Those to which something will happen. */
async function prepare(node: Docker): Promise<void> {
  for (const name of ['removed', 'restarted']) {
    await startApplication(node, name)
    await answers(node, name, 'live')
  }
}

/** How soon it is known that a container is there, is there again, and isn't any more: after that, or after `end`. */
async function changes(node: Docker, end?: Promise<void>): Promise<string> {
  const seen = async (act: Promise<unknown>, name: string, answer: Answer) => {
    await act
    await end
    return seconds(await answers(node, name, answer))
  }
  const [found, again, gone] = await Promise.all([
    seen(startApplication(node, 'added'), 'added', 'live'),
    seen(node.docker('restart', '--time', '0', 'restarted'), 'restarted', 'live'),
    seen(node.docker('rm', '--force', 'removed'), 'removed', 'unknown'),
  ])
  return `a new container is served after ${found}, a restarted one after ${again}, a removed one unknown after ${gone}`
}

async function startBlind({ node, proxy }: Host): Promise<Row> {
  proxy.become({ silent: true })
  await node.docker('restart', '--time', '1', 'agent')
  const pending = await answers(node, bystander, 'not ready')
  proxy.become({})
  const live = seconds(await answers(node, bystander, 'live'))
  return {
    fault: 'an agent starts while Docker’s API does not respond',
    found: `503 after ${seconds(pending)}, when the first attempt has failed; live ${live} after the fault’s end`,
  }
}

async function dieBeside({ node }: Host): Promise<Row> {
  const found = await besideBystander(node, async () => {
    await node.haltDocker('KILL')
    await pause(5000)
    await node.startDocker()
    await prepare(node)
    return `afterwards ${await changes(node)}`
  })
  return { fault: 'Docker is killed and started after 5 s, with live-restore', found }
}

async function dieWith({ node }: Host): Promise<Row> {
  await node.haltDocker('KILL')
  await node.startDocker()
  const live = seconds(await answers(node, bystander, 'live'))
  return {
    fault: 'Docker is killed and started without live-restore, which stops all containers and the agent',
    found: `live ${live} after Docker responds again`,
  }
}

type Answer = 'live' | 'unknown' | 'failed' | 'not ready' | 'another’s' | 'nothing'

async function ask(node: Docker, name: string): Promise<Answer> {
  try {
    const response = await fetch(node.url(`/${name}/metrics`))
    const text = await response.text()
    if (response.status === 404) return 'unknown'
    if (response.status === 503) return 'not ready'
    if (response.status !== 200) return 'failed'
    return text.includes(`host="${name}"`) ? 'live' : 'another’s'
  } catch {
    return 'nothing'
  }
}

/** Milliseconds until it does. */
async function answers(node: Docker, name: string, answer: Answer): Promise<number> {
  const began = performance.now()
  await until(`${name} ${answer}`, async () => (await ask(node, name)) === answer, { within: 90_000 })
  return performance.now() - began
}

async function besideBystander(node: Docker, happen: () => Promise<string>): Promise<string> {
  const done = new AbortController()
  const beside = watch(node, done.signal)
  const found = await happen().finally(() => done.abort())
  return `${found}; ${await beside}`
}

async function watch(node: Docker, signal: AbortSignal): Promise<string> {
  let [requests, failed] = [0, 0]
  for (; !signal.aborted; requests += 1) {
    if ((await ask(node, bystander)) !== 'live') failed += 1
    await pause(200)
  }
  return liveOf(requests - failed, requests, 'another container')
}
