// A peer that holds the secret and sends whatever it likes. The only part of the simulation that speaks the protocol:
// it goes with it.

import { agentTarget, type Place, type Target } from '../../src/model.ts'
import type { Channel } from '../../src/sync/channel.ts'
import { pack } from '../../src/sync/codec.ts'
import { createFrameReader } from '../../src/sync/frames.ts'
import { createIdentity } from '../../src/sync/identity.ts'
import { decode, encode, type Hello, type Message, protocol } from '../../src/sync/messages.ts'
import { found, self as selfOf, endpoint as someEndpoint } from '../store/samples.ts'
import type { Network } from './network.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'

export interface Intrusion {
  readonly network: Network
  readonly process: Process
  readonly random: Random
  /** Where it is, and whom it calls. */
  readonly from: string
  readonly to: string
  /** The node that it says it is, and where that one's own agent is, if it is another's. */
  readonly node: string
  readonly claimedAt: string | undefined
  /** What agents introduced themselves with, to this one or another: to be relayed. */
  readonly hellos: Map<string, Hello>
  readonly manager: boolean
  /** Nodes and containers of which it may speak. */
  readonly nodes: readonly string[]
  readonly ids: readonly string[]
  readonly messages: number
  /** It holds on to its link when it has nothing left to send, and calls again. */
  readonly stays: boolean
}

/** It sends so often, and calls again so soon, in milliseconds. */
const pauseMs = 60
const callAgainMs = 100

/** Calls, introduces itself, and goes on until its process is killed, or it has nothing left to send and doesn't stay. */
export async function intrude(intrusion: Intrusion): Promise<void> {
  const { network, process, from, to } = intrusion
  const { clock } = process
  if (intrusion.claimedAt !== undefined) await learn(intrusion, intrusion.claimedAt)
  for (let left = intrusion.messages; left > 0 || intrusion.stays; left = Math.max(0, left - 1)) {
    try {
      const channel = await network.dial(process, from, to, new AbortController().signal)
      left = await speak(channel, left, intrusion)
    } catch {
      // nobody is there
    }
    await clock.sleep(callAgainMs)
  }
}

/** Calls the agent that it is going to pretend to be, for its hello. */
async function learn({ network, process, from, hellos }: Intrusion, address: string): Promise<void> {
  const ended = Promise.withResolvers<void>()
  try {
    const channel = await network.dial(process, from, address, new AbortController().signal)
    const reader = createFrameReader(2 ** 26, (frame) => {
      const message = decode(frame) as Message
      if (message.kind === 'hello') hellos.set(message.self.node, message)
      channel.close()
    })
    channel.open({ data: reader.push, drained: () => {}, closed: () => ended.resolve() })
    await ended.promise
  } catch {
    // nobody is there
  }
}

/** Resolves once the connection is over, with how many messages are left. */
function speak(channel: Channel, messages: number, intrusion: Intrusion): Promise<number> {
  const { process, random, node, manager } = intrusion
  const { clock } = process
  const ended = Promise.withResolvers<number>()
  let [isOver, left, heartbeats] = [false, messages, 0]
  let theirNode = ''
  const identity = createIdentity(random.bytes(32))

  const send = (message: Message) => {
    if (!isOver) channel.write(encode(message))
  }

  function take(message: Message): void {
    if (message.kind === 'hello') introduce(message)
    if (message.kind === 'accept' && node > theirNode) send(message)
    // it holds on to what it claims
    if (message.kind === 'challenge') send({ kind: 'response', number: message.number })
    // it says that it has done what was requested
    if (message.kind === 'refresh' && random.chance(0.7))
      send({ kind: 'refreshed', call: message.call, number: 1 })
  }

  function introduce(theirs: Hello): void {
    theirNode = theirs.self.node
    const proof = identity.prove({ role: 'caller', node, sessionId: channel.sessionId })
    intrusion.hellos.set(theirNode, theirs)
    // now and then it pretends to be another agent, with what it has from it
    const relayed = random.chance(0.3) ? intrusion.hellos.get(node) : undefined
    const { epoch, ...rest } = relayed ?? (random.chance(0.1) ? theirs : { epoch: identity.epoch, proof })
    send({
      ...{ kind: 'hello', ...protocol, version: '1.0.0', epoch, proof: rest.proof },
      self: selfOf(node, { manager }),
    })
    if (node < theirNode) send({ kind: 'accept' })
    heartbeat()
    clock.after(5, lie)
  }

  function heartbeat(): void {
    if (isOver) return
    heartbeats += 1
    send({ kind: 'heartbeat', number: heartbeats, seen: 0, heldMs: 0 })
    clock.after(1000, heartbeat)
  }

  function lie(): void {
    if (isOver || left === 0) return
    left -= 1
    if (random.chance(0.005)) channel.write(random.bytes(random.between(1, 40)))
    else send(anyMessage(intrusion))
    clock.after(random.below(pauseMs), lie)
  }

  const reader = createFrameReader(2 ** 26, (frame) => take(decode(frame) as Message))
  channel.open({
    data: reader.push,
    drained: () => {},
    closed() {
      isOver = true
      ended.resolve(left)
    },
  })
  return ended.promise
}

