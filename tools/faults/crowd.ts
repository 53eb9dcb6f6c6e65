// Very many who connect and say nothing, in a process of their own: the files that one process may open would not
// do for both sides.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

/** From this address; resolves when each has been let in or turned away. */
export async function startCrowd(count: number, port: number, from: string): Promise<AsyncDisposable> {
  const child = fork(import.meta.filename, [String(count), String(port), from])
  const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (ready !== 'ready') throw new Error(`the crowd ended with ${ready}`)
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      if (child.kill('SIGKILL')) await ended
    },
  }
}

/** As many as a listener usually lets wait. */
const wave = 500

async function gather(count: number, port: number, from: string): Promise<void> {
  const knock = async () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from })
    socket.on('error', () => {})
    // else it is never seen that the other side has ended it
    socket.resume()
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
  }
  for (let left = count; left > 0; left -= wave)
    await Promise.all(Array.from({ length: Math.min(left, wave) }, knock))
  process.send!('ready')
}

if (process.argv[1] === import.meta.filename) {
  const [count, port, from] = process.argv.slice(2)
  await gather(Number(count), Number(port), from!)
}
