import { expect, test } from 'vitest'
import { announcedFormat, contentTypeOf, negotiate } from '../../src/exposition/formats.ts'
import { type Format, formatNames } from '../../src/model.ts'

const prometheus3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const prometheus2 =
  'application/openmetrics-text; version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const native =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8'

const vmagent = 'text/plain;version=0.0.4;q=1,*/*;q=0.1'

test.each([
  [prometheus3, undefined, 'openmetrics/1.0.0', 'allow-utf-8'],
  [prometheus3, 'text/0.0.4', 'text/0.0.4', 'underscores'],
  [prometheus3, 'text/1.0.0', 'text/1.0.0', 'allow-utf-8'],
  [prometheus2, undefined, 'openmetrics/1.0.0', 'underscores'],
  [prometheus2, 'text/1.0.0', 'text/1.0.0', 'underscores'],
  [native, undefined, 'protobuf', 'underscores'],
  [native, 'text/0.0.4', 'text/0.0.4', 'underscores'],
  [native, 'protobuf', 'protobuf', 'underscores'],
  [
    `${native},`.replace('delimited;', 'delimited;escaping=allow-utf-8;'),
    'protobuf',
    'protobuf',
    'allow-utf-8',
  ],
  [prometheus3, 'protobuf', 'openmetrics/1.0.0', 'allow-utf-8'],
  ['*/*', 'protobuf', 'text/0.0.4', 'underscores'],
  ['application/*', 'protobuf', 'openmetrics/1.0.0', 'underscores'],
  ['application/vnd.google.protobuf', 'protobuf', 'text/0.0.4', 'underscores'],
  [native.replace('delimited', 'text'), undefined, 'openmetrics/1.0.0', 'allow-utf-8'],
  [browser, undefined, 'text/0.0.4', 'underscores'],
  [browser, 'openmetrics/1.0.0', 'openmetrics/1.0.0', 'underscores'],
  [undefined, undefined, 'text/0.0.4', 'underscores'],
  ['', undefined, 'text/0.0.4', 'underscores'],
  ['application/json', 'openmetrics/1.0.0', 'text/0.0.4', 'underscores'],
  [vmagent, 'openmetrics/1.0.0', 'text/0.0.4', 'underscores'],
  [vmagent, 'text/0.0.4', 'text/0.0.4', 'underscores'],
  ['*/*', 'openmetrics/1.0.0', 'openmetrics/1.0.0', 'underscores'],
  ['text/plain', 'openmetrics/1.0.0', 'text/0.0.4', 'underscores'],
  ['text/*', 'text/1.0.0', 'text/1.0.0', 'underscores'],
  ['application/openmetrics-text', undefined, 'openmetrics/0.0.1', 'underscores'],
  ['application/openmetrics-text; version="1.0.0"; escaping=dots', undefined, 'openmetrics/1.0.0', 'dots'],
  ['text/plain;version=0.0.4;q=0,*/*;q=0.5', undefined, 'text/1.0.0', 'underscores'],
  ['text/plain;version=0.0.4;q=0,*/*;q=0.5', 'text/0.0.4', 'text/1.0.0', 'underscores'],
  [
    'text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4',
    undefined,
    'text/0.0.4',
    'underscores',
  ],
  ['TEXT/PLAIN; VERSION=0.0.4; Q=1', undefined, 'text/0.0.4', 'underscores'],
] as const)('negotiates %s with %s', (accept, own, format, escaping) => {
  expect(negotiate(accept, own)).toEqual({ format, escaping })
})

test.each<[Format]>(formatNames.map((format) => [format]))(
  'writes and reads the Content-Type of %s',
  (format) => expect(announcedFormat(contentTypeOf(format, 'allow-utf-8'))?.name).toBe(format),
)

test('writes the escaping only where there is one', () => {
  expect(contentTypeOf('text/0.0.4', 'underscores')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(contentTypeOf('text/1.0.0', 'dots')).toBe('text/plain; version=1.0.0; charset=utf-8; escaping=dots')
  expect(contentTypeOf('openmetrics/1.0.0')).toBe(
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
  )
  expect(contentTypeOf('protobuf', 'underscores')).toBe(
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores',
  )
})
