// Whether Prometheus accepts a text with `{{ … }}` as the value of an alert's label or annotation.
//
// The part of Go's templates that alerts use: values, pipelines, functions, if, with and range. Everything else
// is refused, since Prometheus refuses the whole rule file for one template that it can't parse.

import { unquote } from './literals.ts'

const functions = new Set(
  `and eq first ge gt html humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp index
  js label le len lt match ne not or print printf println query reReplaceAll sortByLabel stripPort strvalue
  title toLower toUpper urlquery value`.split(/\s+/),
)
const variables = ['$labels', '$externalLabels', '$externalURL', '$value', '$']

interface Token {
  readonly kind: 'constant' | 'value' | 'function' | 'word' | '(' | ')' | '|'
  readonly text: string
  /** Whether white space precedes it, or nothing. */
  readonly isSeparate: boolean
}

/** A template that expands to `text`, whatever is in it. */
export function literalTemplate(text: string): string {
  return text.replaceAll('{{', '{{`{{`}}')
}

/** The text from which `literalTemplate` made this template; `undefined`: it is another template. */
export function literalOf(template: string): string | undefined {
  const text = template.replaceAll('{{`{{`}}', '{{')
  return literalTemplate(text) === template ? text : undefined
}

/** Why Prometheus would refuse it; `undefined`: it is valid. */
export function templateProblem(text: string): string | undefined {
  try {
    check(text)
    return undefined
  } catch (error) {
    if (!(error instanceof InvalidTemplate)) throw error
    return error.message
  }
}

class InvalidTemplate extends Error {}

function check(text: string): void {
  const open: { readonly else: boolean }[] = []
  for (const action of actionsOf(text)) {
    const tokens = tokensOf(action)
    const word = tokens[0]?.kind === 'word' ? tokens[0].text : ''
    if (word === 'end' || word === 'else') {
      const block = open.pop()
      if (!block || (word === 'else' && block.else))
        throw new InvalidTemplate(`{{ ${word} }} without {{ if }}, {{ with }} or {{ range }}`)
      if (tokens.length > 1) throw new InvalidTemplate(`unexpected ${tokens[1]!.text} after ${word}`)
      if (word === 'else') open.push({ else: true })
    } else if (word === '') checkPipeline(tokens)
    else {
      checkPipeline(tokens.slice(1))
      open.push({ else: false })
    }
  }
  if (open.length > 0) throw new InvalidTemplate('missing {{ end }}')
}

/** The text between each pair of braces; strings may contain braces. */
function* actionsOf(text: string): Iterable<string> {
  for (let at = text.indexOf('{{'); at >= 0; at = text.indexOf('{{', at)) {
    const action = /^\{\{(?:- )?((?:"(?:\\.|[^"\\\n])*"|`[^`]*`|(?!\}\})[^"`])*?)(?: -)?\}\}/s.exec(
      text.slice(at),
    )
    if (!action) throw new InvalidTemplate('missing }}')
    yield action[1]!
    at += action[0].length
  }
}

const patterns: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
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
  let isSeparate = true
  for (let rest = action; rest !== ''; ) {
    const [kind, text] = nextToken(rest)
    rest = rest.slice(text.length)
    if (kind !== 'space') tokens.push(checked({ kind, text, isSeparate }))
    isSeparate = kind === 'space'
  }
  return tokens
}

function nextToken(rest: string): readonly [Token['kind'] | 'space', string] {
  for (const [kind, pattern] of patterns) {
    const text = pattern.exec(rest)?.[0]
    if (text !== undefined) return [kind, text]
  }
  throw new InvalidTemplate(`unexpected ${JSON.stringify([...rest][0])}`)
}

function checked(token: Token): Token {
  const { kind, text } = token
  if (kind === 'function' && !functions.has(text))
    throw new InvalidTemplate(`${text} is not a supported function`)
  if (kind === 'value' && text.startsWith('$') && !variables.includes(text.split('.')[0]!))
    throw new InvalidTemplate(`${text} is not a supported variable`)
  if (kind === 'constant' && text.startsWith('"') && unquote(text) === undefined)
    throw new InvalidTemplate(`${text} is not a valid string`)
  return token
}

/** Commands separated by `|`; only the first may begin with a constant. */
function checkPipeline(tokens: readonly Token[]): void {
  let depth = 0
  /** Whether a command begins here, and whether it is the first of its pipeline. */
  let isStart = true
  let isFirst = true
  for (const { kind, text, isSeparate } of tokens) {
    if (kind === 'word') throw new InvalidTemplate(`unexpected ${text}`)
    if (kind === '|' || kind === ')') {
      if (isStart || (kind === ')' && depth === 0)) throw new InvalidTemplate(`unexpected ${text}`)
      if (kind === ')') depth -= 1
      ;[isStart, isFirst] = kind === '|' ? [true, false] : [false, isFirst]
      continue
    }
    if (!isStart && !isSeparate) throw new InvalidTemplate(`missing space before ${text}`)
    if (isStart && !isFirst && (kind === 'constant' || text === '.'))
      throw new InvalidTemplate(`${text} can’t be called`)
    if (kind === '(') depth += 1
    ;[isStart, isFirst] = kind === '(' ? [true, true] : [false, isFirst]
  }
  if (isStart) throw new InvalidTemplate('nothing between the braces')
  if (depth > 0) throw new InvalidTemplate('missing )')
}
