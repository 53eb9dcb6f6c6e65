// The port as the real OpenSSH client sees it: one subsystem for who holds the derived key, nothing for anybody else.

import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Channel } from '../../src/sync/channel.ts'
import { createFrameReader, type Frame, writeFrame } from '../../src/sync/frames.ts'
import { deriveKeys, type Keys, keyPair } from '../../src/sync/keys.ts'
import { type SshListener, startListener } from '../../src/sync/sockets.ts'
import { createSsh } from '../../src/sync/ssh.ts'
import { scaled } from '../helpers/limits.ts'

let folder: string
let keys: Keys
let listener: SshListener
const channels: Channel[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amp-ssh-'))
  keys = await deriveKeys('a secret that is long enough')
  listener = await startListener({
    port: 0,
    clock: systemClock,
    ssh: createSsh([keys]),
    on: (channel) => {
      channels.push(channel)
      channel.open({ data: (bytes) => channel.write(bytes), drained: () => {}, closed: () => {} })
      channel.write(writeFrame(['greeting']))
    },
    refused: () => {},
  })
  await writeFile(file('key'), keys.client.file, { mode: 0o600 })
  await writeFile(file('other'), keyPair(Buffer.alloc(32, 1)).file, { mode: 0o600 })
  await writeFile(
    file('hosts'),
    `[127.0.0.1]:${listener.port} ssh-ed25519 ${keys.host.blob.toString('base64')}\n`,
  )
  await writeFile(file('text'), 'text')
})
afterAll(async () => {
  await listener.stop()
  await rm(folder, { recursive: true })
})

const file = (name: string) => join(folder, name)
const common = (key = 'key') =>
  [
    ...['-F', '/dev/null', '-i', file(key)],
    ...[
      'IdentitiesOnly=yes',
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      'ConnectTimeout=5',
      'LogLevel=INFO',
    ]
      .concat(`UserKnownHostsFile=${file('hosts')}`, 'GlobalKnownHostsFile=/dev/null')
      .flatMap((option) => ['-o', option]),
  ] as const
const there = 'peer@127.0.0.1'

function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: scaled(15_000) }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    })
    child.stdin?.end()
  })
}

const ssh = (...args: readonly string[]) => run('ssh', [...common(), '-p', String(listener.port), ...args])

/** Talks to the subsystem: what is sent comes back after the greeting. */
function talk(frames: readonly Uint8Array[], ...options: readonly string[]): Promise<Frame[]> {
  const args = [...common(), '-p', String(listener.port), ...options, there, '-s', 'app-metrics-proxy']
  const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const heard: Frame[] = []
  return new Promise((resolve) => {
    const reader = createFrameReader(2 ** 24, (frame) => {
      heard.push(frame)
      if (heard.length === frames.length + 1) child.stdin.end()
    })
    child.stdout.on('data', reader.push)
    child.on('close', () => resolve(heard))
    for (const frame of frames) child.stdin.write(frame)
  })
}

