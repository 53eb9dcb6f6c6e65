import { describe, expect, test } from 'vitest'
import { addMatcher, checkExpression, InvalidExpression } from '../../src/promql/expression.ts'
import { quote, unquote } from '../../src/promql/literals.ts'
import { InvalidRegex, matchesEmptyString } from '../../src/promql/regex.ts'

function refusal(expression: string): string | undefined {
  try {
    checkExpression(expression)
    return undefined
  } catch (error) {
    if (!(error instanceof InvalidExpression)) throw error
    return `${error.at}: ${error.message}`
  }
}

describe('valid expressions', () => {
  test.each([
    'up',
    'up{job="a"} == 0',
    'up{job="a",} == 0',
    '1',
    'vector(1)',
    "up{job=~'a|b.*'}",
    'up{job=`a`}',
    'sum by (instance) (rate(http_requests_total{code=~"5.."}[5m])) / on(instance) group_left(x) foo > 0.5',
    'histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > 1',
    'topk(5, up) unless bottomk(2, up)',
    'quantile(0.9, up)',
    'count_values("x", up)',
    'max_over_time(rate(up[5m])[1h:]) > 0',
    'max_over_time(rate(up[5m])[1h:5m] offset -1h @ 12)',
    'rate(up[5m] offset 1h30m)',
    'up @ start()',
    '1 > bool 2',
    '-up ^ 2',
    'label_replace(up, "a", "$1", "b", "(.*)")',
    'label_join(up, "a", ",")',
    'hour() > 22',
    'round(up, 5)',
    'up{job!~""}',
    'absent(up{job="a"})',
    'SUM(up)',
    'a > 2 * b offset 1w',
    '-up offset 5m @ 3',
    'a offset 5m > b offset 1m and c',
    'max_over_time((a + b)[1h:])',
  ])('%s', (expression) => expect(refusal(expression)).toBeUndefined())
})

describe('invalid expressions, with the place of the error', () => {
  test.each([
    ['', '0: unexpected end'],
    ['up >', '4: unexpected end'],
    ['up{job="a"', '10: unexpected end'],
    ['up up', '3: unexpected "up"'],
    ['nosuch(up)', '6: unexpected "("'],
    ['sum(up) > 1 )', '12: unexpected ")"'],
    ['up # all of them', '3: comments are not supported here'],
    ['up\u00a0> 1', '2: unexpected "\u00a0"'],
    ['"up"', '0: a rule needs an instant vector or a number, not a string'],
    ['up[5m]', '0: a rule needs an instant vector or a number, not a range vector'],
    ['rate(up)', '5: rate takes a range vector here, not an instant vector'],
    ['sum(up[5m])', '4: sum takes an instant vector here, not a range vector'],
    ['rate(up[5m], 1)', '0: rate takes 1 argument, not 2'],
    ['label_join(up)', '0: label_join takes 3 arguments or more, not 1'],
    ['round()', '0: round takes 1 to 2 arguments, not 0'],
    ['topk(up)', '0: topk takes 2 arguments, not 1'],
    ['1 > 2', '2: a comparison of two numbers needs bool'],
    ['up + bool 1', '3: only comparisons take bool'],
    ['up and 1', '3: and takes instant vectors only'],
    ['up + "a"', '3: + takes numbers and instant vectors, not a string'],
    ['up / on(a) 1', '5: only two instant vectors can be matched'],
    ['up and on(a) group_left b', '13: set operators take no grouping'],
    ['up * on(a) group_left(a) b', '5: label a is in both on and the grouping'],
    ['{}', '0: needs a matcher that doesn’t match the empty string'],
    ['{a=""}', '0: needs a matcher that doesn’t match the empty string'],
    ['{a=~".*"}', '0: needs a matcher that doesn’t match the empty string'],
    ['up{__name__="x"}', '3: the metric’s name is given twice'],
    ['up{a="\\d"}', '5: not a valid string'],
    ['up{a="x', '7: unexpected end'],
    ['up{a=~"("}', '6: regular expression: missing )'],
    [
      'up{a=~"(?=x)"}',
      '6: regular expression: of the groups that begin with (? only (?: and (?i) are supported',
    ],
    ['up[0s] > 1', '0: 0s is not a duration such as 5m'],
    ['max_over_time(a + b[1h:])', '14: a subquery takes one instant vector, anything else needs brackets'],
    [
      'max_over_time(-a offset 5m[1h:])',
      '14: a subquery takes one instant vector, anything else needs brackets',
    ],
    [
      'rate(1 - a @ 3 offset 5m[1h:])',
      '5: a subquery takes one instant vector, anything else needs brackets',
    ],
    ['a > sum(b) offset 5m', '0: only selectors and subqueries take offset and @, each once'],
    ['rate(up[300])', '5: 300 is not a duration such as 5m'],
    ['rate(up[5m*2])', '5: 5m*2 is not a duration such as 5m'],
    ['rate((up)[5m])', '5: only a plain selector takes a range'],
    ['(up) offset 5m', '0: only selectors and subqueries take offset and @, each once'],
    ['up offset 5m offset 5m', '0: only selectors and subqueries take offset and @, each once'],
    ['5m', '0: 5m is not a number in every Prometheus since 2.40'],
    ['1e999', '0: 1e999 is not a number in every Prometheus since 2.40'],
    ['limitk(2, up)', '0: limitk is not supported by every Prometheus since 2.40'],
    ['mad_over_time(up[5m])', '0: mad_over_time is not supported by every Prometheus since 2.40'],
    ['{"up"}', '1: quoted names are not supported by every Prometheus since 2.40'],
    ['bool', '0: unexpected "bool"'],
    ['by > 1', '0: by is a keyword'],
    [`up${' '.repeat(9000)}`, '8192: longer than 8192 characters'],
  ])('%s', (expression, expected) => expect(refusal(expression)).toBe(expected))
})

