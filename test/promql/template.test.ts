import { describe, expect, test } from 'vitest'
import { templateProblem } from '../../src/promql/template.ts'

describe('a template', () => {
  test.each([
    'no template at all }}',
    '{{ $labels.instance }} is down',
    '{{$value}}',
    '{{ .Labels.job }} {{ . }}',
    '{{- $value | humanizePercentage -}}',
    '{{ printf "%.2f" $value | title }}',
    '{{ printf "}}" }}',
    '{{ if gt $value 1.5 }}much{{ else }}little{{ end }}',
    '{{ range query "up" }}{{ .Value }}{{ end }}',
    '{{ with (query "up" | first) }}{{ . | value }}{{ end }}',
    '{{ $externalLabels.region }} {{ `raw` }} {{ -1 }} {{ true }}',
  ])('%s is valid', (text) => expect(templateProblem(text)).toBeUndefined())

  test.each([
    ['{{ $labels.instance', 'missing }}'],
    ['{{ }}', 'nothing between the braces'],
    ['{{ $foo }}', '$foo is not a supported variable'],
    ['{{ foo }}', 'foo is not a supported function'],
    ['{{ end }}', '{{ end }} without {{ if }}, {{ with }} or {{ range }}'],
    ['{{ if $value }}', 'missing {{ end }}'],
    ['{{ if }}x{{ end }}', 'nothing between the braces'],
    [
      '{{ if $value }}{{ else }}{{ else }}{{ end }}',
      '{{ else }} without {{ if }}, {{ with }} or {{ range }}',
    ],
    ['{{ $value | 5 }}', '5 can’t be called'],
    ['{{ $value | }}', 'nothing between the braces'],
    ['{{ ($value }}', 'missing )'],
    ['{{ $value) }}', 'unexpected )'],
    ['{{ "a""b" }}', 'missing space before "b"'],
    ['{{ $value := 1 }}', 'unexpected ":"'],
    ['{{ template "x" }}', 'template is not a supported function'],
    ['{{ "\\d" }}', '"\\d" is not a valid string'],
    ["{{ 'x' }}", 'unexpected "\'"'],
  ])('%s: %s', (text, problem) => expect(templateProblem(text)).toBe(problem))
})
