import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entry, service, swarmState, target, task } from '../helpers/cluster.ts'
import { nodesAt, startResponder } from './parts/cluster.ts'
import { started } from './parts/started.ts'

interface Found {
  readonly discoveredLabels: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly error?: unknown
}

async function promtool(url: string): Promise<readonly Found[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sd-'))
  try {
    const config = join(folder, 'prometheus.yml')
    await writeFile(config, `scrape_configs: [{ job_name: x, http_sd_configs: [{ url: '${url}/sd' }] }]\n`)
    const stdout = await new Promise<string>((resolve, reject) =>
      execFile(
        'promtool',
        ['check', 'service-discovery', '--timeout=5s', config, 'x'],
        { maxBuffer: 2 ** 28 },
        (error, out, err) => (error ? reject(new Error(err)) : resolve(out)),
      ),
    )
    return JSON.parse(stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    ...['__proto__', 'constructor', '{{ x', '\ud800', '\0', '"', '\\', '\u2028', '/', '..', '?', 'ä', ' '],
    ...['5m', '0s', '999y', '-1s', '1e9', 'true', 'http', 'x'.repeat(65_536)],
  ),
)
const suffixes = ['port', 'path', 'scheme', 'job', 'interval', 'timeout', 'max-age', 'name', 'enable']
const labels = fc.dictionary(
  fc.oneof(
    hostile,
    fc.constantFrom(...suffixes).map((suffix) => `app-metrics-proxy.${suffix}`),
    fc
      .tuple(fc.constantFrom('label', 'param'), hostile)
      .map(([kind, name]) => `app-metrics-proxy.${kind}.${name}`),
    fc.constantFrom(
      'com.docker.stack.namespace',
      'prometheus.io/scrape_interval',
      'app-metrics-proxy.label.__x',
    ),
  ),
  hostile,
  { maxKeys: 6 },
)

test('Prometheus takes the whole list, whatever names and labels are in it', async () => {
  const agent = started(await startResponder('{{ x'))
  const innocent = Array.from({ length: 50 }, (_, at) => entry(target(`innocent-${at}`)))
  const strangers = fc
    .sample(fc.tuple(hostile, hostile, labels), 1500)
    .flatMap(([name, slot, labels], at) => [
      entry(target(`${name}-${at}`, { labels })),
      entry(task(`${name}_${at}`, slot, { labels })),
    ])
  const services = fc
    .sample(fc.tuple(hostile, labels), 500)
    .map(([name, labels], at) => service(`s${at}-${name}`, { labels, slots: ['1', name] }))
  agent.learn({
    nodes: nodesAt(agent.address),
    entries: [...innocent, ...strangers],
    swarmState: swarmState(services),
  })
  const listed = (await (await fetch(`${agent.url}/sd`)).json()) as readonly unknown[]
  const found = await promtool(agent.url)
  expect(listed.length).toBeGreaterThan(3000)
  expect(found.length).toBe(listed.length)
  expect(found.filter(({ error }) => error)).toEqual([])
  expect(found.filter(({ labels }) => labels.service?.startsWith('innocent-'))).toHaveLength(50)
})
