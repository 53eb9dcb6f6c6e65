// One real Docker host: the product's own image finds real containers, and what happens to them is reported.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { scaled } from '../helpers/limits.ts'
import { differences, parsePage } from '../helpers/oracle.ts'
import { until } from '../helpers/until.ts'
import { askDirectly } from './exporters/direct.ts'
import { type Answer, ask, sampleOf } from './harness/ask.ts'
import { appImage, nodeExporterImage } from './harness/images.ts'
import { type Docker, startDocker, unlessMissing } from './harness/lab.ts'
import { productImage } from './harness/product.ts'

let node: Docker
const get = (path: string) => ask(node.url(path))
const statusOf = async (path: string) => (await get(path)).status
const answers = (path: string, status: number, within = 10_000) =>
  until(`${path} to answer ${status}`, async () => (await statusOf(path)) === status, { within })

/** Starts a container on the network that the agent shares, for all tests. */
const run = (name: string, flags: readonly string[], ...image: string[]) =>
  node.docker('run', '--detach', '--name', name, '--network', 'apps', ...flags, ...image)
/** For one test: it is gone when that ends. */
function start(name: string, flags: readonly string[], ...image: string[]) {
  onTestFinished(() => remove(name))
  return run(name, flags, ...image)
}
const app = (name: string, ...listeners: string[]) => start(name, [], appImage, 'app', ...listeners)
async function remove(name: string): Promise<void> {
  await node.docker('rm', '--force', name).catch(unlessMissing)
}

const hardening = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--pids-limit',
  '100',
]
/**
 * An engine without systemd makes its socket anew at each start, and the mount of a file would show the old
 * one for ever: the folder is mounted, which comes to what systemd's lasting socket does.
 */
const socket = ['--volume', '/run:/host:ro', '--env', 'DOCKER_HOST=unix:///host/docker.sock']

beforeAll(async () => {
  // With live-restore containers outlive their engine, so that the agent's own reaction to its loss is seen.
  node = await startDocker({ engineFlags: ['--live-restore'] })
  await node.docker('network', 'create', 'apps')
  await run('agent', ['--publish', '2137:2137', ...socket, ...hardening], productImage)
  await run('web', [], appImage, 'app', '8080=metrics')
  await answers('/web/metrics', 200)
})
afterAll(() => node?.stop())

describe('what it finds', () => {
  test('node_exporter, with the numbers of now', async () => {
    await start('exporter', [], nodeExporterImage)
    await answers('/exporter/metrics', 200)
    const seconds = () => Date.now() / 1000
    const timeIn = ({ text }: Answer) => sampleOf(text, 'node_time_seconds')!
    const first = timeIn(await get('/exporter/metrics'))
    await until('the first numbers to be old', () => seconds() - first > 0.5)
    const requestedAt = seconds()
    const answer = await get('/exporter/metrics')
    expect(timeIn(answer)).toBeGreaterThan(requestedAt - 0.2)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=/)
    await remove('exporter')
    await answers('/exporter/metrics', 404)
  })

  test('each of two exporters in one container, with what the container itself answers there', async () => {
    const ports = [9100, 9200, 9300].map(
      (port, at) => `app-metrics-proxy.port${['', '.2', '.3'][at]}=${port}`,
    )
    const only = (collector: string) => ['--collector.disable-defaults', `--collector.${collector}`]
    const labels = ports.flatMap((label) => ['--label', label])
    await start('double', labels, nodeExporterImage, ...only('uname'))
    const second = ['/bin/node_exporter', '--web.listen-address=:9200', ...only('entropy')]
    await node.docker('exec', '--detach', 'double', ...second)
    const pages = [
      ['/double/metrics', 9100, 'node_uname_info{'],
      ['/double/metrics?endpoint=2', 9200, 'node_entropy_pool_size_bits '],
    ] as const
    for (const [path, port, series] of pages) {
      await answers(path, 200, 30_000)
      const direct = () => askDirectly({ node, id: 'double', name: 'double', port }, 'text/plain')
      const contentOf = async ({ body }: { readonly body: Buffer }) => parsePage(body.toString())
      const before = await contentOf(await direct())
      const { text } = await get(path)
      const after = await contentOf(await direct())
      expect(differences(parsePage(text), before, after)).toEqual(new Map())
      expect(
        pages.filter(([, , one]) => text.includes(`\n${one}`)).map(([one]) => one),
        series,
      ).toEqual([path])
    }
    const { status, text } = await get('/double/metrics?endpoint=3')
    expect([status, text]).toEqual([
      502,
      expect.stringMatching(/port 9300 is closed.*app-metrics-proxy\.port\.3/s),
    ])
    const listed = JSON.parse((await get('/sd')).text) as { labels: Record<string, string> }[]
    const own = listed.map(({ labels }) => labels).filter(({ service }) => service === 'double')
    expect(
      own.map(({ instance, __param_endpoint }) => [
        instance!.split('@')[0],
        instance!.split(':')[1],
        __param_endpoint,
      ]),
    ).toEqual([
      ['double', undefined, undefined],
      ['double', '9200', '2'],
      ['double', '9300', '3'],
    ])
    const { text: metrics } = await get('/metrics')
    expect(metrics.match(/^app_metrics_proxy_container_info\{container="double"/gm)).toHaveLength(1)
  })

  test('the chat server of the first tutorials, as Prometheus 3 takes it', async () => {
    await app('chat', '8080=chat')
    await answers('/chat/metrics', 200)
    const { text, headers } = await get('/chat/metrics')
    expect(text.trimEnd()).toBe('connections 3\nerror_count 0')
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  })

  test('metrics behind an application page that says 200 to everything', async () => {
    // the page is looked at first, and would be taken for metrics before there are any
    await start('shop', [], appImage, 'sh', '-c', 'app 80=html & sleep 2; exec app 8080=metrics')
    await answers('/shop/metrics', 200)
    expect((await get('/shop/metrics')).text).toContain('app_seconds_total')
  })

  test('that a page for people is no metrics', async () => {
    await app('blog', '80=html')
    await until('a verdict', async () => /port 80 /.test((await get('/blog/metrics')).text))
    expect(await statusOf('/blog/metrics')).toBe(404)
  })

  test('a port that is opened late', async () => {
    await start('late', [], appImage, 'sh', '-c', 'sleep 20; exec app 9100=metrics')
    expect(await statusOf('/late/metrics')).not.toBe(200)
    await answers('/late/metrics', 200, 60_000)
  })

  test('what labels say', async () => {
    const labels = ['--label', 'prometheus.io/port=7000', '--label', 'prometheus.io/path=/here']
    await start('labelled', [...labels, '--env', 'APP_PATH=/here'], appImage, 'app', '7000=metrics')
    await start('private', ['--label', 'app-metrics-proxy.enable=false'], appImage, 'app', '8080=metrics')
    await answers('/labelled/metrics', 200)
    await answers('/private/metrics', 404)
  })
})

