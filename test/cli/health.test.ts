import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { selfSigned } from '../helpers/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'health-'))
afterAll(() => rmSync(folder, { recursive: true }))
/** The program that Docker starts, built as in the Dockerfile. */
const program = join(folder, 'health')
const hasCompiler = spawnSync('gcc', ['--version']).status === 0
if (hasCompiler) execFileSync('gcc', ['-Wall', '-Wextra', '-Werror', '-o', program, 'src/cli/health.c'])

type Command = readonly [string, ...string[]]
const commands: { name: string; command: Command; exists: boolean }[] = [
  { name: 'the command', command: [process.execPath, 'src/cli/health.ts'], exists: true },
  {
    name: 'the program that Docker starts',
    command: [program, '0', process.execPath, 'src/cli/health.ts'],
    exists: hasCompiler,
  },
]

/** The exit code of the health check against this server. */
async function check(command: Command, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    return await checkPort(command, port)
  } finally {
    server.close()
  }
}

async function checkPort([file, ...args]: Command, port: number | string): Promise<number> {
  const child = spawn(file, args, {
    env: { ...process.env, LISTEN_PORT: `${port}` },
    stdio: 'inherit',
  })
  return (await once(child, 'exit'))[0]
}

const answering = (status: number) =>
  createHttpServer((_request, response) => response.writeHead(status).end())

describe.each(commands)('$name', ({ command, exists }) => {
  test.runIf(exists).each([
    ['answers', () => answering(200), 0],
    ['requires a password', () => answering(401), 0],
    [
      'closes a plain-text connection, as with TLS',
      () => createServer((socket) => socket.resume().once('data', () => socket.end())),
      0,
    ],
    ['reports a failure', () => answering(500), 1],
    ['accepts and does not respond', () => createServer((socket) => socket.resume()), 1],
  ] as const)('an agent that %s', async (_what, server, code) => {
    expect(await check(command, server())).toBe(code)
  })

  test.runIf(exists)('an agent that is not running', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    expect(await checkPort(command, port)).toBe(1)
  })
})

describe.runIf(hasCompiler)('the program that Docker starts needs no Node', () => {
  /** That would have to find out why the agent is unhealthy. */
  const alone: Command = [program, '0', '/bin/false']

  test.each([
    ['with TLS', () => createTlsServer(selfSigned())],
    ['that requires a password', () => answering(401)],
    ['that serves', () => answering(200)],
  ])('for an agent %s', async (_what, server) => {
    expect(await check(alone, server())).toBe(0)
  })

  test.each(['"PORT"', "'PORT'", ' PORT ', ' "PORT" '])('for LISTEN_PORT=%j', async (text) => {
    const server = answering(200).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(await checkPort(alone, text.replace('PORT', `${port}`))).toBe(0)
    server.close()
  })

  /** In a process namespace of its own the program is the first process, and as old as an agent that just started. */
  const newAgent = ['--pid', '--fork', '--mount-proc', ...alone] as const
  const canUnshare = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0

  test.runIf(canUnshare)('for an agent that listens a while after its start', async () => {
    const server = answering(200).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const checked = checkPort(['unshare', ...newAgent], port)
    await delay(500)
    server.listen(port, '127.0.0.1')
    expect(await checked).toBe(0)
    server.close()
  })

  test('but for an agent that reports a failure', async () => {
    expect(await check(alone, answering(500))).toBe(1)
  })
})
