// Whether Prometheus takes a text with `{{ … }}` as the value of an alert's label or annotation.
//
// Of Go's templates it knows what alerts use: values, pipelines, functions, if, with and range. A template
// that Prometheus can't parse would cost all rules of the file, so what isn't known here is refused.

import { unquote } from './text.ts'

const functions = new Set(
  `and eq first ge gt html humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp index
  js label le len lt match ne not or print printf println query reReplaceAll sortByLabel stripPort strvalue
  title toLower toUpper urlquery value`.split(/\s+/),
)
const variables = ['$labels', '$externalLabels', '$externalURL', '$value', '$']

interface Token {
  readonly kind: 'constant' | 'value' | 'function' | 'word' | '(' | ')' | '|'
  readonly text: string
  /** Whether white space, or the beginning, stands before it. */
  readonly apart: boolean
}

/** A template that shows this text as it is, whatever is in it. */
export function literalTemplate(text: string): string {
  return text.replaceAll('{{', '{{`{{`}}')
}

/** The text that `literalTemplate` made this template of; `undefined`: it shows something else. */
export function literalOf(template: string): string | undefined {
  const text = template.replaceAll('{{`{{`}}', '{{')
  return literalTemplate(text) === template ? text : undefined
}

/** The reason why not; `undefined`: it is well. */
export function templateProblem(text: string): string | undefined {
  try {
    check(text)
    return undefined
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return error.message
  }
}

class Refused extends Error {}

function check(text: string): void {
  const open: { readonly else: boolean }[] = []
  for (const action of actionsOf(text)) {
    const tokens = tokensOf(action)
    const word = tokens[0]?.kind === 'word' ? tokens[0].text : ''
    if (word === 'end' || word === 'else') {
      const block = open.pop()
      if (!block || (word === 'else' && block.else)) throw new Refused(`{{ ${word} }} without a beginning`)
      if (tokens.length > 1) throw new Refused(`unexpected ${tokens[1]!.text} after ${word}`)
      if (word === 'else') open.push({ else: true })
    } else if (word === '') checkPipeline(tokens)
    else {
      checkPipeline(tokens.slice(1))
      open.push({ else: false })
    }
  }
  if (open.length > 0) throw new Refused('{{ end }} is missing')
}

/** What stands between the braces; strings may hold braces. */
function* actionsOf(text: string): Iterable<string> {
  for (let at = text.indexOf('{{'); at >= 0; at = text.indexOf('{{', at)) {
    const action = /^\{\{(?:- )?((?:"(?:\\.|[^"\\\n])*"|`[^`]*`|(?!\}\})[^"`])*?)(?: -)?\}\}/s.exec(
      text.slice(at),
    )
    if (!action) throw new Refused('}} is missing')
    yield action[1]!
    at += action[0].length
  }
}

const shapes: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /^[ \t\r\n]+/],
  ['constant', /^(?:"(?:\\.|[^"\\\n])*"|`[^`]*`|-?\d{1,15}(?:\.\d{1,15})?(?![\w.])|(?:true|false)\b)/],
  ['value', /^(?:\$\w*(?:\.[a-zA-Z_]\w*)*|(?:\.[a-zA-Z_]\w*)+|\.(?![\w.]))/],
  ['word', /^(?:if|with|range|else|end)\b/],
  ['function', /^[a-zA-Z]\w*/],
  ['(', /^\(/],
  [')', /^\)/],
  ['|', /^\|/],
]

function tokensOf(action: string): readonly Token[] {
  const tokens: Token[] = []
  let apart = true
  for (let rest = action; rest !== ''; ) {
    const [kind, text] = next(rest)
    rest = rest.slice(text.length)
    if (kind !== 'space') tokens.push(known({ kind, text, apart }))
    apart = kind === 'space'
  }
  return tokens
}

function next(rest: string): readonly [Token['kind'] | 'space', string] {
  for (const [kind, shape] of shapes) {
    const text = shape.exec(rest)?.[0]
    if (text !== undefined) return [kind, text]
  }
  throw new Refused(`unexpected ${JSON.stringify([...rest][0])}`)
}

function known(token: Token): Token {
  const { kind, text } = token
  if (kind === 'function' && !functions.has(text)) throw new Refused(`${text} is not a known function`)
  if (kind === 'value' && text.startsWith('$') && !variables.includes(text.split('.')[0]!))
    throw new Refused(`${text} is not a known variable`)
  if (kind === 'constant' && text.startsWith('"') && unquote(text) === undefined)
    throw new Refused(`${text} is not a string`)
  return token
}

/** Commands separated by `|`; only the first may begin with a constant. */
function checkPipeline(tokens: readonly Token[]): void {
  let depth = 0
  let fresh = true
  let first = true
  for (const { kind, text, apart } of tokens) {
    if (kind === 'word') throw new Refused(`unexpected ${text}`)
    if (kind === '|' || kind === ')') {
      if (fresh || (kind === ')' && depth === 0)) throw new Refused(`unexpected ${text}`)
      if (kind === ')') depth -= 1
      ;[fresh, first] = kind === '|' ? [true, false] : [false, first]
      continue
    }
    if (!fresh && !apart) throw new Refused(`a space is missing before ${text}`)
    if (fresh && !first && (kind === 'constant' || text === '.')) throw new Refused(`${text} can’t be called`)
    if (kind === '(') depth += 1
    ;[fresh, first] = kind === '(' ? [true, true] : [false, first]
  }
  if (fresh) throw new Refused('nothing between the braces')
  if (depth > 0) throw new Refused(') is missing')
}
