// Whether Prometheus takes an expression as a rule. The grammar is Prometheus' own; the checks on top are
// those of its parser, for the versions in use since 2.40. Where versions differ, what an older one refuses is
// refused: a single expression that Prometheus doesn't take costs all rules of the file.

import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { aggregations, functions, type ValueType } from './functions.ts'
import { RefusedExpression } from './refused.ts'
import { checkRegex } from './regex.ts'
import { durationOf, unquote } from './text.ts'

const longest = 8192

/** Throws `RefusedExpression` where Prometheus would refuse, or could not evaluate, the rule. */
export function checkExpression(text: string): void {
  if (text.length > longest) throw new RefusedExpression(`longer than ${longest} characters`, longest)
  const top = parse(text)
  const type = typeOf(top, text)
  if (type !== 'vector' && type !== 'scalar')
    throw new RefusedExpression(`a rule needs an instant vector or a number, not ${names[type]}`, 0)
}

export function parse(text: string): SyntaxNode {
  const tree = parser.parse(text)
  const outside = text.split('')
  tree.cursor().iterate(({ type, from, to }) => {
    if (type.isError) throw new RefusedExpression(unexpected(text, from), from)
    if (type.name === 'LineComment') throw new RefusedExpression('comments are not read here', from)
    if (type.name === 'StringLiteral') outside.fill(' ', from, to)
  })
  // the grammar's notion of white space is wider than Prometheus'
  const odd = outside.findIndex((char) => !/[\t\n\r -~]/.test(char))
  if (odd >= 0) throw new RefusedExpression(unexpected(text, odd), odd)
  return tree.topNode.firstChild!
}

function unexpected(text: string, at: number): string {
  const word = /^(\w+|.)/s.exec(text.slice(at))?.[0]
  return word === undefined ? 'unexpected end' : `unexpected ${JSON.stringify(word)}`
}

const names: Readonly<Record<ValueType, string>> = {
  scalar: 'a number',
  vector: 'an instant vector',
  matrix: 'a range vector',
  text: 'a string',
}

function typeOf(node: SyntaxNode, text: string): ValueType {
  const check = checks[node.name]
  if (!check) throw new RefusedExpression('not known to every Prometheus in use', node.from)
  return check(node, text)
}

type Check = (node: SyntaxNode, text: string) => ValueType

const checks: Readonly<Record<string, Check>> = {
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
    throw new RefusedExpression(`${literal} is not a number to every Prometheus in use`, node.from)
  return 'scalar'
}

function unary(node: SyntaxNode, text: string): ValueType {
  const type = typeOf(node.lastChild!, text)
  if (type !== 'scalar' && type !== 'vector')
    throw new RefusedExpression(`a sign before ${names[type]}`, node.from)
  return type
}

const comparisons = ['Eql', 'Neq', 'Gtr', 'Gte', 'Lss', 'Lte']
const setOperators = ['And', 'Or', 'Unless']

function binary(node: SyntaxNode, text: string): ValueType {
  const [left, right] = [typeOf(node.firstChild!, text), typeOf(node.lastChild!, text)]
  const operator = node.firstChild!.nextSibling!
  const fail = (reason: string) => new RefusedExpression(reason, operator.from)
  for (const type of [left, right])
    if (type !== 'scalar' && type !== 'vector')
      throw fail(`${textOf(operator, text)} takes numbers and instant vectors, not ${names[type]}`)

  const [compares, isSet] = [comparisons.includes(operator.name), setOperators.includes(operator.name)]
  if (operator.name.startsWith('Trim') || node.getChild('FillModifier'))
    throw fail('not known to every Prometheus in use')
  const bool = node.getChild('BoolModifier')
  if (bool && !compares) throw fail('bool goes with comparisons only')
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
  if (hasScalar) throw new RefusedExpression('matching goes with two instant vectors only', clause.from)
  const [matched, grouped] = clause.getChildren('GroupingLabels').map((list) => labelsOf(list, text))
  const groups = clause.getChild('GroupLeft') ?? clause.getChild('GroupRight')
  if (groups && isSet) throw new RefusedExpression('no grouping for set operators', groups.from)
  const both = clause.getChild('On') ? grouped?.find((label) => matched?.includes(label)) : undefined
  if (both !== undefined)
    throw new RefusedExpression(`label ${both} stands in on and in the grouping`, clause.from)
}

function labelsOf(list: SyntaxNode, text: string): readonly string[] {
  const quoted = list.getChild('QuotedLabelName')
  if (quoted)
    throw new RefusedExpression('quoted label names aren’t known to every Prometheus in use', quoted.from)
  return list.getChildren('LabelName').map((label) => textOf(label, text))
}

function call(node: SyntaxNode, text: string): ValueType {
  const name = textOf(node.firstChild!, text)
  const signature = functions.get(name)
  if (!signature) throw new RefusedExpression(`${name} is not known to every Prometheus in use`, node.from)
  const given = argumentsOf(node)
  const { takes, optional, variadic, returns } = signature
  const [least, most] = [
    takes.length - (variadic ? 1 : optional),
    variadic ? Number.POSITIVE_INFINITY : takes.length,
  ]
  if (given.length < least || given.length > most)
    throw new RefusedExpression(`${name} takes ${counted(least, most)}, not ${given.length}`, node.from)
  for (const [at, argument] of given.entries()) expect(argument, takes[at] ?? takes.at(-1)!, name, text)
  return returns
}

function counted(least: number, most: number): string {
  if (most === Number.POSITIVE_INFINITY) return `${least} arguments or more`
  return least === most ? `${least} argument${least === 1 ? '' : 's'}` : `${least} to ${most} arguments`
}