describe('what befalls a container', () => {
  test('renamed: it has its new name at once, and no longer the old one', async () => {
    onTestFinished(async () => {
      await node.docker('rename', 'site', 'web').catch(unlessMissing)
    })
    await node.docker('rename', 'web', 'site')
    await answers('/site/metrics', 200)
    await answers('/web/metrics', 404)
    await node.docker('rename', 'site', 'web')
    await answers('/web/metrics', 200)
  })

  test('restarted: it is served again', async () => {
    await node.docker('restart', '--time', '1', 'web')
    await answers('/web/metrics', 200)
  })

  test('paused: that is said, and nothing old is served', async () => {
    onTestFinished(async () => {
      if ((await node.docker('inspect', '--format', '{{.State.Paused}}', 'web')) === 'true')
        await node.docker('unpause', 'web')
    })
    await node.docker('pause', 'web')
    await answers('/web/metrics', 502)
    expect((await get('/web/metrics')).text).toMatch(/paused/)
    await node.docker('unpause', 'web')
    await answers('/web/metrics', 200)
  })

  test('on a network that the agent is not on: that is said', async () => {
    onTestFinished(async () => {
      await remove('far')
      await node.docker('network', 'rm', 'elsewhere')
    })
    await node.docker('network', 'create', 'elsewhere')
    const flags = ['--detach', '--name', 'far', '--network', 'elsewhere']
    await node.docker('run', ...flags, appImage, 'app', '8080=metrics')
    await answers('/far/metrics', 502)
    expect((await get('/far/metrics')).text).toMatch(/network/)
    await node.docker('network', 'connect', 'apps', 'far')
    await answers('/far/metrics', 200)
  })

  test('hung: its neighbours are on time', async () => {
    const names = Array.from({ length: 8 }, (_, at) => `hung${at}`)
    const hangs = [
      'nc -ll -p 8080 -e /app/metrics &',
      'until [ -e /tmp/hang ]; do sleep 0.1; done',
      // the port is free only once the listener has ended, and whoever it was answering
      'kill $!; wait $!; until app 8080=silent; do sleep 0.1; done',
    ].join('\n')
    await Promise.all(names.map((name) => start(name, [], appImage, 'sh', '-c', hangs)))
    for (const name of names) await answers(`/${name}/metrics`, 200)
    await Promise.all(names.map((name) => node.docker('exec', name, 'touch', '/tmp/hang')))
    const hurried = async (name: string) =>
      (await ask(node.url(`/${name}/metrics`), { 'x-prometheus-scrape-timeout-seconds': '2' })).status
    await Promise.all(
      names.map((name) => until(`${name} to hang`, async () => (await hurried(name)) === 504)),
    )
    const waiting = Promise.all(names.map(hurried))
    const { status, durationMs } = await get('/web/metrics')
    expect(status).toBe(200)
    expect(durationMs).toBeLessThan(scaled(3000))
    expect(await waiting).not.toContain(200)
  })
})

