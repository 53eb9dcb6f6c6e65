// The metadata lines of a merged family.

import { isOpenMetrics, type Offer } from '../formats.ts'
import { escaped, escapedHelp } from '../scan/escapes.ts'
import type { Family } from './families.ts'
import { counterName, plainMetric, written } from './names.ts'

export function headerOf(family: Family, to: Offer): string {
  const openMetrics = isOpenMetrics(to.format)
  const { name, type } = openMetrics ? inOpenMetrics(family) : inText(family)
  // only in quotes a name can be empty, which Prometheus takes in metadata
  if (name === '' && to.escaping !== 'allow-utf-8') return ''
  const shown = written(name, plainMetric)
  let lines = ''
  if (family.help !== undefined)
    lines += `# HELP ${shown} ${openMetrics ? escaped(family.help) : escapedHelp(family.help)}\n`
  if (type !== undefined) lines += `# TYPE ${shown} ${type}\n`
  if (openMetrics && family.unit && name.endsWith(`_${family.unit}`))
    lines += `# UNIT ${shown} ${family.unit}\n`
  return lines
}

interface Shown {
  readonly name: string
  readonly type: string | undefined
}

const inText = ({ key, type }: Family): Shown => ({ name: key, type: type === 'unknown' ? 'untyped' : type })

/** A counter is called there without the `_total` of its samples. One that has none, or nothing else, can't be one. */
function inOpenMetrics({ key, type }: Family): Shown {
  if (type !== 'counter') return { name: key, type }
  const name = counterName(key)
  return name === key ? { name, type: 'unknown' } : { name, type }
}