function aggregate(node: SyntaxNode, text: string): ValueType {
  const name = textOf(node.firstChild!, text).toLowerCase()
  if (!aggregations.has(name))
    throw new RefusedExpression(`${name} is not known to every Prometheus in use`, node.from)
  const parameter = aggregations.get(name)
  const takes = [...(parameter ? [parameter] : []), 'vector' as const]
  const given = argumentsOf(node)
  if (given.length !== takes.length)
    throw new RefusedExpression(
      `${name} takes ${counted(takes.length, takes.length)}, not ${given.length}`,
      node.from,
    )
  for (const [at, argument] of given.entries()) expect(argument, takes[at]!, name, text)
  const labels = node.getChild('AggregateModifier')?.getChild('GroupingLabels')
  if (labels) labelsOf(labels, text)
  return 'vector'
}

function argumentsOf(node: SyntaxNode): readonly SyntaxNode[] {
  return node.getChild('FunctionCallBody')?.getChildren('Expr') ?? []
}

function expect(argument: SyntaxNode, wanted: ValueType, name: string, text: string): void {
  const type = typeOf(argument, text)
  if (type !== wanted)
    throw new RefusedExpression(`${name} takes ${names[wanted]} here, not ${names[type]}`, argument.from)
}

/** Words of the language: as a metric's name some are taken here and some there. */
const reserved =
  /^(and|or|unless|atan2|avg|bottomk|bool|by|count|count_values|end|group|group_left|group_right|ignoring|inf|limitk|limit_ratio|max|min|nan|offset|on|quantile|start|stddev|stdvar|sum|topk|without)$/i

function selector(node: SyntaxNode, text: string): ValueType {
  const metric = node.getChild('Identifier')
  if (metric && reserved.test(textOf(metric, text)))
    throw new RefusedExpression(`${textOf(metric, text)} is a word of the language`, metric.from)
  let narrows = metric !== null
  for (const matcher of childrenOf(node.getChild('LabelMatchers'))) {
    if (matcher.name !== 'UnquotedLabelMatcher')
      throw new RefusedExpression('quoted names aren’t known to every Prometheus in use', matcher.from)
    if (metric && textOf(matcher.firstChild!, text) === '__name__')
      throw new RefusedExpression('the metric’s name stands twice', matcher.from)
    if (!matchesEmpty(matcher, text)) narrows = true
  }
  if (!narrows) throw new RefusedExpression('needs a matcher that doesn’t match the empty string', node.from)
  return 'vector'
}

function matchesEmpty(matcher: SyntaxNode, text: string): boolean {
  const [operator, literal] = [textOf(matcher.getChild('MatchOp')!, text), matcher.lastChild!]
  const value = stringOf(literal, text)
  if (operator === '=') return value === ''
  if (operator === '!=') return value !== ''
  try {
    return checkRegex(value).matchesEmpty === (operator === '=~')
  } catch (error) {
    throw error instanceof RefusedExpression ? new RefusedExpression(error.message, literal.from) : error
  }
}

function range(node: SyntaxNode, text: string): ValueType {
  const inner = node.firstChild!
  if (inner.name !== 'VectorSelector')
    throw new RefusedExpression('a range goes with a plain selector only', node.from)
  typeOf(inner, text)
  checkDurations(node, text)
  return 'matrix'
}

function subquery(node: SyntaxNode, text: string): ValueType {
  const inner = node.firstChild!
  const type = typeOf(inner, text)
  if (type !== 'vector' || lastOperand(inner) !== inner)
    throw new RefusedExpression('a subquery goes with one instant vector, others need brackets', node.from)
  checkDurations(node, text)
  return 'matrix'
}

/** The grammar hangs what follows an operation on the whole of it, where it belongs to the last operand. */
function lastOperand(node: SyntaxNode): SyntaxNode {
  return node.name === 'BinaryExpr' || node.name === 'UnaryExpr' ? lastOperand(node.lastChild!) : node
}

const modifiable = ['VectorSelector', 'MatrixSelector', 'SubqueryExpr']

/** `offset` and `@`, each at most once. */
function modified(node: SyntaxNode, text: string): ValueType {
  const inner = lastOperand(node.firstChild!)
  const isModified = inner.name === 'OffsetExpr' || inner.name === 'StepInvariantExpr'
  const operand = isModified ? lastOperand(inner.firstChild!) : inner
  if (inner.name === node.name || !modifiable.includes(operand.name))
    throw new RefusedExpression('offset and @ go with selectors and subqueries only, each once', node.from)
  if (node.name === 'OffsetExpr') checkDurations(node, text)
  const time = node.getChild('NumberDurationLiteral')
  if (time && !/^[+-]?\d{1,12}(\.\d+)?$/.test(textOf(time, text)))
    throw new RefusedExpression('@ takes a time in seconds', time.from)
  return typeOf(node.firstChild!, text)
}

const longestDuration = 100 * 365 * 86_400_000

/** Only plain ones: arithmetic and bare numbers are for newer versions. An offset may be negative. */
function checkDurations(node: SyntaxNode, text: string): void {
  const offset = node.getChild('OffsetDurationExpr')
  const plain = offset ? [textOf(offset, text).replace(/^-\s*/, '')] : []
  const ranges = node.getChildren('DurationExpr').map((duration) => textOf(duration, text))
  for (const duration of [...plain, ...ranges]) {
    const ms = durationOf(duration)
    if (ms === undefined || ms === 0 || ms > longestDuration)
      throw new RefusedExpression(`${duration} is not a duration such as 5m`, node.from)
  }
}

function stringOf(node: SyntaxNode, text: string): string {
  const value = unquote(textOf(node, text))
  if (value === undefined) throw new RefusedExpression('not a string that Prometheus can read', node.from)
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