describe('what befalls the agent', () => {
  test('Docker goes away: the last set stands, readiness says so, and it recovers by itself', async () => {
    await node.haltDocker('KILL')
    await answers('/-/ready', 503)
    expect(await statusOf('/web/metrics')).toBe(200)
    expect(await statusOf('/-/healthy')).toBe(200)
    await node.startDocker()
    await answers('/-/ready', 200, 30_000)
    await app('newcomer', '8080=metrics')
    await answers('/newcomer/metrics', 200)
  })

  test('SIGTERM: requests in flight are answered, and it ends cleanly', async () => {
    onTestFinished(async () => {
      await node.docker('start', 'agent')
      await answers('/-/ready', 200)
    })
    await start('slow', ['--env', 'APP_SLOW=1'], appImage, 'app', '8080=metrics')
    await answers('/slow/metrics', 200)
    const inFlight = await until('a request to be under way', requestUnderWay)
    const began = performance.now()
    await node.docker('stop', '--time', '10', 'agent')
    console.log(`SIGTERM to end, a request of 1 s in flight: ${Math.round(performance.now() - began)} ms`)
    expect((await inFlight.answer).status).toBe(200)
    expect(await node.docker('inspect', '--format', '{{.State.ExitCode}}', 'agent')).toBe('0')
  })
})

test('it ends soon and cleanly while names can’t be looked up', async () => {
  const env = [
    'SSHPASS=for this test only',
    'TARGETS=none=http://127.0.0.1:1/',
    'PEERS=elsewhere.example:2140',
  ]
  const flags = ['--dns', '203.0.113.1', ...env.flatMap((one) => ['--env', one])]
  await start('seeker', flags, productImage)
  await until('it to look the name up', async () => /listening/.test(await node.docker('logs', 'seeker')))
  const began = performance.now()
  await node.docker('stop', '--time', '10', 'seeker')
  console.log(`SIGTERM to end without DNS: ${Math.round(performance.now() - began)} ms`)
  expect(await node.docker('inspect', '--format', '{{.State.ExitCode}}', 'seeker')).toBe('0')
})

/** A request that the container is at work on; nothing where it was answered before that could be seen. */
async function requestUnderWay(): Promise<{ readonly answer: Promise<Answer> } | undefined> {
  let answered = false
  const answer = get('/slow/metrics').finally(() => {
    answered = true
  })
  answer.catch(() => {})
  while (!answered) if (/sleep/.test(await node.docker('top', 'slow')) && !answered) return { answer }
  return undefined
}

test('where there is no IPv6, switched off or not known at all, agents listen on IPv4 and sync', async () => {
  // as where the kernel was started without it
  const unknown = {
    names: ['socket'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: constants.errno.EAFNOSUPPORT,
    args: [{ index: 0, value: 10, op: 'SCMP_CMP_EQ' }],
  }
  const folder = await mkdtemp(join(tmpdir(), 'no-ipv6-'))
  const profile = join(folder, 'seccomp.json')
  await writeFile(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [unknown] }))
  const settings = (targets: string) => ['--env', 'SSHPASS=for this test only', '--env', `TARGETS=${targets}`]
  const called = ['--security-opt', `seccomp=${profile}`, '--publish', '2138:2137']
  const switchedOff = ['--sysctl', 'net.ipv6.conf.all.disable_ipv6=1']
  const caller = [...switchedOff, '--env', 'PEERS=called:2140', '--publish', '2139:2137']
  try {
    await start('called', [...settings('none=http://127.0.0.1:1/'), ...called], productImage)
    await start('caller', [...settings('page=http://web:8080/metrics'), ...caller], productImage)
    for (const port of [2138, 2139])
      await until(
        `the page of the caller at ${port}`,
        async () => (await ask(node.url('/page/metrics', port))).status === 200,
      )
  } finally {
    await rm(folder, { recursive: true })
  }
})

