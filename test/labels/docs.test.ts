import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { families } from '../../src/labels/prefixes.ts'

const rows = readFileSync('docs/LABELS.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))

/** Which column of the table a family has. */
const columns = ['app_metrics_proxy_', 'prometheus_', 'io_prometheus_', 'com_df_']

test.each(families)('docs/LABELS.md has each label of $prefix', ({ prefix, keys }) => {
  const cells = rows.map((row) => row.split('|')[columns.indexOf(prefix) + 2] ?? '').join()
  const documented = [...cells.matchAll(/`([\w-]+)`/g)].map(([, name]) => name!.replaceAll('-', '_'))
  const read = Object.values(keys)
    .flat()
    .map((key) => key.replace(/^io_/, ''))
  expect(read.filter((key) => !documented.includes(key))).toEqual([])
})
