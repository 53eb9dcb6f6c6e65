// What an answer says before its body. Whatever could be read in two ways is refused: where one answer ends and
// the next begins must never be a matter of opinion.

import { notHttp } from '../failures.ts'

export interface Head {
  readonly status: number
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly location: string | undefined
  readonly body: Extent
  /** The connection may be used again after this answer. */
  readonly kept: boolean
  /** For so many milliseconds, if it says so. */
  readonly keptFor: number | undefined
}

/** How long a body is, in bytes; or how its end is found. */
export type Extent = number | 'chunked' | 'until closed'

type Fields = ReadonlyMap<string, string>

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/
const fieldLine = /^([!#$%&'*+\-.^`|~\w]+):([\t\x20-\x7e\x80-\xff]*)$/
const once = new Set(['content-length', 'transfer-encoding'])
const lists = new Set(['connection', 'keep-alive'])

/** `text` is all before the empty line, a character for each byte. */
export function headOf(text: string): Head {
  const [first, ...rest] = text.split('\r\n')
  const [, minor, digits] = statusLine.exec(first!) ?? notHttp()
  const fields = fieldsOf(rest)
  const status = Number(digits)
  const announced = extentOf(fields)
  const body = hasBody(status) ? announced : 0
  return {
    status,
    contentType: fields.get('content-type'),
    contentEncoding: fields.get('content-encoding'),
    location: fields.get('location'),
    body,
    kept: isKept(fields, minor === '1') && isClear(body, announced),
    keptFor: keptFor(fields),
  }
}

/** Of what is said twice the first counts, unless it is a list. */
export function fieldsOf(lines: readonly string[]): Fields {
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = fieldLine.exec(line) ?? notHttp()
    const key = name!.toLowerCase()
    const before = fields.get(key)
    if (before === undefined) fields.set(key, trimmed(value!))
    else if (once.has(key)) notHttp()
    else if (lists.has(key)) fields.set(key, `${before},${value}`)
  }
  return fields
}

function extentOf(fields: Fields): Extent {
  const length = fields.get('content-length')
  const encoding = fields.get('transfer-encoding')
  if (encoding !== undefined) {
    if (length !== undefined || encoding.toLowerCase() !== 'chunked') notHttp()
    return 'chunked'
  }
  if (length === undefined) return 'until closed'
  return /^\d{1,15}$/.test(length) ? Number(length) : notHttp()
}

function hasBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304
}

/** A body that is announced where none may be would be taken for the next answer. */
function isClear(body: Extent, announced: Extent): boolean {
  return body === announced ? body !== 'until closed' : announced === 'until closed'
}

function isKept(fields: Fields, usually: boolean): boolean {
  const said = fields.get('connection')
  if (said === undefined) return usually
  const options = said.split(',').map((option) => option.trim().toLowerCase())
  return !options.includes('close') && (usually || options.includes('keep-alive'))
}

function keptFor(fields: Fields): number | undefined {
  const seconds = /(?:^|[\s,])timeout=(\d{1,9})/i.exec(fields.get('keep-alive') ?? '')?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** Of blanks and tabs alone; in one pass, however many there are. */
function trimmed(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text, start)) start += 1
  while (start < end && isBlank(text, end - 1)) end -= 1
  return text.slice(start, end)
}

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}