describe('with little memory', () => {
  const count = 32
  /** Each is kept in the form that was requested: together far more than the agent may take. */
  const forms = ['text/plain;version=0.0.4', 'application/openmetrics-text;version=1.0.0'].concat(
    ['underscores', 'dots', 'values'].flatMap((escaping) => [
      `text/plain;version=1.0.0;escaping=${escaping}`,
      `application/openmetrics-text;version=1.0.0;escaping=${escaping}`,
    ]),
  )
  /** Pages of 800 KB that can hardly be packed, and one that counts its requests. */
  const pages = String.raw`
    const { createHash } = require('node:crypto')
    const line = (path, n) => 'big_' + n + '{v="' + createHash('sha512').update(path + n).digest('base64url') + '"} 1'
    const page = (path) => Array.from({ length: 8000 }, (_, n) => line(path, n)).join('\n') + '\n'
    const made = new Map()
    let requests = 0
    require('node:http').createServer({ keepAliveTimeout: 60000 }, ({ url }, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4')
      if (url === '/live') return response.end('requests ' + ++requests + '\n')
      if (!made.has(url)) made.set(url, page(url))
      response.end(made.get(url))
    }).listen(8080)`
  const small = (path: string, headers = {}) => ask(node.url(path, 2140), headers, scaled(60_000))
  const hasMemoryProblem = async () => {
    const { problems } = JSON.parse((await small('/health')).text)
    return problems.some(({ about }: { about: string }) => about === 'memory') as boolean
  }
  const liveCount = async () => sampleOf((await small('/live/metrics')).text, 'requests')!

  /** As the kernel counts them, under either version of cgroups. */
  async function oomKills(): Promise<string[]> {
    const id = await node.docker('inspect', '--format', '{{.Id}}', 'small')
    const find = `find /sys/fs/cgroup -path '*${id}/*' -name 'memory.[eo]*'`
    const text = await node.namespace()!.run('sh', ['-c', `cat $(${find})`])
    return [...text.matchAll(/^oom_kill (\d+)$/gm)].map(([, kills]) => kills!)
  }

  test('it serves all metrics in every form, goes on reading live, and is not killed', async () => {
    const names = Array.from({ length: count }, (_, n) => `big${n}`)
    const targets = [...names, 'live'].map((name) => `${name}=http://pages:8080/${name}`).join(' ')
    const hidden = ['--label', 'app-metrics-proxy.enable=false']
    await start('pages', [...hidden, '--entrypoint', '/bin/node'], productImage, '-e', pages)
    const limited = ['--memory', '192m', '--memory-swap', '192m', '--publish', '2140:2137']
    await start('small', [...hidden, ...limited, '--env', `TARGETS=${targets}`], productImage)
    await until('the last page', async () => (await small(`/${names.at(-1)}/metrics`)).status === 200, {
      within: 30_000,
    })

    const wrong: number[] = []
    let live = await liveCount()
    for (const accept of forms) {
      const left = names.values()
      const client = async () => {
        for (const name of left) {
          const { status } = await small(`/${name}/metrics`, { accept, 'accept-encoding': 'gzip' })
          if (status !== 200) wrong.push(status)
        }
      }
      await Promise.all([client(), client(), client(), client()])
      const next = await liveCount()
      expect(next).toBeGreaterThan(live)
      live = next
    }
    expect(wrong).toEqual([])
    await until('room again', async () => !(await hasMemoryProblem()), { within: 60_000 })
    expect(new Set(await oomKills())).toEqual(new Set(['0']))
    expect(await node.docker('inspect', '--format', '{{.State.OOMKilled}}', 'small')).toBe('false')
  })
})

describe('how soon, and at what cost', () => {
  test('a port is served soon after it opens, and gone soon after its container dies', async () => {
    const [served, gone]: [number[], number[]] = [[], []]
    for (const name of ['one', 'two', 'three', 'four', 'five']) {
      await start(name, [], appImage, 'sleep', 'infinity')
      await node.docker('exec', '--detach', name, 'app', '8080=metrics')
      served.push(await timeUntil(name, (status) => status === 200))
      const killing = node.docker('kill', name)
      gone.push(await timeUntil(name, (status) => status !== 200))
      await killing
    }
    console.log(`listening to served: ${listed(served)}; death to gone: ${listed(gone)}`)
    // The promise is one second each; an overloaded machine may take its time.
    expect(median(served)).toBeLessThan(scaled(3_000))
    expect(median(gone)).toBeLessThan(scaled(3_000))
  })

  test('an idle agent takes little memory', async () => {
    const pid = await node.docker('inspect', '--format', '{{.State.Pid}}', 'agent')
    const status = await node.namespace()!.run('cat', [`/proc/${pid}/status`])
    const rss = Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1024
    console.log(`resident memory of the agent: ${rss.toFixed(0)} MiB`)
    expect(rss).toBeLessThan(110)
  })
})

async function timeUntil(name: string, reached: (status: number) => boolean): Promise<number> {
  const began = performance.now()
  await until(`the state of ${name}`, async () => reached(await statusOf(`/${name}/metrics`)), { every: 20 })
  return performance.now() - began
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
const listed = (values: readonly number[]) => values.map((value) => `${Math.round(value)} ms`).join(', ')
