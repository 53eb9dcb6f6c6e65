// The documentation's blocks of commands and configuration, as they stand there.

import { readFileSync } from 'node:fs'

export interface Block {
  /** The nearest heading above it. */
  readonly heading: string
  readonly language: string
  readonly text: string
}

export function blocksOf(page: string): readonly Block[] {
  const found: Block[] = []
  let heading = ''
  // a block is one match, so that a comment in it is taken for no heading
  const part = /^#+ (?<title>[^\n]+)$|^```(?<language>\w*)\n(?<text>.*?)^```$/gms
  for (const { groups } of readFileSync(page, 'utf8').matchAll(part)) {
    const { title, language, text } = groups as Record<string, string>
    if (title !== undefined) heading = title
    else if (language) found.push({ heading, language, text: text! })
  }
  return found
}

/** The block of this language under a heading: the first one, or the one `at` this place among them. */
export function blockUnder(page: string, heading: string, language = 'sh', at = 0): string {
  const blocks = blocksOf(page).filter((one) => one.heading === heading && one.language === language)
  if (!blocks[at])
    throw new Error(`${page} has no such block of ${language} under ${JSON.stringify(heading)}`)
  return blocks[at].text
}
