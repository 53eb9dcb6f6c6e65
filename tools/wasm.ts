// Makes src/exposition/skim/program.ts: the program in src/exposition/skim/assembly, compiled to WebAssembly. A test
// compares the two.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'
import binaryen from 'assemblyscript/binaryen'

const folder = join(import.meta.dirname, '../src/exposition/skim')

const options = [
  ...['--baseDir', join(folder, 'assembly'), '--outFile', 'page.wasm'],
  ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'],
  // what isn't for JavaScript need not be of a type that it knows; sizes have 32 bits, as all of this memory
  ...['--disableWarning', '112', '--disableWarning', '201'],
]

export async function compiled(): Promise<Uint8Array> {
  let program: Uint8Array | undefined
  const { error, stderr } = await asc.main(['page.ts', ...options], {
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

if (import.meta.main) {
  const lines = Buffer.from(await compiled())
    .toString('base64')
    .replace(/.{1,104}/g, '$&\n')
  writeFileSync(
    join(folder, 'program.ts'),
    `// Made by \`npm run wasm\` from assembly/: not to be edited.\n\n/** In base64. */\nexport const program = \`\n${lines}\`\n`,
  )
}
