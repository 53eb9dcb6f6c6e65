import { expect, test } from 'vitest'
import { createNames } from '../../src/names/names.ts'
import { targetKeysOfPath } from '../../src/status/doubled.ts'
import { createWorld, node, standalone, task } from '../store/world.ts'

const [one, two, cron] = [task('n1', 'shop_web', 1), task('n2', 'shop_web', 2), standalone('n1', 'cron')]
const world = createWorld([one, two, cron], [node('n1', 'one', 'self'), node('n2', 'two')])
const ids = new Map(
  [one, two, cron].map(({ owner, target }, at) => [`${owner}/${target.id}`, ['1', '2', 'cron'][at]]),
)
const { lookUp } = createNames(world, () => undefined)

test.each([
  ['/shop_web/metrics', ['1/1', '2/1']],
  ['/web/metrics', ['1/1', '2/1']],
  ['/shop_web/2/metrics', ['2/1']],
  ['/shop_web/metrics?scope=node', ['1/1']],
  ['/shop%5Fweb/2/metrics?x=1', ['2/1']],
  ['/cron/metrics', ['cron/1']],
  ['/cron/metrics?endpoint=2', ['cron/2']],
  ['/cron/one/metrics', ['cron/1']],
  ['/nothing/metrics', []],
  ['/shop_web/9/metrics', []],
  ['/metrics', []],
  ['/sd', []],
  ['/%E0%A4%A/metrics', []],
  ['//x:y/metrics', []],
])('%s has the metrics of %j', (path, keys) => {
  const found = targetKeysOfPath(path, lookUp, 'n1').map((key) => {
    const [owner, id, endpoint] = key.split('/')
    return `${ids.get(`${owner}/${id}`)}/${endpoint}`
  })
  expect(found).toEqual(keys)
})
