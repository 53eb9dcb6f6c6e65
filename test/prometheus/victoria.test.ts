// vmagent, vmalert and VictoriaMetrics, called as docs/PROMETHEUS.md does, beside Prometheus.

import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { aggregations, functions, type Signature } from '../../src/promql/functions.ts'
import { templateProblem } from '../../src/promql/template.ts'
import { type CorpusPage, corpus } from '../exposition/corpus/corpus.ts'
import { entry, type Known, service, swarmState, target, task } from '../helpers/cluster.ts'
import { until } from '../helpers/until.ts'
import { startAgentProcess } from './parts/agent-process.ts'
import { startAgents, startApplication } from './parts/agents.ts'
import { nodesAt, type Responder, startResponder } from './parts/cluster.ts'
import { startCollecting } from './parts/collect.ts'
import { type Exporter, startExporters } from './parts/exporters.ts'
import {
  readAll,
  refusedBy242,
  type Seen,
  scrapeConfig,
  seenBy,
  serveCorpus,
  verdict,
  watched,
} from './parts/exposition.ts'
import { apiOf, type Prometheus, startAlertmanager, startPrometheus } from './parts/prometheus.ts'
import { releases } from './parts/releases.ts'
import { started } from './parts/started.ts'
import { documentedFlags, dryRun, startVictoria } from './parts/victoria.ts'
import { startWebhook } from './parts/webhook.ts'

const current = releases.at(-1)!

/** A Prometheus that scrapes nothing and takes what vmagent sends. */
const startReceiver = async () =>
  started(await startPrometheus('{}', { release: current, flags: ['--web.enable-remote-write-receiver'] }))

/** vmagent with its documented flags and this configuration. */
async function startVmagent(config: string, receiver: string) {
  const prepare = async (folder: string) => {
    const file = join(folder, 'vmagent.yml')
    await writeFile(file, config)
    const moved = {
      'vmagent.yml': file,
      'CheckInterval=30s': 'CheckInterval=1s',
      'http://localhost:8428': receiver,
    }
    return [...documentedFlags('vmagent', moved), `-remoteWrite.tmpDataPath=${join(folder, 'data')}`]
  }
  const program = started(await startVictoria('vmagent', prepare))
  return { ...program, ...apiOf(async (path) => (await fetch(program.url + path)).text()) }
}

/** deploy/prometheus/vmagent.yml with other addresses, each second. */
const configuration = (prod: string, dev: string) =>
  readFileSync('deploy/prometheus/vmagent.yml', 'utf8')
    .replace('http://prod.example.org:2137', prod)
    .replace('http://dev.example.org:2137', dev)
    .replace('scrape_interval: 15s', 'scrape_interval: 1s')

