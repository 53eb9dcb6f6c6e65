// `/sd`: the cluster's targets for Prometheus' HTTP service discovery.

import { ProxyError } from '../errors.ts'
import { type Answer, type DocumentRequest, documentOf, refuseIncomplete } from '../http/answer.ts'
import type { Change, NodeId } from '../model.ts'
import type { Store } from '../store/store.ts'
import { type ListedTarget, listTargets, type ScrapeTarget } from './targets.ts'

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
  targetOf(owner: NodeId, id: string): ScrapeTarget | undefined
}

const contentType = 'application/json; charset=utf-8'

export function createSd({ store, config, pending }: SdDeps): Sd {
  let isStale = true
  let listed: readonly ListedTarget[] = []
  let targets: readonly ScrapeTarget[] = []
  let document = documentOf(print(targets), contentType)
  store.subscribe((change) => {
    isStale ||= isRelevant(change)
  })

  function refresh(): void {
    listed = listTargets({
      entries: store.entries(),
      nodes: store.nodes(),
      swarmState: store.swarmState()?.value,
      cluster: config.cluster,
    })
    targets = listed.map(({ target }) => target)
    document = documentOf(print(targets), contentType)
    isStale = false
  }

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
      if (isStale) refresh()
      if (filters.length === 0) return document.answer(request)
      const selected = targets.filter(({ labels }) =>
        filters.every(({ label, value }) => [value].flat().includes(labelValue(labels, label!))),
      )
      return documentOf(print(selected), contentType).answer(request)
    },
    targetOf(owner, id) {
      if (pending().length > 0) return undefined
      if (isStale) refresh()
      return listed.find((one) => one.owner === owner && one.id === id)?.target
    },
  }
}

/** Most changes are scrapes, and the list depends on none of them. */
function isRelevant(change: Change): boolean {
  if (change.kind !== 'entry' || !change.before) return true
  const { entry, before } = change
  return entry.target !== before.target || entry.endpoint !== before.endpoint || entry.ended !== before.ended
}

/** `?job=a&job=b&label.team=web`: (a or b) and web. */
function labelOf(parameter: string): string | undefined {
  return parameter === 'job' ? parameter : /^label\.(?!__)(.+)$/.exec(parameter)?.[1]
}

function labelValue(labels: ScrapeTarget['labels'], label: string): string {
  return Object.hasOwn(labels, label) ? labels[label]! : ''
}

/** One target a line: easy to read, to compare and to grep. */
function print(targets: readonly ScrapeTarget[]): Buffer {
  if (targets.length === 0) return Buffer.from('[]\n')
  return Buffer.from(`[\n${targets.map((target) => JSON.stringify(target)).join(',\n')}\n]\n`)
}