/** What it says that containers said, none of which did. */
const texts = Array.from({ length: 9 }, (_, at) =>
  pack(Buffer.from(`# TYPE said gauge\nsaid{container="invented",content="0"} ${at}\n`)),
)
/** It unpacks to far more than it announces. */
const bomb = { ...pack(Buffer.alloc(4_000_000)), size: 100 }

function anyMessage(intrusion: Intrusion): Message {
  const { random, nodes, ids, node, manager } = intrusion
  const small = () => random.one([1, 2, 3, 7, 20, 2 ** 50])
  const id = () => random.one([...ids, 'invented', agentTarget])
  const numbers = () => ({ id: id(), number: small(), ageMs: random.one([0, 0, 500, 1e9]), durationMs: 1 })
  const frame = () => {
    const text = random.one(texts)
    return random.one([text, text, text, { ...text, size: random.one([2 ** 40, 0, text.size - 1]) }, bomb])
  }
  const page = (): Message => ({
    ...{ kind: 'page', ...numbers(), series: 1, format: 'text/0.0.4', remarks: [] },
    ...random.one([
      { base: 0, frames: [frame()] },
      { base: small(), frames: [frame(), frame()] },
    ]),
  })
  // these the other side may take, again and again
  if (random.chance(0.9))
    return random.one<() => Message>([
      () => listing(intrusion, node, small(), small()),
      page,
      page,
      () => ({ kind: 'failure', ...numbers(), failure: { code: 'connection_refused', reason: 'invented' } }),
      () => ({ kind: 'deleted', id: id() }),
      () => ({ kind: 'complete' }),
      () => ({ kind: 'resend', id: id() }),
      () => ({ kind: 'digest', records: [[id(), small(), small(), small()]] }),
      () => ({ kind: 'refresh', call: small(), id: random.one(ids), timeoutMs: random.one([0, 100, 1e12]) }),
      () => ({ kind: 'refreshed', call: small(), number: small() }),
      () => ({ kind: 'challenge', number: small() }),
      () => ({ kind: 'response', number: small() }),
      () => ({ kind: 'self', self: selfOf(node, { manager }) }),
      () => (manager ? inventedSwarm : page()),
      () => ({ kind: 'unknown', of: 'anything' }),
    ])()
  // these end the connection
  return random.one<() => Message>([
    () => listing(intrusion, random.one(nodes), small(), small()),
    () => ({ kind: 'self', self: selfOf(random.one(nodes), { manager }) }),
    () => ({ kind: 'accept' }),
    () => ({ kind: 'bye', reason: 'invented' }),
  ])()
}

const inventedSwarm: Message = {
  ...{ kind: 'swarm', ageMs: 0 },
  swarmState: { swarmId: 'invented', nodes: new Map(), services: new Map(), containers: new Map() },
}

/** Its own containers have names of their own; those that it invents of others have theirs. */
function listing(
  { random, nodes, ids }: Intrusion,
  node: string,
  generation: number,
  number: number,
): Message {
  const place = random.one<Place>([
    { kind: 'standalone' },
    { kind: 'compose', project: 'shop', service: 'api', number: '1' },
    {
      ...{ kind: 'replicated', service: 'demo_web', serviceId: 'web', stack: 'demo' },
      ...{ slot: random.one(['1', '2', '3']), task: 'invented' },
    },
  ])
  const target: Target = {
    id: random.one([...ids, 'invented', agentTarget]),
    node,
    name: random.one(['invented', 'app-metrics-proxy', ...(nodes.includes(node) ? ['db', 'cache'] : [])]),
    place,
    image: 'image',
    labels: {},
    state: random.one(['running', 'running', 'stopped']),
    addresses: [{ network: 'monitor', host: '10.0.0.1' }],
  }
  return { kind: 'listing', generation, number, target, probeResult: found, endpoint: someEndpoint }
}
