// `/sd`: the cluster's targets for Prometheus' HTTP service discovery.

import { ProxyError } from '../errors.ts'
import { type Answer, type DocumentRequest, documentOf, refuseIncomplete } from '../http/answer.ts'
import type { NodeId } from '../model.ts'
import { cachedUntilChange } from '../runtime/cached.ts'
import type { DiscoveredTarget } from '../status/shape.ts'
import type { Store } from '../store/store.ts'
import { type ListedTarget, listTargets } from './targets.ts'

interface SdDeps {
  readonly store: Pick<Store, 'entries' | 'nodes' | 'swarmState' | 'subscribe'>
  readonly config: { readonly cluster: string | undefined }
  /** What the list still lacks after a start: half a list would delete targets. */
  readonly pending: () => readonly string[]
}

interface SdRequest extends DocumentRequest {
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>
}

export interface Sd {
  answer(request: SdRequest): Promise<Answer>
  /** A container, or an agent, as the list has it; undefined: it is not listed, or the list is not complete yet. */
  targetOf(owner: NodeId, id: string): DiscoveredTarget | undefined
}

const contentType = 'application/json; charset=utf-8'

export function createSd({ store, config, pending }: SdDeps): Sd {
  const current = cachedUntilChange(store, ['target', 'endpoint', 'ended'], () => {
    const listed = listTargets({
      entries: store.entries(),
      nodes: store.nodes(),
      swarmState: store.swarmState()?.value,
      cluster: config.cluster,
    })
    return { listed, document: documentOf(print(listed), contentType) }
  })

  return {
    async answer({ query, ...request }) {
      refuseIncomplete(pending())
      const filters = Object.entries(query).map(([name, value]) => ({ label: labelOf(name), name, value }))
      const unknown = filters.find(({ label, value }) => label === undefined || value === undefined)
      // to ignore a misspelt parameter would list everything
      if (unknown)
        throw new ProxyError(
          'bad_request',
          `${JSON.stringify(unknown.name)}: not a parameter of /sd; job and label.<name> are`,
        )
      const { listed, document } = current()
      if (filters.length === 0) return document(request)
      const selected = listed.filter(({ target: { labels } }) =>
        filters.every(({ label = '', value }) =>
          // without the label it is empty, as in Prometheus' matchers
          [value].flat().includes(Object.hasOwn(labels, label) ? labels[label] : ''),
        ),
      )
      return documentOf(print(selected), contentType)(request)
    },
    targetOf(owner, id) {
      if (pending().length > 0) return undefined
      return current().listed.find((one) => one.owner === owner && one.id === id)?.target
    },
  }
}

/** `?job=a&job=b&label.team=web`: (a or b) and web. */
function labelOf(parameter: string): string | undefined {
  return parameter === 'job' ? parameter : /^label\.(?!__)(.+)$/.exec(parameter)?.[1]
}

/** One target a line: easy to read, to compare and to grep. */
function print(listed: readonly ListedTarget[]): Buffer {
  if (listed.length === 0) return Buffer.from('[]\n')
  return Buffer.from(`[\n${listed.map(({ target }) => JSON.stringify(target)).join(',\n')}\n]\n`)
}
