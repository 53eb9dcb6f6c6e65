// What a container itself answers, asked from inside its own network.

import type { Node } from '../harness/node.ts'

export interface Container {
  readonly node: Node
  readonly id: string
  /** As Docker names it. */
  readonly name: string
  readonly port: number
  /** In a replicated service. */
  readonly slot?: string
}

export interface DirectAnswer {
  readonly type: string | undefined
  readonly text: string
}

export async function containersOf(node: Node): Promise<readonly Omit<Container, 'port'>[]> {
  const format = '{{.ID}} {{.Names}} {{.Label "com.docker.compose.container-number"}}'
  const lines = (await node.docker('ps', '--format', format)).split('\n').filter(Boolean)
  return lines.map((line) => {
    const [id = '', name = '', number = ''] = line.split(' ')
    const slot = number || /^\w+\.(\d+)\.\w+$/.exec(name)?.[1]
    return { node, id, name, ...(slot && { slot }) }
  })
}

/** Without an encoding; an empty Accept is none. */
export async function askDirectly({ node, id, port }: Container, accept: string): Promise<DirectAnswer> {
  const pid = await pidOf(node, id)
  const inside = [
    '--net',
    '--target',
    pid,
    'curl',
    '--silent',
    '--fail-with-body',
    '--include',
    '--max-time',
    '10',
  ]
  // without a value curl leaves a header out
  const url = `http://127.0.0.1:${port}/metrics`
  const answer = await node.namespace()!.run('nsenter', [...inside, '--header', `Accept:${accept}`, url])
  const end = answer.indexOf('\r\n\r\n')
  const type = /^content-type: *(.*?)\r?$/im.exec(answer.slice(0, end))?.[1]
  return { type, text: `${answer.slice(end + 4)}\n` }
}

const pids = new Map<string, Promise<string>>()

/** As the node counts; it stays the same as long as the container runs. */
function pidOf(node: Node, id: string): Promise<string> {
  const known = pids.get(id) ?? node.docker('inspect', '--format', '{{.State.Pid}}', id)
  pids.set(id, known)
  return known
}