describe('with the derived key', () => {
  test('the subsystem works, both keys verified', async () => {
    const frames = await talk([writeFrame(['hello'], [Buffer.alloc(100_000, 7)])])
    expect(frames.map(({ header }) => header)).toEqual([['greeting'], ['hello']])
    expect(frames[1]!.body).toHaveLength(100_000)
  })

  test('it goes on while the client changes keys again and again', async () => {
    const frames = Array.from({ length: 50 }, (_, n) => writeFrame([n], [Buffer.alloc(20_000, n)]))
    const heard = await talk(frames, '-o', 'RekeyLimit=64K')
    expect(heard.slice(1).map(({ header }) => header)).toEqual(frames.map((_, n) => [n]))
  })

  test.each<[string, readonly string[], RegExp]>([
    ['a shell', [there], /shell request failed/],
    ['a terminal', ['-tt', there], /PTY allocation request failed/],
    ['a command', [there, 'id'], /exec request failed/],
    ['another subsystem', [there, '-s', 'sftp'], /subsystem request failed/],
    ['a connection to elsewhere (-L, -W)', ['-W', '127.0.0.1:22', there], /open failed|forwarding failed/],
    [
      'a listening port (-R)',
      ['-o', 'ExitOnForwardFailure=yes', '-N', '-R', '0:127.0.0.1:9', there],
      /forwarding failed/,
    ],
    [
      'a listening socket (-R)',
      ['-o', 'ExitOnForwardFailure=yes', '-N', '-R', '/tmp/x:127.0.0.1:9', there],
      /forwarding failed/,
    ],
  ])('there is no such thing as %s', async (_, args, message) => {
    const { code, stdout, stderr } = await ssh(...args)
    expect(stderr).toMatch(message)
    expect(code).toBe(255)
    expect(stdout).toBe('')
  })

  test.each([
    ['key exchange', 'KexAlgorithms=ecdh-sha2-nistp256,diffie-hellman-group14-sha256'],
    ['cipher', 'Ciphers=aes256-ctr,aes128-ctr'],
    ['host key type', 'HostKeyAlgorithms=rsa-sha2-512,ecdsa-sha2-nistp256'],
  ])('no other %s can be had', async (_, option) => {
    const { code, stderr } = await ssh('-o', option, there, '-s', 'app-metrics-proxy')
    expect(stderr).toMatch(/no matching .* found/)
    expect(code).toBe(255)
  })

  test('nothing is compressed a second time', async () => {
    const { stderr } = await ssh('-v', '-o', 'Compression=yes', there, '-s', 'app-metrics-proxy')
    expect(stderr).toMatch(/kex: server->client cipher: aes128-gcm@openssh.com .* compression: none/)
  })

  test('there is no scp, old or new, and no sftp', async () => {
    const port = ['-P', String(listener.port)]
    for (const form of [['-O'], []]) {
      const { code } = await run('scp', [...form, ...common(), ...port, file('text'), `${there}:/tmp/x`])
      expect(code).not.toBe(0)
    }
    const { code } = await run('sftp', [...common(), ...port, there])
    expect(code).not.toBe(0)
  })
})

test('another key is refused, and no password is requested', async () => {
  const { code, stderr } = await run('ssh', [
    ...common('other'),
    ...[
      '-p',
      String(listener.port),
      '-o',
      'PreferredAuthentications=publickey,password,keyboard-interactive',
      there,
    ],
  ])
  expect(code).toBe(255)
  expect(stderr).toMatch(/Permission denied \(publickey\)/)
})

test('between ourselves keys are changed under way, and nothing is lost', async () => {
  const quick = createSsh([keys], 20)
  const received: number[] = []
  const total = 2000
  const done = Promise.withResolvers<void>()
  const busy = await startListener({
    port: 0,
    clock: systemClock,
    ssh: quick,
    on: (channel) => {
      const reader = createFrameReader(2 ** 20, ({ header }) => {
        received.push((header as [number])[0])
        if (received.length === total) done.resolve()
      })
      channel.open({ data: reader.push, drained: () => {}, closed: () => {} })
    },
    refused: () => {},
  })
  const { dial } = await import('../../src/sync/sockets.ts')
  const channel = await dial(`127.0.0.1:${busy.port}`, quick, systemClock, new AbortController().signal)
  let sent = 0
  const push = () => {
    for (let batch = 0; batch < 50 && sent < total; batch += 1, sent += 1)
      channel.write(writeFrame([sent], [Buffer.alloc(3000)]))
    if (sent < total) setTimeout(push, 5)
  }
  channel.open({ data: () => {}, drained: () => {}, closed: () => done.reject(new Error('closed')) })
  push()
  await done.promise
  expect(received).toEqual(Array.from({ length: total }, (_, n) => n))
  channel.close()
  await busy.stop()
})
