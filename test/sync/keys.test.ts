import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import { expect, test } from 'vitest'
import { deriveKeys, keyPair } from '../../src/sync/keys.ts'

test('one secret gives the same keys on every node; host and client differ', async () => {
  const [one, again, other] = await Promise.all(['secret a', 'secret a', 'secret b'].map(deriveKeys))
  expect(again).toEqual(one)
  expect(one!.host.blob).not.toEqual(one!.client.blob)
  expect(other!.host.blob).not.toEqual(one!.host.blob)
})

test('the derivation never changes: agents of two versions must meet', async () => {
  const { host } = await deriveKeys('secret a')
  expect(host.blob.toString('base64')).toBe(
    'AAAAC3NzaC1lZDI1NTE5AAAAIGVshcfq3sf9ChuYB1d9Bkt8mzpfpG/JXPprFzj91krJ',
  )
})

test('every seed gives a key that ssh2 takes, with the same public half', () => {
  for (let n = 0; n < 2000; n += 1) {
    const { file, blob } = keyPair(n < 256 ? Buffer.alloc(32, n) : randomBytes(32))
    const parsed = ssh2.utils.parseKey(file)
    if (parsed instanceof Error) throw parsed
    expect(parsed.getPublicSSH().equals(blob)).toBe(true)
  }
})

test('OpenSSH takes it too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amp-keys-'))
  try {
    const { file, blob } = keyPair(Buffer.alloc(32, 7))
    await writeFile(join(folder, 'key'), file, { mode: 0o600 })
    const { stdout } = await promisify(execFile)('ssh-keygen', ['-y', '-f', join(folder, 'key')])
    expect(stdout.split(' ')[1]!.trim()).toBe(blob.toString('base64'))
  } finally {
    await rm(folder, { recursive: true })
  }
})
