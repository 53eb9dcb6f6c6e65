// The tool's own DNS server, which resolves every name of the own network, and which may be gone or wrong.

import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface DnsServer extends AsyncDisposable {
  /** Every name has this IPv4 address; or there is no such name; or nobody answers. */
  answer: string | 'no such name' | 'nothing'
}

const file = '/etc/resolv.conf'
const header = 12
const typeA = 1

/** Only inside the tool's own network (own-network.ts). */
export async function startDnsServer(): Promise<DnsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'faults-dns-'))
  const own = join(folder, 'resolv.conf')
  writeFileSync(own, 'nameserver 127.0.0.1\n')
  execFileSync('mount', ['--bind', own, file])
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => {
    if (server.answer !== 'nothing') socket.send(reply(question, server.answer), port, address)
  })
  socket.bind(53, '127.0.0.1')
  await once(socket, 'listening')
  const server: DnsServer = {
    answer: '127.0.0.1',
    async [Symbol.asyncDispose]() {
      socket.close()
      execFileSync('umount', [file])
      rmSync(folder, { recursive: true })
    },
  }
  return server
}

/** The one question again, with its answer where it is for an IPv4 address. */
function reply(query: Buffer, answer: string): Buffer {
  const end = query.indexOf(0, header) + 5
  const isKnown = answer !== 'no such name'
  const records = isKnown && query.readUInt16BE(end - 4) === typeA ? [recordOf(answer)] : []
  const head = Buffer.from(query.subarray(0, header))
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2)
  for (const [at, count] of [1, records.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * at)
  return Buffer.concat([head, query.subarray(header, end), ...records])
}

/** The name of the question, type A, class IN, no time to live, four bytes. */
function recordOf(address: string): Buffer {
  return Buffer.from([0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)])
}
