// Makes each program.ts: the program in the assembly/ beside it, compiled to WebAssembly. A test compares the two.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'
import binaryen from 'assemblyscript/binaryen'

const source = join(import.meta.dirname, '../src')

/** Where they are in src, and the file that each begins with. */
export const programs = {
  'sync/outline': 'outline.ts',
}
export type Folder = keyof typeof programs

const options = [
  ...['--baseDir', source, '--outFile', 'program.wasm'],
  ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
  // what isn't for JavaScript need not be of a type that it knows; sizes have 32 bits, as all of this memory
  ...['--disableWarning', '112', '--disableWarning', '201'],
]

export async function compiled(folder: Folder): Promise<Uint8Array> {
  let program: Uint8Array | undefined
  const { error, stderr } = await asc.main([join(folder, 'assembly', programs[folder]), ...options], {
    writeFile: (_, contents) => {
      program = contents as Uint8Array
    },
  })
  const said = stderr.toString()
  if (error || said !== '' || !program) throw new Error(said || 'nothing was compiled', { cause: error })
  return inlined(program)
}

/** With small functions in the place of calls, which a compiler that is quick, as each page meets it at first, leaves as they are. */
function inlined(program: Uint8Array): Uint8Array {
  binaryen.setOptimizeLevel(3)
  binaryen.setShrinkLevel(0)
  binaryen.setFlexibleInlineMaxSize(300)
  binaryen.setOneCallerInlineMaxSize(1000)
  binaryen.setAllowInliningFunctionsWithLoops(true)
  const module = binaryen.readBinaryWithFeatures(program, binaryen.Features.All)
  module.optimize()
  return module.emitBinary()
}

export function moduleOf(program: Uint8Array): string {
  const lines = Buffer.from(program)
    .toString('base64')
    .replace(/.{1,104}/g, '$&\n')
  return `// Made by \`npm run wasm\` from assembly/: not to be edited.\n\n/** In base64. */\nexport const program = \`\n${lines}\`\n`
}

if (import.meta.main)
  for (const folder of Object.keys(programs) as Folder[])
    writeFileSync(join(source, folder, 'program.ts'), moduleOf(await compiled(folder)))
