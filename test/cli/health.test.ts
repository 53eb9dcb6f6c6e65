import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { expect, test } from 'vitest'

/** The exit code of the health check against this server. */
async function check(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    return await checkPort(port)
  } finally {
    server.close()
  }
}

async function checkPort(port: number): Promise<number> {
  const child = spawn(process.execPath, ['src/cli/health.ts'], {
    env: { ...process.env, LISTEN_PORT: String(port) },
    stdio: 'inherit',
  })
  return (await once(child, 'exit'))[0]
}

const answering = (status: number) => createHttpServer((_request, answer) => answer.writeHead(status).end())

test.each([
  ['answers', answering(200), 0],
  ['asks for a password', answering(401), 0],
  [
    'hangs up on plain text, as TLS does',
    createServer((socket) => socket.resume().once('data', () => socket.end())),
    0,
  ],
  ['reports a failure', answering(500), 1],
  ['accepts and stays silent', createServer((socket) => socket.resume()), 1],
] as const)('an agent that %s', async (_what, server, code) => {
  expect(await check(server)).toBe(code)
})

test('an agent that is not there', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  expect(await checkPort(port)).toBe(1)
})