describe('vmagent', () => {
  test('has the same targets, labels, `up` and series as Prometheus, through the list of each cluster', async () => {
    const exporters = started(await startExporters()).all
    const failing = started(await startApplication())
    const named = ({ name, url }: Exporter) => `${name}=${url}`
    const prod = await startAgents('prod', [
      exporters.slice(0, 4).map(named),
      [...exporters.slice(4).map(named), `failing=${failing.url}`],
    ])
    prod.forEach(started)
    const [dev] = (await startAgents('dev', [[`other=${failing.url}`]])).map(started)
    const receiver = await startReceiver()
    await startVmagent(configuration(prod[0]!.url, dev!.url), receiver.url)
    const jobs = Object.entries({ prod: prod[1]!.url, dev: dev!.url }).map(([name, url]) => ({
      job_name: name,
      http_sd_configs: [{ url: `${url}/sd`, refresh_interval: '1s' }],
    }))
    const global = { scrape_interval: '1s', scrape_timeout: '1s' }
    const prometheus = started(
      await startPrometheus(JSON.stringify({ global, scrape_configs: jobs }), { release: current }),
    )

    const count = exporters.length + 2 + 3
    await until(
      'each target to be up in Prometheus',
      async () => (await upIn(prometheus, 1)).length === count,
    )
    await until('the same in vmagent', () => isSame(upIn(receiver), upIn(prometheus)))
    for (const { name } of exporters)
      await until(`the same series of ${name}`, async () => {
        const own = await seriesIn(prometheus, name)
        expect(own.length).toBeGreaterThan(8)
        expect(await seriesIn(receiver, name)).toEqual(own)
        return true
      })
    failing.well = false
    await until('two to be down in Prometheus', async () => (await upIn(prometheus, 0)).length === 2)
    await until('the same in vmagent', () => isSame(upIn(receiver), upIn(prometheus)))
  })

  /** For a client that doesn't accept these, they are escaped. */
  function hasQuotedNames(page: CorpusPage): boolean {
    const found = verdict(page)
    const body = Buffer.from((found.ok && found.normalized) || page.body)
    return refusedBy242({ ...page, body }) === 'names in quotes'
  }
  const namesIn = ({ series }: Seen) =>
    [...series.keys()].flatMap((key) =>
      (JSON.parse(key) as [string, string][]).map(([name, value]) => (name === '__name__' ? value : name)),
    )

  const isSame = async (one: Promise<unknown>, other: Promise<unknown>) => {
    expect(await one).toEqual(await other)
    return true
  }
  const upIn = async ({ query }: Prometheus, value?: number) =>
    (await query(value === undefined ? 'up' : `up == ${value}`))
      .map((sample) => JSON.stringify([Object.entries(sample.labels).sort(), sample.value]))
      .toSorted()

  /** Of an exporter, without what only vmagent adds to each scrape, and numbers in labels as Prometheus writes them. */
  async function seriesIn({ query }: Prometheus, job: string): Promise<readonly string[]> {
    const own = /^scrape_(response_size_bytes|timeout_seconds)$/
    const found = (await query(`{job="${job}"}`)).filter(({ labels }) => !own.test(labels.__name__!))
    const isNumber = (name: string, value: string) => /^(le|quantile)$/.test(name) && /^\d+$/.test(value)
    return found
      .map(({ labels }) =>
        Object.entries(labels)
          .map(([name, value]) => `${name}=${isNumber(name, value) ? `${value}.0` : value}`)
          .toSorted()
          .join(),
      )
      .toSorted()
  }

  test('has the same series of a page in text as directly, and understands what we convert to text for it', async () => {
    const pages = corpus()
    const served = await serveCorpus(pages)
    started({ stop: async () => served.stop() })
    const agent = started(await startAgentProcess(watched(pages, served.address)))
    await readAll(pages, agent.url)
    served.change()
    const receiver = await startReceiver()
    await startVmagent(scrapeConfig(pages, served.address, agent.address, ['direct', 'proxy']), receiver.url)
    const isScraped = async () => (await receiver.query('up')).length === 2 * pages.length
    await until('each page to be scraped', isScraped, { within: 60_000, every: 1000 })

    const numbers = pages.map((_, at) => at)
    const invalid = numbers.filter((at) => !verdict(pages[at]!).ok)
    const valid = numbers.filter((at) => verdict(pages[at]!).ok)
    const isUnchanged = (at: number) => !pages[at]!.openMetrics && !hasQuotedNames(pages[at]!)
    const [unchanged, converted] = [valid.filter(isUnchanged), valid.filter((at) => !isUnchanged(at))]
    expect([invalid, unchanged, converted].map(({ length }) => length > 100)).toEqual([true, true, true])
    await until('the same series', async () => {
      const [direct, proxy] = await Promise.all(
        ['direct', 'proxy'].map((way) => seenBy(receiver.url, `{way="${way}"}`, 'page')),
      )
      const namesOf = (found: readonly number[]) => found.map((at) => pages[at]!.name)
      const isUp = (at: number) => proxy!.get(`${at}`)!.up
      expect(namesOf(numbers.filter((at) => isUp(at) !== verdict(pages[at]!).ok))).toEqual([])
      const seriesOf = (seen: typeof direct, at: number) => [...seen!.get(`${at}`)!.series].toSorted()
      for (const at of converted)
        expect(namesIn(proxy!.get(`${at}`)!).filter((name) => !/^[a-zA-Z_:][\w:]*$/.test(name))).toEqual([])
      for (const at of unchanged)
        expect([pages[at]!.name, seriesOf(proxy, at)]).toEqual([pages[at]!.name, seriesOf(direct, at)])
      return true
    })
  })

  test('asks for each target as the list says, and keeps its targets while the list fails', async () => {
    const agent = started(await startResponder('prod'))
    const labels = { 'app-metrics-proxy.label.team': 'web', 'app-metrics-proxy.param.module': 'a&b' }
    const off = { 'app-metrics-proxy.label.team': 'none', monitoring: 'off' }
    agent.learn({
      nodes: nodesAt(agent.address),
      entries: [
        entry(task('demo_web', '1', { labels })),
        entry(target('odd name', { labels: { 'app-metrics-proxy.port.2': '9113' } })),
        entry(task('demo_off', '1')),
      ],
      swarmState: swarmState([service('demo_web'), service('demo_off', { labels: off })]),
    })
    const vmagent = await startVmagent(
      configuration('http://127.0.0.1:9', agent.url),
      (await startReceiver()).url,
    )
    const instances = async () => {
      const { active } = await vmagent.targets()
      return active.map(({ labels, health }) => `${labels.instance} ${health}`).toSorted()
    }
    const odd = ['odd name@node1 up', 'odd name@node1:9113 up']
    const all = ['app-metrics-proxy@node1 up', 'demo_web.1 up', ...odd, 'swarm up']
    await until('all but the one that is dropped', () => isSame(instances(), Promise.resolve(all)))
    expect(agent.requested).toEqual(
      new Set([
        ...['/demo_web/1/metrics?module=a&b', '/metrics', '/-/swarm'],
        ...['/odd name/node1/metrics', '/odd name/node1/metrics?endpoint=2'],
      ]),
    )
    const { active } = await vmagent.targets()
    expect(active.find(({ labels }) => labels.service === 'demo_web')!.labels).toEqual({
      job: 'demo_web',
      instance: 'demo_web.1',
      service: 'demo_web',
      stack: 'demo',
      slot: '1',
      cluster: 'prod',
      team: 'web',
    })

    agent.awaited = ['the first probe of each container']
    agent.learn({ nodes: nodesAt(agent.address) })
    const failures = () => vmagent.printed().split('/sd').length
    const before = failures()
    await until('the list to have failed twice', () => failures() > before + 2)
    expect(await instances()).toEqual(all)
  })
})

