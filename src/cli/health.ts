// Docker's health check: does the agent's event loop still turn? A program of its own, since it is started
// every two seconds: it loads nothing but a socket.

import { connect } from 'node:net'

const patience = 2_000

/** An agent that speaks TLS hangs up on plain text: that, too, is a sign of life. Silence and refusal are not. */
const socket = connect(Number(process.env.LISTEN_PORT || 2137), '127.0.0.1')
const leave = (code: number) => process.exit(code)
setTimeout(() => leave(1), patience)
socket
  .on('connect', () => socket.write('GET /-/healthy HTTP/1.0\r\n\r\n'))
  .on('data', (answer) => leave(/^HTTP\/\S+ 5/.test(answer.toString('latin1')) ? 1 : 0))
  .on('close', (failed) => leave(failed ? 1 : 0))
  .on('error', () => {})
