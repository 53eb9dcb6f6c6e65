// Stands between the agent and a real Docker Engine, and does what a bad day brings: answers late, never or not
// to the end, leaves containers out of lists, loses, doubles and disorders events.

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

export interface Mischief {
  /** Milliseconds that each answer is late. */
  late: number
  /** Nothing is answered. */
  silent: boolean
  /** Connections break off in the middle of an answer. */
  cut: boolean
  /** Each list of containers lacks half of them, by chance. */
  halved: boolean
  events: 'passed' | 'lost' | 'doubled, disordered'
}

export interface DockerProxy extends AsyncDisposable {
  become(mischief: Partial<Mischief>): void
}

const honest: Mischief = { late: 0, silent: false, cut: false, halved: false, events: 'passed' }
/** So long events are held back, to be sent in another order. */
const gathered = 300

export async function startDockerProxy(socketPath: string, at: string): Promise<DockerProxy> {
  let now = honest

  async function pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const onward = request({ socketPath, path: incoming.url, method: incoming.method })
    answer.on('close', () => onward.destroy())
    onward.on('error', () => answer.destroy())
    onward.end()
    const [reply] = (await once(onward, 'response')) as [IncomingMessage]
    reply.on('error', () => answer.destroy())
    if (now.late > 0) await pause(now.late)
    if (now.silent) return
    if (incoming.url!.startsWith('/events')) return passEvents(reply, answer)
    const body = await textOf(reply)
    const sent = now.halved && incoming.url!.startsWith('/containers/json') ? half(body) : body
    answer.writeHead(reply.statusCode!, { 'content-type': 'application/json' })
    if (!now.cut) return void answer.end(sent)
    answer.write(sent.slice(0, sent.length / 2))
    await pause(10)
    answer.destroy()
  }

  async function passEvents(reply: IncomingMessage, answer: ServerResponse): Promise<void> {
    const disorder = createDisorder((text) => answer.write(text))
    answer.writeHead(reply.statusCode!).flushHeaders()
    for await (const chunk of reply.setEncoding('utf8')) {
      if (now.cut) return void answer.destroy()
      if (now.silent || now.events === 'lost') continue
      if (now.events === 'passed') answer.write(chunk)
      else disorder(chunk)
    }
    answer.end()
  }

  const server = createServer((incoming, answer) => {
    pass(incoming, answer).catch(() => answer.destroy())
  })
  server.listen(at)
  await once(server, 'listening')
  return {
    become(mischief) {
      now = { ...honest, ...mischief }
      // what hangs already must feel it too
      if (mischief.cut) server.closeAllConnections()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function textOf(reply: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of reply.setEncoding('utf8')) text += chunk
  return text
}

function half(list: string): string {
  return JSON.stringify((JSON.parse(list) as unknown[]).filter(() => randomInt(2) === 0))
}

/** Passes on the lines that come within a moment in the wrong order, and twice. */
function createDisorder(pass: (text: string) => void): (chunk: string) => void {
  let held = ''
  return (chunk) => {
    if (held === '')
      setTimeout(() => {
        const lines = held.trim().split('\n').reverse()
        held = ''
        pass([...lines, ...lines, ''].join('\n'))
      }, gathered)
    held += chunk
  }
}
