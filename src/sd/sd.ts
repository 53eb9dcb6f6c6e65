// `/sd`: the cluster's targets for Prometheus' HTTP service discovery.

import {
  type Answer,
  type Document,
  type DocumentRequest,
  documentOf,
  incomplete,
  plain,
} from '../http/answer.ts'
import type { Listed } from './labels.ts'
import { createListing, type Source } from './listing.ts'
import type { Standing } from './replicas.ts'
import { type Query, selectionOf } from './select.ts'

export interface SdDeps {
  readonly store: Source
  readonly config: { readonly cluster: string | undefined }
  readonly standing: Standing
  /** What is still awaited before the list is whole; empty: nothing. */
  readonly complete: () => readonly string[]
}

export interface Sd {
  answer(request: DocumentRequest & { readonly query: Query }): Promise<Answer>
}

const contentType = 'application/json; charset=utf-8'

export function createSd({ store, config, standing, complete }: SdDeps): Sd {
  const listing = createListing(store, config.cluster, standing)
  let whole: { readonly of: readonly Listed[]; readonly document: Document } | undefined

  function wholeDocument(targets: readonly Listed[]): Document {
    if (whole?.of !== targets) whole = { of: targets, document: documentOf(print(targets), contentType) }
    return whole.document
  }
  return {
    async answer({ query, ...request }) {
      const awaited = complete()
      if (awaited.length > 0) return incomplete(awaited)
      const selection = selectionOf(query)
      if (!selection.ok) return plain(400, selection.reason)
      const targets = listing.targets()
      const document = selection.matches
        ? documentOf(print(targets.filter(selection.matches)), contentType)
        : wholeDocument(targets)
      return document.answer(request)
    },
  }
}

/** One target a line: easy to read, to compare and to grep. */
function print(targets: readonly Listed[]): Buffer {
  const last = targets.at(-1)
  if (!last) return Buffer.from('[]\n')
  const lines = targets.slice(0, -1).map(({ line }) => line)
  return Buffer.concat([Buffer.from('[\n'), ...lines, last.line.subarray(0, -2), Buffer.from('\n]\n')])
}
