import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Rule, ruleProblem } from '../../src/promql/rule.ts'
import { printRules, readRules } from '../../src/promql/rule-file.ts'
import { literalOf, literalTemplate, templateProblem } from '../../src/promql/template.ts'

const good: Rule = {
  alert: 'web_down',
  expr: 'up == 0',
  for: 30_000,
  labels: { cluster: 'prod' },
  annotations: { summary: '{{ $value }}' },
}
const day = 86_400_000

describe('a rule that Prometheus would refuse', () => {
  test.each<[string, Partial<Rule>, string]>([
    ['has no name', { alert: '' }, 'alert'],
    ['has half a character in its name', { alert: 'a\ud800' }, 'alert'],
    ['has too long a name', { alert: 'a'.repeat(65_536) }, 'alert'],
    ['has no expression', { expr: '' }, 'expr'],
    ['has a broken expression', { expr: 'up ==' }, 'expr'],
    ['has half a character in its expression', { expr: 'up{a="\udc00"}' }, 'expr'],
    ['waits for too long', { for: 31 * day }, 'for'],
    ['waits for an infinite time', { for: Number.POSITIVE_INFINITY }, 'for'],
    ['waits for a negative time', { for: -1 }, 'for'],
    ['waits for what is no duration', { for: Number.NaN }, 'for'],
    ['is labelled with a metric’s name', { labels: { __name__: 'x' } }, 'labels'],
    ['has a label without a name', { labels: { '': 'x' } }, 'labels'],
    ['has a label with a dash', { labels: { 'a-b': 'x' } }, 'labels'],
    ['has a name longer than a YAML key', { labels: { ['a'.repeat(1025)]: 'x' } }, 'labels'],
    ['has a broken template in a label', { labels: { a: '{{ x' } }, 'labels'],
    ['has half a character in a label', { labels: { a: '\ud83d' } }, 'labels'],
    ['has a broken template in an annotation', { annotations: { a: '{{ end }}' } }, 'annotations'],
    ['has an annotation without a name', { annotations: { '': 'x' } }, 'annotations'],
    ['uses a key of prototypes', { annotations: JSON.parse('{"__proto__":"x"}') }, 'annotations'],
  ])('%s, and affects no other', (_, broken, part) => {
    const bad = { ...good, ...broken }
    expect(ruleProblem(bad)).toMatchObject({ part })
    const { rules, refused } = readRules(printRules([good, bad, good]))
    expect(rules).toEqual([good, good])
    expect(refused).toEqual([expect.stringContaining('rule 2')])
  })
})

test('names that are keys of every object are labels as others are', () => {
  const rule = { ...good, labels: { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: 'd' } }
  expect(ruleProblem(rule)).toBeUndefined()
  expect(readRules(printRules([rule]))).toEqual({ rules: [rule], refused: [] })
})

test.each([
  ['no object', [1, 'a', null, []]],
  [
    'no string',
    [
      { alert: 1, expr: 'up' },
      { alert: 'a', expr: ['up'] },
    ],
  ],
  [
    'a field that is not known',
    [
      { alert: 'a', expr: 'up', keep_firing_for: '1m' },
      { record: 'a', expr: 'up' },
    ],
  ],
  [
    'a wait that is no string',
    [
      { alert: 'a', expr: 'up', for: { toString: 1 } },
      { alert: 'a', expr: 'up', for: 5 },
    ],
  ],
  [
    'labels that are no strings',
    [
      { alert: 'a', expr: 'up', labels: { a: 1 } },
      { alert: 'a', expr: 'up', labels: [] },
    ],
  ],
])('of a file with rules that have %s only those are refused', (_, broken) => {
  const text = JSON.stringify({ groups: [{ rules: broken }, { rules: [{ alert: 'valid', expr: 'up' }] }] })
  const { rules, refused } = readRules(text)
  expect(rules.map(({ alert }) => alert)).toEqual(['valid'])
  expect(refused).toHaveLength(broken.length)
})

const braces = fc.array(fc.constantFrom('{', '}', '`', '{{', '}}', '{{`{{`}}', '"', ' x ', '-', '\n', '/*'))

test('any text has a template that expands to it, from which it is found again', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        braces.map((parts) => parts.join('')),
      ),
      (text) => {
        const template = literalTemplate(text)
        expect(templateProblem(template)).toBeUndefined()
        expect(literalOf(template)).toBe(text)
      },
    ),
    { numRuns: 2000 },
  )
})

test.each(['{{ $value }}', 'a {{ "x" }}', '{{`{{`}} {{ . }}', '{{`{`}}'])(
  '%s is no template of a plain text',
  (template) => expect(literalOf(template)).toBeUndefined(),
)
