// What a container itself answers, to a request from inside its own network.

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
  readonly body: Buffer
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
  // without a value curl leaves a header out; base64 since what is printed is read as text
  const script =
    'set -o pipefail; curl --silent --fail-with-body --include --max-time 10 --header "Accept:$0" "$1" | base64'
  const url = `http://127.0.0.1:${port}/metrics`
  const inside = ['--net', '--target', pid, 'bash', '-c', script, accept, url]
  const answer = Buffer.from(await node.namespace()!.run('nsenter', inside), 'base64')
  const end = answer.indexOf('\r\n\r\n')
  const type = /^content-type: *(.*?)\r?$/im.exec(answer.toString('latin1', 0, end))?.[1]
  return { type, body: answer.subarray(end + 4) }
}

const pids = new Map<string, Promise<string>>()

/** As the node counts; it stays the same as long as the container runs. */
function pidOf(node: Node, id: string): Promise<string> {
  const known = pids.get(id) ?? node.docker('inspect', '--format', '{{.State.Pid}}', id)
  pids.set(id, known)
  return known
}
