import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compiled, type Folder, moduleOf, programs } from '../tools/wasm.ts'

test.each(Object.keys(programs) as Folder[])(
  'the program of %s is what its source compiles to: npm run wasm',
  async (folder) => {
    expect(readFileSync(`src/${folder}/program.ts`, 'utf8')).toBe(moduleOf(await compiled(folder)))
  },
)
