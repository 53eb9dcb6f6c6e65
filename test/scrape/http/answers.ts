// Answers as containers send them, well and badly, and what is to be made of each.

const ok = 'HTTP/1.1 200 OK\r\n'
const three = 'content-length: 3\r\n\r\nabc'
const chunks = 'transfer-encoding: chunked\r\n\r\n'

export type Verdict =
  | 'refused'
  | 'incomplete'
  | { readonly status: number; readonly body: string; readonly kept: boolean }

interface Case {
  readonly what: string
  /** A character for each byte, after which the container hangs up. */
  readonly bytes: string
  readonly verdict: Verdict
  /** Where undici sees it in another way. */
  readonly differs?: true
}

const kept = { status: 200, body: 'abc', kept: true }
const closed = { ...kept, kept: false }

function each(verdict: Verdict, cases: Readonly<Record<string, string>>, differs?: true): readonly Case[] {
  return Object.entries(cases).map(([what, bytes]) => ({
    ...{ what, bytes, verdict },
    ...(differs ? { differs } : {}),
  }))
}

export const answers: readonly Case[] = [
  ...each(kept, {
    'a length': `${ok}${three}`,
    'a length with zeros before it': `${ok}content-length: 0003\r\n\r\nabc`,
    chunks: `${ok}${chunks}3\r\nabc\r\n0\r\n\r\n`,
    'several chunks': `${ok}${chunks}1\r\na\r\n2\r\nbc\r\n0\r\n\r\n`,
    'chunks in capitals': `${ok}Transfer-Encoding: CHUNKED \r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    'chunks with extensions': `${ok}${chunks}3;a=b;c\r\nabc\r\n0;x="y\\"z"\r\n\r\n`,
    'chunk sizes with zeros before them': `${ok}${chunks}00000000000000000003\r\nabc\r\n000\r\n\r\n`,
    trailers: `${ok}${chunks}3\r\nabc\r\n0\r\nx: y\r\nz: w\r\n\r\n`,
    'trailers that look like a head': `${ok}${chunks}3\r\nabc\r\n0\r\ntransfer-encoding: chunked\r\n\r\n`,
    'early hints before it': `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}${three}`,
    'a length in what comes before it': `HTTP/1.1 102 Processing\r\ncontent-length: 3\r\n\r\n${ok}${three}`,
    'bytes above ASCII in a value': `${ok}x: \xe9\xff\r\n${three}`,
    'an empty value': `${ok}x:\r\n${three}`,
    'no reason': `HTTP/1.1 200\r\n${three}`,
    'an empty reason': `HTTP/1.1 200 \r\n${three}`,
    'bytes above ASCII in the reason': `HTTP/1.1 200 \xe9\r\n${three}`,
    'a control character in the reason': `HTTP/1.1 200 a\x01\r\n${three}`,
    'nearly too much of a head': `${ok}x: ${'a'.repeat(16_000)}\r\n${three}`,
    'an upgrade that nobody asked for, offered': `${ok}connection: upgrade\r\nupgrade: h2c\r\n${three}`,
    'HTTP/1.0 that keeps the connection': `HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n${three}`,
  }),
  ...each(
    kept,
    {
      'blanks around the length': `${ok}content-length: \t 3 \t\r\n\r\nabc`,
      'blanks after a chunk’s size': `${ok}${chunks}3 \t\r\nabc\r\n0 ;x\r\n\r\n`,
      'a length among the trailers': `${ok}${chunks}3\r\nabc\r\n0\r\ncontent-length: 5\r\n\r\n`,
      'a go-ahead that nobody waits for': `HTTP/1.1 100 Continue\r\n\r\n${ok}${three}`,
    },
    true,
  ),
  ...each(closed, {
    'neither length nor chunks': `${ok}\r\nabc`,
    'HTTP/1.0': 'HTTP/1.0 200 OK\r\n\r\nabc',
    'HTTP/1.0 with a length': `HTTP/1.0 200 OK\r\n${three}`,
    'HTTP/1.0 with chunks': `HTTP/1.0 200 OK\r\n${chunks}3\r\nabc\r\n0\r\n\r\n`,
    'the connection’s end announced': `${ok}Connection: Close\r\n${three}`,
    'the connection’s end announced in a list': `${ok}connection: foo\r\nconnection: keep-alive , close\r\n${three}`,
    'bytes after it': `${ok}${three}more`,
    'another answer after it': `${ok}${three}${ok}content-length: 3\r\n\r\nxyz`,
    'an empty line after it': `${ok}${three}\r\n`,
  }),
  { what: 'an empty page', bytes: `${ok}content-length: 0\r\n\r\n`, verdict: { ...kept, body: '' } },
  {
    what: 'an error page',
    bytes: `HTTP/1.1 999 What\r\n${three}`,
    verdict: { status: 999, body: 'abc', kept: true },
  },
  ...each(
    { status: 204, body: '', kept: true },
    {
      'no content': 'HTTP/1.1 204 No\r\n\r\n',
      'no content, of no length': 'HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n',
    },
  ),
  ...['204', '304'].flatMap((status) => {
    const verdict = { status: Number(status), body: '', kept: false }
    return [
      ...each(verdict, { [`${status} with a length`]: `HTTP/1.1 ${status} No\r\ncontent-length: 3\r\n\r\n` }),
      ...each(verdict, { [`${status} with chunks`]: `HTTP/1.1 ${status} No\r\n${chunks}` }),
    ]
  }),
  ...each('incomplete', {
    nothing: '',
    'a part of the first line': 'HTTP/1.1 20',
    'a part of the head': `${ok}content-length: 3\r\n`,
    'less than announced': `${ok}content-length: 5\r\n\r\nabc`,
    'a chunk cut short': `${ok}${chunks}5\r\nabc`,
    'no last chunk': `${ok}${chunks}3\r\nabc\r\n`,
    'no end after the last chunk': `${ok}${chunks}3\r\nabc\r\n0\r\n`,
  }),
  ...each('refused', {
    'length and chunks': `${ok}content-length: 3\r\n${chunks}3\r\nabc\r\n0\r\n\r\n`,
    'chunks and length': `${ok}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    'the same length twice': `${ok}content-length: 3\r\n${three}`,
    'two lengths': `${ok}content-length: 4\r\n${three}`,
    'a list of lengths': `${ok}content-length: 3, 3\r\n\r\nabc`,
    'a length with a sign': `${ok}content-length: +3\r\n\r\nabc`,
    'a negative length': `${ok}content-length: -3\r\n\r\nabc`,
    'a hexadecimal length': `${ok}content-length: 0x3\r\n\r\nabc`,
    'an empty length': `${ok}content-length: \r\n\r\nabc`,
    'a length of two words': `${ok}content-length: 3 3\r\n\r\nabc`,
    'a length beyond all numbers': `${ok}content-length: 99999999999999999999999\r\n\r\nabc`,
    'a no-break space after the length': `${ok}content-length: 3\xa0\r\n\r\nabc`,
    'a folded value': `${ok}x: a\r\n b\r\n${three}`,
    'a folded length': `${ok}content-length:\r\n 3\r\n\r\nabc`,
    'a first header that begins with a blank': `${ok} x: a\r\n${three}`,
    'a control character in a value': `${ok}x: a\x7fb\r\n${three}`,
    'a zero byte in a value': `${ok}x: a\0b\r\n${three}`,
    'a blank before the colon': `${ok}content-length : 3\r\n\r\nabc`,
    'no name': `${ok}: 3\r\n${three}`,
    'a name of two words': `${ok}a b: 3\r\n${three}`,
    'bytes above ASCII in a name': `${ok}\xe9: 3\r\n${three}`,
    'no colon': `${ok}abc\r\n${three}`,
    'lines that end with a line feed alone': 'HTTP/1.1 200 OK\ncontent-length: 3\n\nabc',
    'one line that ends with a line feed alone': `${ok}x: y\n${three}`,
    'a line feed alone as the last line': `${ok}content-length: 3\r\n\nabc`,
    'lines that end with a carriage return alone': 'HTTP/1.1 200 OK\rcontent-length: 3\r\rabc',
    'a carriage return too many': `${ok}content-length: 3\r\r\n\r\nabc`,
    'a carriage return in the reason': `HTTP/1.1 200 a\rb\r\n${three}`,
    'two blanks before the status': `HTTP/1.1  200 OK\r\n${three}`,
    'a status of two digits': `HTTP/1.1 99 OK\r\n${three}`,
    'a status of four digits': `HTTP/1.1 1000 OK\r\n${three}`,
    'a status that begins with zero': `HTTP/1.1 099 OK\r\n${three}`,
    'HTTP/1.2': `HTTP/1.2 200 OK\r\n${three}`,
    'http in small letters': `http/1.1 200 OK\r\n${three}`,
    'another protocol': 'ICY 200 OK\r\n\r\nabc',
    'a switch of protocol': 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    'a coding with a control character': `${ok}transfer-encoding: \x0bchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    'chunks whose lines end with a line feed alone': `${ok}${chunks}3\nabc\n0\n\n`,
    'a line feed in a chunk’s extension': `${ok}${chunks}3;a\nb\r\nabc\r\n0\r\n\r\n`,
    'a chunk shorter than its data': `${ok}${chunks}2\r\nabc\r\n0\r\n\r\n`,
    'a chunk without its end': `${ok}${chunks}3\r\nabc0\r\n\r\n`,
    'a negative chunk': `${ok}${chunks}-3\r\nabc\r\n0\r\n\r\n`,
    'a chunk’s size with 0x': `${ok}${chunks}0x3\r\nabc\r\n0\r\n\r\n`,
    'no size of a chunk': `${ok}${chunks}\r\nabc\r\n0\r\n\r\n`,
    'a blank before a chunk’s size': `${ok}${chunks} 3\r\nabc\r\n0\r\n\r\n`,
    'a chunk beyond all numbers': `${ok}${chunks}ffffffffffffffffff\r\nabc`,
    'a chunk that no memory holds': `${ok}${chunks}fffffffffffff\r\nabc`,
    'a trailer without a colon': `${ok}${chunks}3\r\nabc\r\n0\r\nxy\r\n\r\n`,
    'too much of a head': `${ok}x: ${'a'.repeat(17_000)}\r\n${three}`,
  }),
  // of codings Prometheus takes chunks alone, too
  ...each(
    'refused',
    {
      'another coding': `${ok}transfer-encoding: gzip\r\n\r\nabc`,
      'another coding and chunks': `${ok}transfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      'chunks and another coding': `${ok}transfer-encoding: chunked, gzip\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      'chunks twice': `${ok}transfer-encoding: chunked\r\n${chunks}3\r\nabc\r\n0\r\n\r\n`,
      'what only begins like chunks': `${ok}transfer-encoding: chunkedx\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      'an empty coding': `${ok}transfer-encoding:\r\n\r\nabc`,
      'HTTP/0.9': `HTTP/0.9 200 OK\r\n${three}`,
      'HTTP/2.0': `HTTP/2.0 200 OK\r\n${three}`,
      'an empty line before it': `\r\n${ok}${three}`,
    },
    true,
  ),
]
