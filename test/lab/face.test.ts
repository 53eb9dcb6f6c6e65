// What people see of a real Swarm: the status page in a real browser, and the commands in the agent's own
// container. What is amiss must be seen without being looked for, with what to do.

import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { axeFindings, openBrowser, shownTargets, type Visit, visit } from '../browser/browser.ts'
import { scaled } from '../helpers/limits.ts'
import { until } from '../helpers/until.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { appImage } from './harness/images.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'

let cluster: Cluster
let nodes: readonly [Node, Node, Node]
let browser: Browser
let visited: Visit
let page: Page

const soon = { timeout: scaled(60_000) }
const metrics = ['app', '8080=metrics']
const brokenRule = ['com.df.notify=true', 'com.df.alertName=broken', 'com.df.alertIf=up ===']

/** The stack's label on the containers alone: `docker stack deploy` would put it there. */
const inStack = (stack: string) => ['--container-label', `com.docker.stack.namespace=${stack}`]

beforeAll(async () => {
  ;[cluster, browser] = await Promise.all([startCluster(3), openBrowser()])
  nodes = cluster.nodes as [Node, Node, Node]
  const labels = brokenRule.flatMap((label) => ['--label', label])
  await Promise.all([
    cluster.run('web', appImage, ['--replicas', '3', ...labels], metrics),
    cluster.run('website', appImage, [], ['app', '8080=html']),
    cluster.run('quiet', appImage, ['--container-label', 'app-metrics-proxy.enabled=false'], metrics),
    cluster.run('red_twin', appImage, inStack('red'), metrics),
    cluster.run('blue_twin', appImage, inStack('blue'), metrics),
    cluster.serve('apart', appImage, [], metrics),
  ])
  visited = await visit(browser, nodes[0].url('/'))
  page = visited.page
})
afterEach(() => nodes[2].heal())
afterAll(async () => {
  await visited?.[Symbol.asyncDispose]()
  await browser?.close()
  await cluster?.stop()
})

/** Once it is there, the text of what the page shows of a target. */
const rowOf = (title: string, state: string) =>
  page
    .waitForSelector(`.row.target[data-state="${state}"]:has(.name[aria-label="${title}"])`, soon)
    .then((row) => row.textContent())
const attention = (text: RegExp) => expect.poll(() => page.textContent('#attention'), soon).toMatch(text)
const linkOf = (node: Node, link: string) =>
  page.waitForSelector(`.node[data-link="${link}"]:has-text("${node.name}")`, soon)

describe('the page', () => {
  test('shows all replicas, wherever they run, and of what is not scraped why and how to fix it', async () => {
    for (const slot of [1, 2, 3]) expect(await rowOf(`web.${slot}`, 'up')).toMatch(/node\d.*:8080\/metrics/)
    expect(await rowOf('quiet.1', 'off')).toContain('app-metrics-proxy.enabled, container label')
    expect(await rowOf('website.1', 'unscraped')).toMatch(/port 8080 answered HTML.*PORTS/)
    for (const node of nodes.slice(1)) await linkOf(node, 'up')
    await attention(/web: com\.df\.alertIf \(service label\).*unexpected/)
    await attention(/apart\.1.*not on a network shared.*attach it to `monitor`/)
    await attention(/"twin" means more than one thing.*_twin\/metrics.*_twin\/metrics/)
    expect(await axeFindings(page)).toEqual([])
    expect((await shownTargets(page)).length).toBeGreaterThanOrEqual(11)
  })

  test('shows that a container dies, and the one that takes its place', async () => {
    const doomed = await cluster.containerOf('web.2')
    await doomed.node.docker('kill', doomed.id)
    await attention(/web\.2.*137/)
    await rowOf('web.2', 'up')
  })

  test('has given the browser nothing to complain of', () => {
    expect(visited.complaints).toEqual([])
  })
})

/** What a command says in the agent's own container, and with which exit code it ends. */
async function said(node: Node, ...args: readonly string[]): Promise<string> {
  const id = await until(`the agent on ${node.name}`, async () => {
    const found = await node.docker('ps', '--quiet', '--filter', 'name=^metrics_agent[.]')
    return found !== '' && found
  })
  return outcome(node.docker('exec', id, 'app-metrics-proxy', ...args))
}

/** The same in a container of its own, which is set up as these flags say. */
const saidAlone = (node: Node, flags: readonly string[], ...args: readonly string[]) =>
  outcome(node.docker('run', '--rm', ...flags, productImage, ...args))

const outcome = (run: Promise<string>) =>
  run.then(
    (text) => `0\n${text}`,
    ({ message }) => message.slice(message.indexOf(': ended with ') + ': ended with '.length),
  )

