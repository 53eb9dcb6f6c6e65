// The wire: SSH, both roles. The only file that knows ssh2. One subsystem and nothing else: no shell, no
// command, no forwarding, no SFTP.

import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import ssh2 from 'ssh2'
import { type Failure, ProxyError } from '../errors.ts'
import { withoutIPv4Prefix } from '../http/ports.ts'
import { type Channel, channelOver } from './channel.ts'
import type { Keys } from './keys.ts'

export interface Ssh {
  /** Takes a connection that came in. Rejects, with the connection closed, unless the caller proves itself. */
  answer(socket: Socket, signal: AbortSignal): Promise<Channel>
  /** Uses a connection that was made. Rejects, with the connection closed, unless both sides prove themselves. */
  call(socket: Socket, address: string, signal: AbortSignal): Promise<Channel>
}

export const subsystem = 'app-metrics-proxy'
const user = 'peer'
const maxAttempts = 6
const rekeyIntervalMs = 3_600_000

/** One of a kind each, so that there is nothing to talk down. */
const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
  serverHostKey: ['ssh-ed25519'],
  compress: ['none'],
} satisfies ssh2.Algorithms

const otherSecret: Failure = {
  code: 'unproven',
  reason: 'the agent there has another secret',
  hint: 'give all agents of the cluster the same SSHPASS; while it is being changed, the old or new one as SSHPASS_PREVIOUS too',
}

/** The first keys are shown and tried first; all of them are accepted. */
export function createSsh(accepted: readonly [Keys, ...Keys[]], rekeyEveryMs = rekeyIntervalMs): Ssh {
  const hostKeys = [accepted[0].host.file]
  const hostBlobs = accepted.map(({ host }) => host.blob)
  const clients = accepted.map(({ client }) => parsed(client.file))

  return {
    answer(socket, signal) {
      const address = hostPort(socket.remoteAddress, socket.remotePort)
      return handshake(socket, signal, (resolve, reject) => {
        socket.once('close', () => reject(new ProxyError('unproven', 'the caller did not prove itself')))
        const server = new ssh2.Server({ hostKeys, algorithms }, (connection) => {
          const session = authenticate(connection, clients)
          onlySubsystem(connection, (stream) => {
            const rekey = setInterval(() => connection.rekey(), rekeyEveryMs)
            socket.once('close', () => clearInterval(rekey))
            const sessionId = session.id()
            resolve(
              channelOver(socket, stream, () => connection.end(), { address, dialled: false, sessionId }),
            )
          })
        })
        server.injectSocket(socket)
      })
    },
    call(socket, address, signal) {
      return handshake(socket, signal, (resolve, reject) => {
        const client = new ssh2.Client()
        const keys = new KeyAgent(clients)
        const method: ssh2.AgentAuthMethod = { type: 'agent', username: user, agent: keys }
        client.on('error', (error) => reject(callFailure(error)))
        socket.once('close', () => reject(new ProxyError('reset', 'the peer closed the connection')))
        client.once('ready', () => {
          client.subsys(subsystem, (error, stream) => {
            if (error)
              reject(new ProxyError('protocol', 'the peer does not speak our protocol', { cause: error }))
            else {
              const sessionId = keys.sessionId()
              resolve(channelOver(socket, stream, () => client.end(), { address, dialled: true, sessionId }))
            }
          })
        })
        client.connect({
          sock: socket,
          username: user,
          algorithms,
          hostVerifier: (key: Buffer) => isOneOf(key, hostBlobs),
          authHandler: [method],
          readyTimeout: 0,
        })
      })
    },
  }
}

/** Settles once; a failure or the signal destroys the socket. */
function handshake(
  socket: Socket,
  signal: AbortSignal,
  begin: (resolve: (channel: Channel) => void, reject: (error: unknown) => void) => void,
): Promise<Channel> {
  return new Promise<Channel>((resolve, reject) => {
    const abort = () =>
      fail(new ProxyError('timeout', 'the SSH handshake took too long', { cause: signal.reason }))
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      reject(error)
    }
    signal.addEventListener('abort', abort, { once: true })
    begin((channel) => {
      signal.removeEventListener('abort', abort)
      resolve(channel)
    }, fail)
    if (signal.aborted) abort()
  })
}

