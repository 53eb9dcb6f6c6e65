// Whether Prometheus accepts an expression in a rule. The grammar is Prometheus' own; the checks on top are
// those of its parser, for all versions since 2.40. Where versions differ, what an older one refuses is
// refused: Prometheus refuses the whole rule file for a single invalid expression.

import type { SyntaxNode, Tree } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { aggregations, functions, type Signature, type ValueType } from './functions.ts'
import { durationOf, quote, unquote } from './literals.ts'
import { InvalidRegex, matchesEmptyString } from './regex.ts'

export class InvalidExpression extends Error {
  /** The offset of the first wrong character. */
  readonly at: number

  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

const maxLength = 8192

/** Throws `InvalidExpression` where Prometheus would refuse, or could not evaluate, the rule. */
export function checkExpression(text: string): void {
  if (text.length > maxLength) throw new InvalidExpression(`longer than ${maxLength} characters`, maxLength)
  const top = parse(text)
  const type = typeOf(top, text)
  if (type !== 'vector' && type !== 'scalar')
    throw new InvalidExpression(`a rule needs an instant vector or a number, not ${typeNames[type]}`, 0)
}

function parse(text: string): SyntaxNode {
  const tree = treeOf(text)
  const outsideStrings = text.split('')
  tree.cursor().iterate(({ type, from, to }) => {
    if (type.name === 'LineComment') throw new InvalidExpression('comments are not supported here', from)
    if (type.name === 'StringLiteral') outsideStrings.fill(' ', from, to)
  })
  // the grammar takes more characters as white space than Prometheus does
  const odd = outsideStrings.findIndex((char) => !/[\t\n\r -~]/.test(char))
  if (odd >= 0) throw new InvalidExpression(unexpected(text, odd), odd)
  return tree.topNode.firstChild!
}

const strictParser = parser.configure({ strict: true })

/** Strict: to recover from errors, as editors need it, takes a third of a second for 8 KB of hostile text. */
function treeOf(text: string): Tree {
  try {
    return strictParser.parse(text)
  } catch (error) {
    const at = /^No parse at (\d+)$/.exec((error as Error).message)?.[1]
    if (at === undefined) throw error
    throw new InvalidExpression(unexpected(text, Number(at)), Number(at))
  }
}

/** A valid `expression` with `label="value"` added to every selector, found through the grammar. */
export function addMatcher(expression: string, label: string, value: string): string {
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

function unexpected(text: string, at: number): string {
  const word = /^(\w+|.)/s.exec(text.slice(at))?.[0]
  return word === undefined ? 'unexpected end' : `unexpected ${JSON.stringify(word)}`
}

const typeNames: Readonly<Record<ValueType, string>> = {
  scalar: 'a number',
  vector: 'an instant vector',
  matrix: 'a range vector',
  text: 'a string',
}

function typeOf(node: SyntaxNode, text: string): ValueType {
  const check = checks[node.name]
  if (!check) throw new InvalidExpression('not supported by every Prometheus since 2.40', node.from)
  return check(node, text)
}

type NodeCheck = (node: SyntaxNode, text: string) => ValueType

const checks: Readonly<Record<string, NodeCheck>> = {
  NumberDurationLiteral: number,
  StringLiteral: (node, text) => {
    stringOf(node, text)
    return 'text'
  },
  ParenExpr: (node, text) => typeOf(node.firstChild!, text),
  UnaryExpr: unary,
  BinaryExpr: binary,
  FunctionCall: call,
  AggregateExpr: aggregate,
  VectorSelector: selector,
  MatrixSelector: range,
  SubqueryExpr: subquery,
  OffsetExpr: modified,
  StepInvariantExpr: modified,
}

function number(node: SyntaxNode, text: string): ValueType {
  const literal = textOf(node, text).replaceAll(/\s/g, '')
  const plain = /^[+-]?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?$/i.test(literal) && Number.isFinite(Number(literal))
  if (!plain && !/^[+-]?(inf|nan|0x[\da-f]{1,15})$/i.test(literal))
    throw new InvalidExpression(`${literal} is not a number in every Prometheus since 2.40`, node.from)
  return 'scalar'
}

function unary(node: SyntaxNode, text: string): ValueType {
  const type = typeOf(node.lastChild!, text)
  if (type !== 'scalar' && type !== 'vector')
    throw new InvalidExpression(`a sign before ${typeNames[type]}`, node.from)
  return type
}

const comparisons = ['Eql', 'Neq', 'Gtr', 'Gte', 'Lss', 'Lte']
const setOperators = ['And', 'Or', 'Unless']

function binary(node: SyntaxNode, text: string): ValueType {
  const [left, right] = [typeOf(node.firstChild!, text), typeOf(node.lastChild!, text)]
  const operator = node.firstChild!.nextSibling!
  const fail = (reason: string) => new InvalidExpression(reason, operator.from)
  for (const type of [left, right])
    if (type !== 'scalar' && type !== 'vector')
      throw fail(`${textOf(operator, text)} takes numbers and instant vectors, not ${typeNames[type]}`)

  const [compares, isSet] = [comparisons.includes(operator.name), setOperators.includes(operator.name)]
  if (operator.name.startsWith('Trim') || node.getChild('FillModifier'))
    throw fail('not supported by every Prometheus since 2.40')
  const bool = node.getChild('BoolModifier')
  if (bool && !compares) throw fail('only comparisons take bool')
  if (compares && !bool && left === 'scalar' && right === 'scalar')
    throw fail('a comparison of two numbers needs bool')
  if (isSet && (left === 'scalar' || right === 'scalar'))
    throw fail(`${textOf(operator, text)} takes instant vectors only`)
  checkMatching(node, text, isSet, left === 'scalar' || right === 'scalar')
  return left === 'scalar' && right === 'scalar' ? 'scalar' : 'vector'
}

function checkMatching(node: SyntaxNode, text: string, isSet: boolean, hasScalar: boolean): void {
  const clause = node.getChild('MatchingModifierClause')
  if (!clause) return
  if (hasScalar) throw new InvalidExpression('only two instant vectors can be matched', clause.from)
  const [matched, grouped] = clause.getChildren('GroupingLabels').map((list) => labelsOf(list, text))
  const groups = clause.getChild('GroupLeft') ?? clause.getChild('GroupRight')
  if (groups && isSet) throw new InvalidExpression('set operators take no grouping', groups.from)
  const both = clause.getChild('On') ? grouped?.find((label) => matched?.includes(label)) : undefined
  if (both !== undefined)
    throw new InvalidExpression(`label ${both} is in both on and the grouping`, clause.from)
}

function labelsOf(list: SyntaxNode, text: string): readonly string[] {
  const quoted = list.getChild('QuotedLabelName')
  if (quoted)
    throw new InvalidExpression(
      'quoted label names are not supported by every Prometheus since 2.40',
      quoted.from,
    )
  return list.getChildren('LabelName').map((label) => textOf(label, text))
}

function call(node: SyntaxNode, text: string): ValueType {
  const name = textOf(node.firstChild!, text)
  return returnTypeOf(node, text, name, functions.get(name))
}

function aggregate(node: SyntaxNode, text: string): ValueType {
  const labels = node.getChild('AggregateModifier')?.getChild('GroupingLabels')
  if (labels) labelsOf(labels, text)
  const name = textOf(node.firstChild!, text).toLowerCase()
  return returnTypeOf(node, text, name, aggregations.get(name))
}

function returnTypeOf(node: SyntaxNode, text: string, name: string, signature?: Signature): ValueType {
  if (!signature)
    throw new InvalidExpression(`${name} is not supported by every Prometheus since 2.40`, node.from)
  const { takes, min, max, returns } = signature
  const given = node.getChild('FunctionCallBody')?.getChildren('Expr') ?? []
  if (given.length < min || given.length > max)
    throw new InvalidExpression(`${name} takes ${argumentCount(min, max)}, not ${given.length}`, node.from)
  for (const [at, argument] of given.entries()) {
    const [type, expected] = [typeOf(argument, text), takes[at] ?? takes.at(-1)!]
    if (type === expected) continue
    const reason = `${name} takes ${typeNames[expected]} here, not ${typeNames[type]}`
    throw new InvalidExpression(reason, argument.from)
  }
  return returns
}

function argumentCount(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return `${min} arguments or more`
  return min === max ? `${min} argument${min === 1 ? '' : 's'}` : `${min} to ${max} arguments`
}

/** Keywords: as names of metrics each version accepts others of them. */
const keywords =
  /^(and|or|unless|atan2|avg|bottomk|bool|by|count|count_values|end|group|group_left|group_right|ignoring|inf|limitk|limit_ratio|max|min|nan|offset|on|quantile|start|stddev|stdvar|sum|topk|without)$/i

function selector(node: SyntaxNode, text: string): ValueType {
  const metric = node.getChild('Identifier')
  if (metric && keywords.test(textOf(metric, text)))
    throw new InvalidExpression(`${textOf(metric, text)} is a keyword`, metric.from)
  let isSelective = metric !== null
  for (const matcher of childrenOf(node.getChild('LabelMatchers'))) {
    if (matcher.name !== 'UnquotedLabelMatcher')
      throw new InvalidExpression(
        'quoted names are not supported by every Prometheus since 2.40',
        matcher.from,
      )
    if (metric && textOf(matcher.firstChild!, text) === '__name__')
      throw new InvalidExpression('the metric’s name is given twice', matcher.from)
    if (!matchesEmpty(matcher, text)) isSelective = true
  }
  if (!isSelective)
    throw new InvalidExpression('needs a matcher that doesn’t match the empty string', node.from)
  return 'vector'
}

function matchesEmpty(matcher: SyntaxNode, text: string): boolean {
  const [operator, literal] = [textOf(matcher.getChild('MatchOp')!, text), matcher.lastChild!]
  const value = stringOf(literal, text)
  if (operator === '=') return value === ''
  if (operator === '!=') return value !== ''
  try {
    return matchesEmptyString(value) === (operator === '=~')
  } catch (error) {
    if (!(error instanceof InvalidRegex)) throw error
    throw new InvalidExpression(`regular expression: ${error.message}`, literal.from)
  }
}

function range(node: SyntaxNode, text: string): ValueType {
  const inner = node.firstChild!
  if (inner.name !== 'VectorSelector')
    throw new InvalidExpression('only a plain selector takes a range', node.from)
  typeOf(inner, text)
  checkDurations(node, text)
  return 'matrix'
}

function subquery(node: SyntaxNode, text: string): ValueType {
  const inner = node.firstChild!
  const type = typeOf(inner, text)
  if (type !== 'vector' || isOperation(withoutModifiers(inner)))
    throw new InvalidExpression(
      'a subquery takes one instant vector, anything else needs brackets',
      node.from,
    )
  checkDurations(node, text)
  return 'matrix'
}

/** The grammar attaches a suffix to the whole operation, where it belongs to the last operand. */
function lastOperand(node: SyntaxNode): SyntaxNode {
  return isOperation(node) ? lastOperand(node.lastChild!) : node
}

function isOperation(node: SyntaxNode): boolean {
  return node.name === 'BinaryExpr' || node.name === 'UnaryExpr'
}

function withoutModifiers(node: SyntaxNode): SyntaxNode {
  return isModified(node) ? withoutModifiers(node.firstChild!) : node
}

function isModified(node: SyntaxNode): boolean {
  return node.name === 'OffsetExpr' || node.name === 'StepInvariantExpr'
}

const modifiable = ['VectorSelector', 'MatrixSelector', 'SubqueryExpr']

/** `offset` and `@`, each at most once. */
function modified(node: SyntaxNode, text: string): ValueType {
  const inner = lastOperand(node.firstChild!)
  const operand = isModified(inner) ? lastOperand(inner.firstChild!) : inner
  if (inner.name === node.name || !modifiable.includes(operand.name))
    throw new InvalidExpression('only selectors and subqueries take offset and @, each once', node.from)
  if (node.name === 'OffsetExpr') checkDurations(node, text)
  const time = node.getChild('NumberDurationLiteral')
  if (time && !/^[+-]?\d{1,12}(\.\d+)?$/.test(textOf(time, text)))
    throw new InvalidExpression('@ takes a time in seconds', time.from)
  return typeOf(node.firstChild!, text)
}

const maxDurationMs = 100 * 365 * 86_400_000

/** Only newer versions take arithmetic and bare numbers. An offset may be negative. */
function checkDurations(node: SyntaxNode, text: string): void {
  const offset = node.getChild('OffsetDurationExpr')
  const plain = offset ? [textOf(offset, text).replace(/^-\s*/, '')] : []
  const ranges = node.getChildren('DurationExpr').map((duration) => textOf(duration, text))
  for (const duration of [...plain, ...ranges]) {
    const ms = durationOf(duration)
    if (ms === undefined || ms === 0 || ms > maxDurationMs)
      throw new InvalidExpression(`${duration} is not a duration such as 5m`, node.from)
  }
}

function stringOf(node: SyntaxNode, text: string): string {
  const value = unquote(textOf(node, text))
  if (value === undefined) throw new InvalidExpression('not a valid string', node.from)
  return value
}

function childrenOf(node: SyntaxNode | null): readonly SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child; child = child.nextSibling) children.push(child)
  return children
}

function textOf(node: SyntaxNode, text: string): string {
  return text.slice(node.from, node.to)
}
