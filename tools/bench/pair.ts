// Two linked agents of the same target: its own node's, and another one's.

import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { startAgent } from './processes.ts'

export interface Pair {
  /** The page of the target through its own node, and through the other one. */
  readonly own: Served
  readonly other: Served
}

export interface Served {
  readonly url: string
  readonly pid: number
}

export async function startPair(
  stack: AsyncDisposableStack,
  target: string,
  settings: Record<string, string>,
): Promise<Pair> {
  const [ownPort, ownSshPort, otherPort, otherSshPort] = await Promise.all(
    Array.from({ length: 4 }, freePort),
  )
  const agent = (name: string, port: number, sshPort: number, peer: number, targets: string): Served => {
    const { pid } = stack.use(
      startAgent({
        ...{ NODE_NAME: name, SSHPASS: 'only for this benchmark, on loopback', LOG_LEVEL: 'error' },
        ...{ LISTEN_PORT: `${port}`, SSH_PORT: `${sshPort}`, PEERS: `127.0.0.1:${peer}`, TARGETS: targets },
        ...settings,
      }),
    )
    return { url: `http://127.0.0.1:${port}/page/metrics`, pid }
  }
  const unused = `unused=http://127.0.0.1:${otherPort}/metrics`
  const own = agent('own', ownPort!, ownSshPort!, otherSshPort!, `page=${target}`)
  const other = agent('other', otherPort!, otherSshPort!, ownSshPort!, unused)
  await Promise.all([own, other].map(({ url }) => isServed(url)))
  return { own, other }
}

const servedWithinMs = 20_000

export async function isServed(url: string): Promise<void> {
  const end = performance.now() + servedWithinMs
  while (!(await fetch(url).catch(() => undefined))?.ok) {
    if (performance.now() > end) throw new Error(`${url} isn't served`)
    await pause(50)
  }
}
