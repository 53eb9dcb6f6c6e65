// Docker's health check if health.c finds the agent unhealthy: does its event loop still run? A separate program, which
// loads only a socket. Problems go to stderr, where `docker inspect` shows them.

import { connect } from 'node:net'

const timeoutMs = 2_000

function end(code: number, problem = ''): never {
  process.stderr.write(problem)
  process.exit(code)
}

const portText = (process.env.LISTEN_PORT ?? '').trim().replace(/^(["'])(.*)\1$/, '$2') || '2137'
const port = Number(portText)
if (!/^\d+$/.test(portText) || port < 1 || port > 65_535)
  end(2, `LISTEN_PORT=${portText}: must be a port from 1 to 65535\n`)

const address = `127.0.0.1:${port}`
const noResponse = `the agent at ${address} does not respond within ${timeoutMs / 1000} s\ncheck its log, and restart it\n`
const noAgent = (code: string) =>
  `no agent listens at ${address} (${code})\nstart it, or set LISTEN_PORT to the port on which it listens\n`

/** An agent with TLS closes a plain-text connection, or sends an alert: then it is alive, too. */
function judge(response: string): never {
  const status = /^HTTP\/1\.\d (\d{3})/.exec(response)?.[1]
  if (response.startsWith('\x15\x03') || (status !== undefined && status < '500')) end(0)
  if (status === undefined)
    end(1, `the server at ${address} is not an agent\nset LISTEN_PORT to the agent’s port\n`)
  return end(1, `the agent at ${address} answered ${status}\ncheck its log\n`)
}

let failure: NodeJS.ErrnoException | undefined
setTimeout(() => end(1, noResponse), timeoutMs)
const socket = connect(port, '127.0.0.1')
socket
  .on('connect', () => socket.write('GET /-/healthy HTTP/1.0\r\n\r\n'))
  .on('data', (response) => judge(response.toString('latin1')))
  .on('error', (error) => {
    failure = error
  })
  .on('close', () => (failure ? end(1, noAgent(failure.code ?? failure.message)) : end(0)))
