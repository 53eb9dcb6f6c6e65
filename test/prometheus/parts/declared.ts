// What Prometheus received of families: their types, help texts and units.

import { isDeepStrictEqual } from 'node:util'

export interface Declared {
  readonly type: string
  readonly help: string
  readonly unit: string
}

/** By family. */
export type Declarations = ReadonlyMap<string, Declared>

/** Of all targets that are selected, by one of their labels. */
export async function declarationsBy(
  url: string,
  targets: string,
  label: string,
): Promise<ReadonlyMap<string, Declarations>> {
  const response = await fetch(`${url}/api/v1/targets/metadata?match_target=${encodeURIComponent(targets)}`)
  const { data } = (await response.json()) as {
    data: (Declared & { target: Record<string, string>; metric: string })[]
  }
  const found = new Map<string, Map<string, Declared>>()
  for (const { target, metric, type, help, unit } of data) {
    const said = found.get(target[label]!) ?? new Map()
    found.set(target[label]!, said.set(metric, { type, help, unit }))
  }
  return found
}

const nothing: Declared = { type: 'unknown', help: '', unit: '' }

/** Whether something is not there, or not so. More may be there. */
export const hasLost = (there: Declarations, expected: Declarations): boolean =>
  [...expected].some(([name, said]) => !isDeepStrictEqual(there.get(name) ?? nothing, said))

/** What text can say of families in OpenMetrics. */
export function saidInText(families: Declarations): Declarations {
  const types: Readonly<Record<string, string>> = {
    info: 'gauge',
    stateset: 'gauge',
    gaugehistogram: 'histogram',
  }
  const suffixes: Readonly<Record<string, string>> = { counter: '_total', info: '_info' }
  return new Map(
    [...families].map(([name, { type, help }]) => [
      name + (suffixes[type] ?? ''),
      { type: types[type] ?? type, help, unit: '' },
    ]),
  )
}

/** What OpenMetrics can say of families in text: the samples of a counter end in `_total`, and that is not its name. */
export function saidInOpenMetrics(families: Declarations): Declarations {
  return new Map(
    [...families].map(([name, said]) => {
      if (said.type !== 'counter') return [name, said]
      const short = name.replace(/_total$/, '')
      return short === name || families.has(short) ? [name, { ...said, type: 'unknown' }] : [short, said]
    }),
  )
}
