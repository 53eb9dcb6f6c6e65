// From the path of a request back to the targets whose metrics it has.

import type { Entry, NodeId } from '../model.ts'
import type { Names } from './names.ts'

/** A key for each; none where the path has no metrics of targets, or means nothing. */
export function targetKeysOfPath(path: string, lookUp: Names['lookUp'], node: NodeId): readonly string[] {
  const url = URL.parse(path, 'http://agent')
  const [, name, replica] = /^\/([^/]+)(?:\/([^/]+))?\/metrics$/.exec(url?.pathname ?? '') ?? []
  if (!url || name === undefined) return []
  const scope = url.searchParams.get('scope') === 'node' ? { scope: 'node' as const } : {}
  const found = lookUp({
    ...{ name: decoded(name), node, ...scope },
    ...(replica !== undefined && { replica: decoded(replica) }),
  })
  const endpoint = url.searchParams.get('endpoint') ?? '1'
  const keyOf = ({ owner, target }: Entry) => `${owner}/${target.id}/${endpoint}`
  if (found.kind === 'one') return [keyOf(found.entry)]
  return found.kind === 'replicas' ? found.replicas.flatMap(({ entry }) => (entry ? [keyOf(entry)] : [])) : []
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