describe('in the agent’s container', () => {
  test('check finds all well, line by line', async () => {
    const { node } = await cluster.containerOf('web.1')
    const well = [
      /^ok +configuration: valid$/,
      /^ok +Docker: unix:\/\/\/var\/run\/docker\.sock lists \d+ containers$/,
      /^ok +Swarm: node\d is a (manager|worker) \(\w{25}\)$/,
      /^ok +agent: runs as a task of the service metrics_agent$/,
      /^ok +network: on .*monitor.*: reaches \d+ of \d+ running containers$/,
      /^ok +peers: found( 10\.137\.\d+\.\d+:2140,?){3}$/,
      ...[1, 2, 3].map(() => /^ok +peers: 10\.137\.\S+ answers and has the same secret$/),
      /^ok +port: an agent answers on 2137$/,
      /^ok +web: no authentication, no TLS: WEB_CONFIG_FILE is not set$/,
      /^ok +address: \d+\.\d+\.\d+\.\d+:2137 is advertised to Prometheus$/,
    ]
    // Swarm's DNS names an agent a while after its start
    const [code, ...lines] = await until(
      'check to find all agents',
      async () => {
        const lines = (await said(node, 'check')).split('\n')
        return lines.filter((line) => /^ok +peers: .* same secret$/.test(line)).length === 3 && lines
      },
      { within: 90_000, every: 1000 },
    )
    expect(code).toBe('0')
    const others = lines.filter((line) => !/^warning +network: apart|^ +To fix it: attach/.test(line))
    expect(others).toEqual(well.map((line) => expect.stringMatching(line)))
  })

  test('check reports a container that shares no network, with what to do', async () => {
    const { node } = await cluster.containerOf('apart.1')
    expect(await said(node, 'check')).toMatch(
      /^warning +network: apart\.1\.\w+: not on a network shared with the agent\n +To fix it: attach it to `monitor`/m,
    )
  })

  test('check reports a socket that is not mounted, with what to do', async () => {
    const text = await saidAlone(nodes[0], ['--env', 'SSHPASS=a secret of its own, long enough'], 'check')
    expect(text).toMatch(/^1\n/)
    expect(text).toMatch(/^error +Docker: .*no Docker socket at \/var\/run\/docker\.sock.*mount the socket/m)
  })

  test('the other commands know of the whole cluster', async () => {
    const [one] = nodes
    expect(await said(one, 'version')).toMatch(/^0\napp-metrics-proxy \d/)
    expect(await said(one, 'health')).toBe('0\n')
    const table = await said(one, 'targets')
    expect(table).toMatch(/^up +web\.1 +node\d +2 +\d+ ms +\d+ s +http:\/\/10\.137\.\S+:8080\/metrics$/m)
    expect(table).toMatch(/^unscraped +apart\.1 .*not on a network shared.*To fix it: attach it/m)
    expect(table).toMatch(/^error: web: com\.df\.alertIf .*To fix it: correct this label/m)
    expect(await said(one, 'scrape', 'web')).toMatch(/^0\nvalid: 9 series/)
    expect(await said(one, 'scrape', 'website')).toMatch(/^1\nfailed: \d+ /)
    expect(await said(one, 'scrape', 'no-such')).toMatch(/^1\nfailed: 404 no container or service/)
  })
})

describe('a node that is cut off', () => {
  test('is shown, with what that hides, and that it is back', async () => {
    const three = nodes[2]
    const agent = 'app-metrics-proxy@node3'
    const theirs = await page.$$eval('.row.target[data-state="up"]', (rows) =>
      rows
        .filter((row) => row.querySelector('.node-cell')?.textContent === 'node3')
        .map((row) => row.querySelector('.name')?.getAttribute('aria-label') ?? ''),
    )
    expect(theirs).toContain(agent)
    await three.cut()
    await linkOf(three, 'lost')
    await attention(/node3: the link is lost.*check that node3 is up/)
    for (const title of theirs) await rowOf(title, 'lost')
    await three.heal()
    await linkOf(three, 'up')
    await rowOf(agent, 'up')
  })
})

describe('one agent with another secret, in the midst of a careless update', () => {
  test('is named on the page and by check, with what to do', async () => {
    const { docker } = cluster.manager
    const update = (...flags: string[]) =>
      docker('service', 'update', '--detach', '--no-resolve-image', ...flags, 'metrics_agent')
    onTestFinished(async () => {
      await update('--update-delay', '0s', '--secret-rm', 'other', '--secret-add', 'app-metrics-proxy')
      await until('the last agent to be without it', () => docker('secret', 'rm', 'other'), {
        within: 120_000,
      })
      await cluster.everyAgentIsReady()
    })
    const other = { input: 'another secret of this lab' }
    await cluster.manager.docker.with(other)('secret', 'create', 'other', '-')
    const changed = [
      '--secret-rm',
      'app-metrics-proxy',
      '--secret-add',
      'source=other,target=app-metrics-proxy',
    ]
    await update('--update-delay', '1h', ...changed)
    await attention(/Peer.*the agent there has another secret.*SSHPASS/)
    await until('check to say so', async () => {
      const text = await said(nodes[0], 'check')
      return /^1\n/.test(text) && /^error +peers: \S+: the agent there has another secret$/m.test(text)
    })
  })
})
