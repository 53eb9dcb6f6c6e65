import { expect, test } from 'vitest'
import { outdated } from '../tools/docs.ts'

test('the generated documentation is what the code says', () => {
  expect(outdated()).toEqual([])
})
