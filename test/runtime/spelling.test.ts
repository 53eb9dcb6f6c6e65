import { expect, test } from 'vitest'
import { nearMisses } from '../../src/runtime/spelling.ts'

test.each<[string, string[], string[]]>([
  ['shop_wbe', ['shop_web', 'shop_db', 'mail'], ['shop_web', 'shop_db']],
  ['Shop_Web', ['shop_web'], ['shop_web']],
  ['web', ['we', 'webs', 'wbe', 'xeb', 'abcd'], ['wbe', 'we', 'webs', 'xeb']],
  [
    'shop_api_v2',
    ['shop_api_v1', 'shop_app_v1', 'shop_api', 'other'],
    ['shop_api_v1', 'shop_app_v1', 'shop_api'],
  ],
  ['', ['a', 'ab'], ['a']],
])('%s: few similar names, the most similar first', (name, known, expected) => {
  expect(nearMisses(name, known)).toEqual(expected)
})
