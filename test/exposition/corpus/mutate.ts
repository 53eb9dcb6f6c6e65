// Damage to pages: what a broken program, a cut connection or an attacker would send.

import type { Random } from './random.ts'

const tokens = [
  ...'{}",=#\\\n\t \r\0:.+-_0123456789aeEnN',
  '# HELP ',
  '# TYPE ',
  '# UNIT ',
  '# EOF',
  '# EOF\n',
  ' # {',
  'NaN',
  '+Inf',
  '1e308',
  '1e309',
  '\\n',
  '\\"',
  '\\\\',
  '""',
  '{"',
  'le="',
  'quantile="',
  '_total',
  '_bucket',
  '_created',
  ' counter',
  ' untyped',
  '\u00fc',
  '\ud83d\ude00',
].map((token) => Buffer.from(token))
const badBytes = [0x00, 0x80, 0xc0, 0xed, 0xff]

/** The page with one to eight changes. */
export function mutated(page: Uint8Array, random: Random): Buffer {
  let body = Buffer.from(page)
  for (let left = 1 + random.below(8); left > 0; left--) body = changed(body, random)
  return body
}

function changed(body: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = random.below(body.length + 1)
  const to = Math.min(body.length, at + 1 + random.below(random.one([2, 10, 100])))
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([body.subarray(0, at), body.subarray(to)])
    case 1:
      return Buffer.concat([body.subarray(0, at), random.one(tokens), body.subarray(at)])
    case 2:
      return Buffer.concat([body.subarray(0, at), random.one(tokens), body.subarray(to)])
    case 3:
      return Buffer.concat([body.subarray(0, at), Buffer.from([random.one(badBytes)]), body.subarray(at)])
    case 4:
      return Buffer.concat([body.subarray(0, to), body.subarray(at)])
    default:
      return Buffer.from(body.subarray(0, at))
  }
}
