import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

const rooms = [
  ...(['discover', 'probe', 'scrape', 'exposition', 'store', 'sync'] as const),
  ...(['web', 'sd', 'rules', 'status', 'swarm-metrics', 'cli'] as const),
]
/** Folders that every room may import, as it may the files directly in src (but main.ts). */
const leafFolders = ['config', 'http', 'labels', 'logging', 'names', 'promql', 'runtime']
/** The composition root with its helpers, and the process edge. */
const roots = ['agent', 'main.ts']
/** The command line is a second root: it joins what it needs, as agent.ts does. */
const mayImportRooms = [...roots, 'cli']

/** The public contracts of rooms: their types are declared once. */
const contracts = [
  ...['exposition/families.ts', 'exposition/formats.ts', 'exposition/inspect.ts', 'rules/rules.ts'],
  ...['scrape/read.ts', 'status/shape.ts', 'store/store.ts'],
]

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const imports: readonly Import[] = files.flatMap((from) =>
  [
    ...readFileSync(join('src', from), 'utf8').matchAll(
      /(?:import (type) [^'"]*)?(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g,
    ),
  ].map(([, type, to = '']) => ({
    from,
    to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to,
    isType: type !== undefined,
  })),
)

const placeOf = (file: string) => file.split('/')[0]!
const isRoom = (place: string) => (rooms as readonly string[]).includes(place)
const text = ({ from, to }: Import) => `${from} imports ${to}`

describe('the house', () => {
  test('has no folder that is neither a room nor a leaf', () => {
    const places = files.filter((file) => file.includes('/')).map(placeOf)
    expect(places.filter((place) => !isRoom(place) && ![...leafFolders, ...roots].includes(place))).toEqual(
      [],
    )
  })

  test('rooms never import another room, but for the types of what it shows to all', () => {
    const crossing = imports.filter(({ from, to, isType }) => {
      const [here, there] = [placeOf(from), placeOf(to)]
      if (isType && contracts.includes(to)) return false
      return isRoom(there) && here !== there && !mayImportRooms.includes(here)
    })
    expect(crossing.map(text)).toEqual([])
  })

  test('nothing imports a composition root', () => {
    expect(
      imports
        .filter(({ from, to }) => roots.includes(placeOf(to)) && !mayImportRooms.includes(placeOf(from)))
        .map(text),
    ).toEqual([])
  })

  test('model imports nothing but the names of errors', () => {
    expect(imports.filter(({ from }) => from === 'model.ts').map(({ to }) => to)).toEqual(['errors.ts'])
  })

  test('a type name is declared once', () => {
    const declared = files.flatMap((file) =>
      [
        ...readFileSync(join('src', file), 'utf8').matchAll(/^(?:export )?(?:interface|type|class) (\w+)/gm),
      ].map(([, name]) => ({ name, file })),
    )
    const places = Map.groupBy(declared, ({ name }) => name)
    const repeated = [...places].filter(([, all]) => new Set(all.map(({ file }) => file)).size > 1)
    expect(repeated.map(([name, all]) => `${name}: ${all.map(({ file }) => file).join(', ')}`)).toEqual([])
  })

  test('there are no cycles', () => {
    expect(findCycle(imports.filter(({ to }) => to.endsWith('.ts')))).toEqual([])
  })

  test.each([
    ['dockerode', 'discover'],
    ['undici', 'scrape'],
    ['ssh2', 'sync'],
  ])('one file imports %s, in %s', (vendor, room) => {
    const importers = [...new Set(imports.filter(({ to }) => to === vendor).map(({ from }) => from))]
    expect(importers.map(placeOf)).toEqual(importers.slice(0, 1).map(() => room))
  })

  test('fastify stays in the modules that serve', () => {
    const importers = imports.filter(({ to }) => to.startsWith('fastify') || to.startsWith('@fastify/'))
    expect(importers.filter(({ from }) => !['web', 'status'].includes(placeOf(from))).map(text)).toEqual([])
  })

  test('what is handed on has no accessors, which a copy of it would lose', () => {
    const accessors = files.filter((file) =>
      /^\s*(static )?(get|set) [\w#]+\(|\bdefinePropert/m.test(readFileSync(join('src', file), 'utf8')),
    )
    expect(accessors).toEqual([])
  })

  test('nobody but main.ts and the command line touches the process', () => {
    const touching = files.filter(
      (file) =>
        file !== 'main.ts' &&
        !['cli', 'logging'].includes(placeOf(file)) &&
        /\bprocess\.(env|argv|exit|on|once|stdout|stderr)\b/.test(readFileSync(join('src', file), 'utf8')),
    )
    expect(touching).toEqual([])
  })
})

/** The files of one import cycle, or none. */
function findCycle(edges: readonly Import[]): string[] {
  const next = Map.groupBy(edges, ({ from }) => from)
  const done = new Set<string>()
  function visit(file: string, path: readonly string[]): string[] {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return []
    for (const { to } of next.get(file) ?? []) {
      const cycle = visit(to, [...path, file])
      if (cycle.length > 0) return cycle
    }
    done.add(file)
    return []
  }
  for (const file of next.keys()) {
    const cycle = visit(file, [])
    if (cycle.length > 0) return cycle
  }
  return []
}
