// What the protocol needs of the network: two ordered streams of bytes. The protocol knows nothing of SSH.

import type { Trouble } from '../errors.ts'

export interface Channel {
  /** The other side's `host:port`, for people. */
  readonly address: string
  /** Whether this side called. */
  readonly dialled: boolean
  /** Names this session: the same at both of its ends, and at those of no other. */
  readonly binding: Uint8Array
  /** Called once, before anything else. Bytes that came earlier are handed on then. */
  open(handlers: ChannelHandlers): void
  /** `false`: taken, but the next should wait for `drained`. */
  write(bytes: Uint8Array): boolean
  /** Ends the channel once what was written is on its way. `closed` is called in any case. */
  close(): void
}

export interface ChannelHandlers {
  data(bytes: Uint8Array): void
  drained(): void
  /** Once, and nothing after it. With the trouble, where it wasn't an orderly end. */
  closed(trouble?: Trouble): void
}
