// One connection to a container, on which one page after another is asked for.
//
// What comes in is read into memory that all connections share, and used up before anything else is read:
// most of what an HTTP client costs is memory for each read, and streams.

import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { closedEarly } from '../failures.ts'
import { Answer, type Listener } from './answer.ts'

/** Who asks. One of the last two is called once, after all else; `fail` also with what any of the others throws. */
export interface Asker extends Listener {
  done(): void
  fail(error: unknown): void
}

const room = Buffer.allocUnsafeSlow(64 * 1024)
/** When the system looks whether an idle connection still stands. */
const probeAfter = 60_000

export class Connection {
  readonly #socket: Socket
  /** It is connected, and its certificate has been looked at. */
  #ready = false
  #request = ''
  #answer: Answer | undefined
  #asker: Asker | undefined

  constructor(target: URL, verifyTls: boolean) {
    const socket = open(target, verifyTls, (bytes) => this.#received(bytes))
    socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', () => this.#connected())
    socket.on('error', (error) => this.close(error))
    socket.once('end', () => this.#ended())
    socket.once('close', () => this.close(closedEarly()))
    this.#socket = socket
  }

  /** It may be asked, as long as nobody else asks. */
  get open(): boolean {
    return !this.#socket.destroyed
  }

  ask(request: string, asker: Asker): void {
    this.#request = request
    this.#asker = asker
    // first what has come in unasked meanwhile is to be seen, or that the container has hung up
    if (this.#ready) setImmediate(() => this.#send())
  }

  close(why: unknown): void {
    const asker = this.#asker
    this.#answer = this.#asker = undefined
    this.#socket.destroy()
    asker?.fail(why)
  }

  #connected(): void {
    this.#ready = true
    this.#send()
  }

  #send(): void {
    const asker = this.#asker
    // nobody asks yet, or who did has given up
    if (!asker) return
    this.#answer = new Answer(asker)
    this.#socket.write(this.#request, 'latin1')
  }

  #received(bytes: Buffer): void {
    const answer = this.#answer
    if (!answer) {
      this.close(closedEarly())
      return
    }
    try {
      const used = answer.read(bytes)
      if (answer.done) this.#answered(answer.kept && used === bytes.length)
    } catch (error) {
      this.close(error)
    }
  }

  #ended(): void {
    if (this.#answer?.end()) this.#answered(false)
    else this.close(closedEarly())
  }

  #answered(kept: boolean): void {
    const asker = this.#asker
    this.#answer = this.#asker = undefined
    if (!kept) this.#socket.destroy()
    try {
      asker?.done()
    } catch (error) {
      asker?.fail(error)
    }
  }
}

function open(target: URL, verifyTls: boolean, on: (bytes: Buffer) => void): Socket {
  const secure = target.protocol === 'https:'
  const host = target.hostname.replace(/^\[(.*)\]$/, '$1')
  const options: TcpNetConnectOpts = {
    host,
    port: Number(target.port || (secure ? 443 : 80)),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: probeAfter,
    onread: {
      buffer: room,
      callback(bytes) {
        on(room.subarray(0, bytes))
        return true
      },
    },
  }
  if (!secure) return connect(options)
  const named = isIP(host) ? {} : { servername: host }
  return connectTls({ ...options, ...named, rejectUnauthorized: verifyTls, ALPNProtocols: ['http/1.1'] })
}
