// A page as people read it: family by family.

import { familyOf } from './family.ts'
import { type Exposition, isOpenMetrics } from './formats.ts'
import { unescaped, unescapedHelp } from './scan/escapes.ts'
import { readerOf } from './scan/reader.ts'
import { Kind, type MetricType, Scan } from './scan/scan.ts'

export interface Family {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly unit: string
  /** The lines as the page has them. */
  readonly samples: readonly string[]
}

type Draft = { -readonly [K in keyof Family]: Family[K] } & { samples: string[]; declared: boolean }

/** In the order of first appearance. The page must be one that `inspect` took. */
export function families(page: Exposition): readonly Family[] {
  const openMetrics = isOpenMetrics(page.format)
  const found = new Map<string, Draft>()
  const draftOf = (name: string): Draft => {
    const draft = found.get(name) ?? {
      name,
      type: 'unknown',
      help: '',
      unit: '',
      samples: [],
      declared: false,
    }
    found.set(name, draft)
    return draft
  }
  const typeOf = (name: string) => (found.get(name)?.declared ? found.get(name)!.type : undefined)

  let last: string | undefined
  const next = readerOf(page.format)
  const scan = new Scan(page.body, openMetrics)
  for (let kind = page.body.length === 0 ? Kind.end : next(scan); kind !== Kind.end; kind = next(scan)) {
    const name = unescaped(scan.name)
    const text = scan.text(scan.textStart, scan.textEnd)
    if (kind !== Kind.sample && kind !== Kind.comment) last = name
    if (kind === Kind.sample)
      draftOf(familyOf(name, last, typeOf, openMetrics)).samples.push(
        scan.text(0, scan.at - scan.start).trimEnd(),
      )
    else if (kind === Kind.type) Object.assign(draftOf(name), { type: scan.type, declared: true })
    else if (kind === Kind.help) draftOf(name).help = openMetrics ? unescaped(text) : unescapedHelp(text)
    else if (kind === Kind.unit) draftOf(name).unit = text
  }
  return [...found.values()].map(({ declared: _, ...family }) => family)
}
