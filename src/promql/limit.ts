// Narrows an expression to series with one label: by means of the grammar, so that nothing that merely looks
// like a selector is touched, and no selector is missed.

import { parse } from './check.ts'
import { quote } from './text.ts'

/** Every selector of `expression`, which was checked, bears `label="value"` too. */
export function limitTo(expression: string, label: string, value: string): string {
  const matcher = `${label}=${quote(value)}`
  const inserts: { readonly at: number; readonly text: string }[] = []
  parse(expression)
    .cursor()
    .iterate(({ name, node }) => {
      if (name !== 'VectorSelector') return
      const matchers = node.getChild('LabelMatchers')
      if (!matchers) inserts.push({ at: node.to, text: `{${matcher}}` })
      else inserts.push({ at: matchers.from + 1, text: matchers.firstChild ? `${matcher},` : matcher })
    })
  return inserts.reduceRight(
    (text, insert) => text.slice(0, insert.at) + insert.text + text.slice(insert.at),
    expression,
  )
}
