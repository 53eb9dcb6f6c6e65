// The dashboards, held to what Grafana needs to show them: it can't be had here, so that none of it would be seen.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource: { readonly type: string; readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig: { readonly defaults: { readonly unit?: string; readonly thresholds?: object } }
  readonly targets: readonly {
    readonly refId: string
    readonly expr: string
    readonly datasource: Panel['datasource']
  }[]
}
interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly links: readonly { readonly type: string; readonly url?: string }[]
  readonly templating: { readonly list: readonly Variable[] }
}
interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string | { readonly query: string }
}

const files = readdirSync('deploy', { recursive: true, encoding: 'utf8' })
  .filter((name) => /dashboards?(\.json|\/[^/]+\.json)$/.test(name))
  .map((name) => `deploy/${name}`)
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Dashboard
const provisioned = parse(
  readFileSync('deploy/prometheus/grafana/provisioning/datasources/prometheus.yml', 'utf8'),
)
const [{ type, uid }] = provisioned.datasources as readonly [Panel['datasource']]
const source = { type, uid }
/** What whoever looks at it has chosen. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
const chosen = { type, uid: '${datasource}' }

/** What Grafana 12 has without a plugin, and its names of units, as far as they are used here. */
const types = ['row', 'stat', 'table', 'timeseries']
const units = ['Bps', 'bytes', 'ops', 'percentunit', 'reqps', 's', 'short']
/** What Grafana itself fills in. */
const ownVariables = ['__rate_interval', '__range', '__interval']

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

test('each story has one, and so have the proxy itself and the Swarm; no two have one address', () => {
  const stories = readdirSync('deploy/examples').filter((name) => !name.includes('.'))
  // one story shows the Swarm's
  expect(files.length).toBe(stories.length - 1 + 2)
  expect(new Set(files.map((file) => read(file).uid)).size).toBe(files.length)
})

describe.each(files)('%s', (file) => {
  const { uid, title, schemaVersion, panels, templating, links } = read(file)

  test('has an address, a title, and a form that is known', () => {
    expect(uid).toMatch(/^[a-z][a-z-]{0,39}$/)
    expect(title).not.toBe('')
    expect(schemaVersion).toBeGreaterThanOrEqual(36)
    expect(panels.filter(({ type }) => !types.includes(type))).toEqual([])
    const used = panels.flatMap(({ fieldConfig }) => fieldConfig?.defaults.unit ?? [])
    expect(used.filter((unit) => !units.includes(unit))).toEqual([])
  })

  test('its panels have different names, stand on the grid, and none covers another', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(new Set(panels.map(({ type, title }) => `${type} ${title}`)).size).toBe(panels.length)
    for (const { gridPos } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      expect(Math.min(gridPos.x, gridPos.y)).toBeGreaterThanOrEqual(0)
      expect(Math.min(gridPos.w, gridPos.h)).toBeGreaterThanOrEqual(1)
    }
    const pairs = panels.flatMap((one, at) => panels.slice(at + 1).map((other) => [one, other] as const))
    expect(
      pairs.filter(([one, other]) => overlap(one, other)).map((pair) => pair.map(({ title }) => title)),
    ).toEqual([])
  })

  test('its queries have different names, use the source that is provisioned, and know their variables', () => {
    const declared = templating.list.map(({ name }) => name)
    const variables = [...ownVariables, ...declared]
    const sources = declared.includes('datasource') ? [source, chosen] : [source]
    for (const { title, type, targets, datasource } of panels.filter(({ type }) => type !== 'row')) {
      expect([title, type, targets.length > 0]).toEqual([title, type, true])
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
      for (const used of [datasource, ...targets.map((target) => target.datasource)])
        expect(sources).toContainEqual(used)
      const named = targets.flatMap(({ expr }) => [...expr.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!))
      expect(named.filter((name) => !variables.includes(name))).toEqual([])
    }
  })

  test('can be narrowed to a cluster and to a node or replica, has rows and thresholds, and leads to the status page', () => {
    const byName = new Map(templating.list.map((variable) => [variable.name, variable]))
    expect(byName.get('cluster')).toMatchObject({ type: 'query', multi: true, includeAll: true })
    expect(byName.get('node') ?? byName.get('instance')).toMatchObject({ type: 'query' })
    expect(byName.get('agent')).toMatchObject({ type: 'textbox', query: 'http://localhost:2137' })
    const used = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join(' ')
    for (const { name, type } of templating.list)
      if (type === 'query') expect([name, used.includes(`=~"$${name}"`)]).toEqual([name, true])
    expect(panels.filter(({ type }) => type === 'row').length).toBeGreaterThan(1)
    expect(panels.some(({ fieldConfig }) => fieldConfig.defaults.thresholds)).toBe(true)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
    expect(links.map(({ url }) => url)).toContain('${agent:raw}/')
  })

  test('the manual beside it, if there is one, leads to its address', () => {
    if (!file.startsWith('deploy/examples/')) return
    expect(readFileSync(file.replace('dashboard.json', 'README.md'), 'utf8')).toContain(`:3000/d/${uid}>`)
  })
})