type PublicKey = string | Buffer | ssh2.ParsedKey

/** Shows and uses our keys, one after the other. What it signs begins with the session's id. */
class KeyAgent extends ssh2.BaseAgent {
  readonly #keys: readonly ssh2.ParsedKey[]
  #signed: Uint8Array | undefined

  constructor(keys: readonly ssh2.ParsedKey[]) {
    super()
    this.#keys = keys
  }

  override getIdentities(on: ssh2.IdentityCallback): void {
    on(undefined, [...this.#keys])
  }

  override sign(key: PublicKey, data: Buffer, options: unknown, last?: ssh2.SignCallback): void {
    const on = last ?? (options as ssh2.SignCallback)
    const signature = (key as ssh2.ParsedKey).sign(data)
    this.#signed = data
    if (signature instanceof Error) on(signature)
    else on(undefined, signature)
  }

  sessionId(): Uint8Array {
    return sessionIdOf(this.#signed)
  }
}

/** The first field of what authenticates a caller (RFC 4252, section 7): what names this session, to both of its sides alike. */
function sessionIdOf(signed: Uint8Array | undefined): Uint8Array {
  if (!signed) throw new Error('a session without a signature')
  const data = Buffer.from(signed)
  return data.subarray(4, 4 + data.readUInt32BE())
}

/** Public key only, and only the cluster's. */
function authenticate(connection: ssh2.Connection, clients: readonly ssh2.ParsedKey[]) {
  let attempts = 0
  let signed: Uint8Array | undefined
  connection.on('error', () => {})
  connection.on('authentication', (context) => {
    attempts += 1
    if (attempts > maxAttempts) connection.end()
    else if (context.method === 'publickey' && isProven(context, clients)) {
      if (context.signature) signed = context.blob
      context.accept()
    } else context.reject(['publickey'])
  })
  return { id: () => sessionIdOf(signed) }
}

/** Without a signature the caller only asks whether the key would do. */
function isProven(
  { key, signature, blob, hashAlgo }: ssh2.PublicKeyAuthContext,
  clients: readonly ssh2.ParsedKey[],
): boolean {
  const known = clients.find((client) => isOneOf(key.data, [client.getPublicSSH()]))
  if (!known) return false
  return !signature || (blob !== undefined && known.verify(blob, signature, hashAlgo) === true)
}

function parsed(file: string): ssh2.ParsedKey {
  const key = ssh2.utils.parseKey(file)
  if (key instanceof Error) throw key
  return key
}

function onlySubsystem(connection: ssh2.Connection, on: (stream: ssh2.ServerChannel) => void): void {
  let taken = false
  connection.on('session', (accept, reject) => {
    if (taken) return reject()
    accept().on('subsystem', (take, refuse, { name }) => {
      if (taken || name !== subsystem) return refuse()
      taken = true
      on(take())
    })
  })
}

function callFailure(error: Error & ssh2.ClientErrorExtensions): ProxyError {
  const isOther = error.level === 'client-authentication' || /verification failed/i.test(error.message)
  if (isOther)
    return new ProxyError(otherSecret.code, otherSecret.reason, { hint: otherSecret.hint!, cause: error })
  if (error.level === 'client-socket')
    return new ProxyError('reset', 'the connection broke during the SSH handshake', { cause: error })
  return new ProxyError('protocol', `the SSH handshake failed: ${error.message}`, { cause: error })
}

function isOneOf(key: Buffer, blobs: readonly Buffer[]): boolean {
  return blobs.some((blob) => blob.length === key.length && timingSafeEqual(blob, key))
}

/** As people write it. */
export function hostPort(ip = '', port = 0): string {
  const plain = withoutIPv4Prefix(ip)
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`
}
