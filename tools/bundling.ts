// How the program's modules become one file.

import type { BuildOptions } from 'esbuild'

/** The text of the program stays in memory: without its blanks, but with its names, for stack traces. */
export const bundling = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
} satisfies BuildOptions
