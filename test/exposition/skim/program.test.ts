import { expect, test } from 'vitest'
import { program } from '../../../src/exposition/skim/program.ts'
import { compiled } from '../../../tools/wasm.ts'

test('the program is what its source compiles to: npm run wasm', async () => {
  expect(program.replaceAll('\n', '')).toBe(Buffer.from(await compiled()).toString('base64'))
})
