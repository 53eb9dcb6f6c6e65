// A process of its own that serves any number of targets: one page at every address of loopback, plain or as gzip,
// as the client accepts it. It drops what is posted to it, as by remote write. Prints its port. Its arguments: how many
// bytes the page has as text, how many targets there are, each of which has another page at each scrape, and `protobuf`
// if the pages are in that format.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { contentTypeOf } from '../../src/exposition/formats.ts'
import { convert } from '../../src/exposition/merge.ts'
import type { Format } from '../../src/model.ts'
import { nodePage } from './page.ts'

const [bytes, targets = 500] = process.argv.slice(2, 4).map(Number)
const format: Format = process.argv[4] === 'protobuf' ? 'protobuf' : 'text/0.0.4'
const pages = Array.from({ length: 16 }, (_, round) => {
  const text = { format: 'text/0.0.4' as const, body: Buffer.from(nodePage(round, bytes)) }
  const plain = convert(text, { format, escaping: 'allow-utf-8' })
  return { plain, packed: gzipSync(plain, { level: 6 }) }
})
const type = { 'content-type': contentTypeOf(format) }
let requests = 0

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  if (request.method === 'POST') {
    request.resume().on('end', () => response.writeHead(204).end())
    return
  }
  const { plain, packed } = pages[((requests / targets) % pages.length) | 0]!
  requests += 1
  if (request.headers['accept-encoding']?.includes('gzip'))
    response
      .writeHead(200, { ...type, 'content-encoding': 'gzip', 'content-length': packed.length })
      .end(packed)
  else response.writeHead(200, { ...type, 'content-length': plain.length }).end(plain)
})
server.listen(0, '0.0.0.0', () => console.log((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