describe('vmalert', () => {
  const alerting = {
    'com.df.notify': 'true',
    'com.df.alertName': 'all-down',
    'com.df.alertIf': 'sum(up{job="shop_web"}) == 0',
    'com.df.alertLabels': 'severity=high',
    'com.df.alertAnnotations': 'summary=Too few, {{ $value }} are left',
  }
  const shop = ({ address }: Responder, labels: Record<string, string> = alerting): Known => ({
    nodes: nodesAt(address),
    entries: [entry(task('shop_web', '1'))],
    swarmState: swarmState([service('shop_web', { labels })]),
  })

  /** Storage, vmagent that fills it from both clusters, and Alertmanager. */
  async function startStorage(prod: Responder, dev: Responder) {
    const webhook = started(await startWebhook())
    const alertmanager = started(await startAlertmanager(webhook.url, { release: current }))
    const storage = started(
      await startVictoria('victoria-metrics', (folder) => [
        `-storageDataPath=${join(folder, 'data')}`,
        '-search.latencyOffset=0',
      ]),
    )
    await startVmagent(configuration(prod.url, dev.url), storage.url)
    const api = apiOf(async (path) => (await fetch(storage.url + path)).text())
    await until('both to be up', async () => (await api.query('up{job="shop_web"} == 1')).length === 2)
    return { storage, alertmanager, notices: webhook.notices }
  }

  /** With its documented flags, each second, and without delay. */
  async function startVmalert(rule: string, storage: string, alertmanager: string) {
    const moved = {
      'http://prod.example.org:2137/rules': rule,
      '=30s': '=1s',
      '=15s': '=1s',
      'http://localhost:8428': storage,
      'http://localhost:9093': alertmanager,
    }
    const flags = [...documentedFlags('vmalert', moved), '-rule.evalDelay=0']
    const program = started(await startVictoria('vmalert', () => flags))
    return { ...program, ...apiOf(async (path) => (await fetch(program.url + path)).text()) }
  }

  test('loads the rules of a cluster, fires to Alertmanager and resolves, and follows their changes', async () => {
    let well = true
    const prod = started(await startResponder('prod', () => (well ? 'x 1\n' : undefined)))
    const dev = started(await startResponder('dev', () => (well ? 'x 1\n' : undefined)))
    for (const cluster of [prod, dev]) cluster.learn(shop(cluster))
    const { storage, alertmanager, notices } = await startStorage(prod, dev)
    const vmalert = await startVmalert(`${prod.url}/rules`, storage.url, alertmanager.url)
    await until('its rule', async () => (await vmalert.rules()).join() === 'shop_web_alldown')

    well = false
    const fired = await until('the alert', () => notices.find(({ status }) => status === 'firing'))
    expect(fired.labels).toMatchObject({
      alertname: 'shop_web_alldown',
      cluster: 'prod',
      service: 'shop_web',
      severity: 'high',
    })
    expect(fired.annotations).toEqual({ summary: 'Too few, 0 are left' })
    well = true
    await until('its end', () => notices.find(({ status }) => status === 'resolved'))

    prod.awaited = ['what the other agents have']
    prod.learn({ nodes: nodesAt(prod.address) })
    const failures = () => vmalert.printed().split(`${prod.url}/rules`).length
    const before = failures()
    await until('the rules to have failed twice', () => failures() > before + 1)
    expect(await vmalert.rules()).toEqual(['shop_web_alldown'])
    prod.awaited = []
    prod.learn(shop(prod, { ...alerting, 'com.df.alertName': 'renamed' }))
    await until('the new rule', async () => (await vmalert.rules()).join() === 'shop_web_renamed')
  })

  test('has expressions that are limited to their cluster from the command that brings rules', async () => {
    let well = true
    const prod = started(await startResponder('prod'))
    const dev = started(await startResponder('dev', () => (well ? 'x 1\n' : undefined)))
    for (const cluster of [prod, dev]) cluster.learn(shop(cluster))
    const { storage, alertmanager, notices } = await startStorage(prod, dev)
    const folder = await scratch()
    const written = () => readdirSync(folder).filter((name) => name.endsWith('.yml')).length === 2
    const from = [`prod=${prod.url}`, `dev=${dev.url}`]
    const first = startCollecting(from, folder, { url: storage.url })
    await until('both files', written)
    await first.stop()
    const vmalert = await startVmalert(`${folder}/*.yml`, storage.url, alertmanager.url)
    started(startCollecting(from, folder, vmalert))
    await until('the rules of both', async () => (await vmalert.rules()).length === 2)

    well = false
    await until('the alert', () => notices.find(({ status }) => status === 'firing'))
    well = true
    await until('its end', () => notices.find(({ status }) => status === 'resolved'))
    expect(notices.filter(({ labels }) => labels.cluster !== 'dev')).toEqual([])
    dev.learn({ nodes: nodesAt(dev.address), swarmState: swarmState([]) })
    await until('its rule to go', async () => (await vmalert.rules()).length === 1)
  })

  const missing = ['histogram_count', 'histogram_sum']
  const all = [...functions, ...aggregations]
  /** A call with arguments of its types; of a scalar's result an alert needs a vector. */
  function callOf([name, { takes, min, returns }]: readonly [string, Signature]): string {
    const values = { scalar: '0.5', vector: 'x', matrix: 'x[5m]', text: '"a"' }
    const call = `${name}(${takes
      .slice(0, min)
      .map((type) => values[type])
      .join()})`
    return returns === 'scalar' ? `vector(${call})` : call
  }

  test('knows each function of expressions that we accept', async () => {
    const known = all.filter(([name]) => !missing.includes(name))
    expect(await dryRun(known.map((one) => ({ expr: callOf(one) })))).toBe('')
  })

  test.each(missing)('but %s', async (name) => {
    const rules = [{ expr: 'up == 0' }, { expr: callOf([name, functions.get(name)!]) }]
    expect(await dryRun(rules)).toContain(`unsupported function "${name}"`)
  })

  test('knows each function of templates that we accept', async () => {
    const queries = ['first | value', 'first | strvalue', 'first | label "a"', 'sortByLabel "a" | len']
    const words = [
      'html',
      'js',
      'len',
      'print',
      'printf',
      'println',
      'stripPort',
      'title',
      'toLower',
      'toUpper',
    ]
    const numbers = ['', '1024', 'Duration', 'Percentage', 'Timestamp'].map(
      (kind) => `$value | humanize${kind}`,
    )
    const others = ['and 1 1', 'or 1 1', 'not true', 'index $labels "a"', 'match "a" "b"', '$externalURL']
    const compared = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'].map((name) => `${name} $value 1.0`)
    const texts = [
      ...[...queries.map((rest) => `query "up" | ${rest}`), ...numbers, ...others, ...compared],
      ...[...words, 'urlquery'].map((name) => `${name} "a"`),
      ...['reReplaceAll "a" "b" "c"', '$externalLabels.a', '$labels.a', '.Value', '.Labels.a'],
      ...['if $value }}a{{ else }}b{{ end', 'with $value }}a{{ end', 'range query "up" }}{{ .Value }}{{ end'],
    ].map((text) => `{{ ${text} }}`)
    expect(texts.filter((text) => templateProblem(text) !== undefined)).toEqual([])
    expect(await dryRun(texts.map((summary) => ({ expr: 'up == 0', annotations: { summary } })))).toBe('')
  })
})

/** A folder that is gone after the test. */
async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'victoria-'))
  started({ stop: () => rm(folder, { recursive: true }) })
  return folder
}