describe('regular expressions', () => {
  test.each([
    ['', true],
    ['.*', true],
    ['.+', false],
    ['a|', true],
    ['(a|b)?c{0,2}', true],
    ['^(?:a)+$', false],
    ['(?i)error', false],
    ['[^]a-z-]', false],
    ['[[:alpha:]\\d]{2,}', false],
    ['5\\d\\.x{', false],
    ['\\Aa\\z', false],
    ['a{,5}', false],
  ])('%s matches the empty string: %s', (source, matchesEmpty) =>
    expect(matchesEmptyString(source)).toBe(matchesEmpty),
  )

  test.each([
    '(',
    ')',
    '[',
    '[z-a]',
    '[a-\\d]',
    '*',
    'a**',
    'a{2}{3}',
    '{2}',
    'a|{2,}',
    '(?i)*',
    '(a{2}){3}',
    'a{1001}',
    'a{00}',
    'a{1,02}',
    'a{3,2}',
    '\\1',
    '\\b',
    '\\y',
    '\\X41',
    '(?<n>a)',
    '(?!a)',
    '^*',
    '[[:nope:]]',
    '\\pN',
    'a\\',
  ])('%s is refused', (source) => expect(() => matchesEmptyString(source)).toThrow(InvalidRegex))
})

test.each([
  ['"a\\n\\"\\x41\\u00e4\\101"', 'a\n"Aä' + 'A'],
  ['"\\x7f\\177"', '\x7f\x7f'],
  ['"\\xff"', undefined],
  ['"\\xc3\\xa4"', undefined],
  ['"\\200"', undefined],
  ["'it\\'s'", "it's"],
  ['`a\\d`', 'a\\d'],
  ['"\\\'"', undefined],
  ['"\\d"', undefined],
  ['"\\ud800"', undefined],
  ['"open', undefined],
])('the value of %s is %s', (literal, text) => expect(unquote(literal)).toBe(text))

test.each(['plain', 'quo"te', 'back\\slash', 'line\nbreak', '\u2028\ufeff\u0085'])(
  '%j survives quoting',
  (text) => expect(unquote(quote(text))).toBe(text),
)

describe('limiting to a cluster', () => {
  test.each([
    ['up', 'up{cluster="a"}'],
    ['up{}', 'up{cluster="a"}'],
    ['{job="x"}', '{cluster="a",job="x"}'],
    ['up{job="x",} == 0', 'up{cluster="a",job="x",} == 0'],
    ['up{cluster="b"}', 'up{cluster="a",cluster="b"}'],
    [
      'sum by (up) (rate(up[5m] offset 1h)) / on(up) foo',
      'sum by (up) (rate(up{cluster="a"}[5m] offset 1h)) / on(up) foo{cluster="a"}',
    ],
    [
      'label_replace(up, "up", "up{}", "up", "up")',
      'label_replace(up{cluster="a"}, "up", "up{}", "up", "up")',
    ],
    ['vector(1)', 'vector(1)'],
    ['max_over_time((a + b)[1h:])', 'max_over_time((a{cluster="a"} + b{cluster="a"})[1h:])'],
  ])('%s', (expression, limited) => {
    expect(addMatcher(expression, 'cluster', 'a')).toBe(limited)
    checkExpression(limited)
  })

  test('a name can’t break out of its quotes', () => {
    const limited = addMatcher('up', 'cluster', 'a"} or up{x="')
    expect(limited).toBe('up{cluster="a\\"} or up{x=\\""}')
    checkExpression(limited)
  })
})
