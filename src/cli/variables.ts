// The table of environment variables as the help of `run` prints it.

import { type Option, options } from '../config/options.ts'

const width = 100
const indent = '      '

export function variablesHelp(): string {
  return Object.values<Option<unknown>>(options)
    .map(
      ({ name, fallback, about }) =>
        `  ${name}${fallback ? ` (${fallback})` : ''}\n${wrap(plainText(about))}`,
    )
    .join('')
}

/** Without the marks of Markdown. */
function plainText(markdown: string): string {
  return markdown.replaceAll('`', '')
}

function wrap(text: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => `${indent}${one}\n`).join('')
}
