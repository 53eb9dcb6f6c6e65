// Docker's health check, where health.c does not find all well: does the agent's event loop still turn? A program of
// its own, which loads nothing but a socket. What is wrong goes to stderr, where `docker inspect` shows it.

import { connect } from 'node:net'

const timeoutMs = 2_000

function end(code: number, problem = ''): never {
  process.stderr.write(problem)
  process.exit(code)
}

const given = (process.env.LISTEN_PORT ?? '').trim().replace(/^(["'])(.*)\1$/, '$2') || '2137'
const port = Number(given)
if (!/^\d+$/.test(given) || port < 1 || port > 65_535)
  end(2, `LISTEN_PORT=${given}: must be a whole number from 1 to 65535\n`)

const where = `127.0.0.1:${port}`
const silent = `the agent at ${where} gives no answer within ${timeoutMs / 1000} s\nsee its log, and restart it\n`
const absent = (code: string) =>
  `no agent listens at ${where} (${code})\nstart it, or set LISTEN_PORT to the port on which it listens\n`

/** An agent that speaks TLS hangs up on plain text, or sends an alert: that, too, is a sign of life. */
function judge(answer: string): never {
  const status = /^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1]
  if (answer.startsWith('\x15\x03') || (status !== undefined && status < '500')) end(0)
  if (status === undefined)
    end(1, `what answers at ${where} is no agent\nset LISTEN_PORT to the agent’s port\n`)
  return end(1, `the agent at ${where} answers ${status}\nsee its log\n`)
}

let failure: NodeJS.ErrnoException | undefined
setTimeout(() => end(1, silent), timeoutMs)
const socket = connect(port, '127.0.0.1')
socket
  .on('connect', () => socket.write('GET /-/healthy HTTP/1.0\r\n\r\n'))
  .on('data', (answer) => judge(answer.toString('latin1')))
  .on('error', (error) => {
    failure = error
  })
  .on('close', () => (failure ? end(1, absent(failure.code ?? failure.message)) : end(0)))
