// Which part of the list is asked for: `?job=a&job=b&label.team=web` is (a or b) and web.

import type { Listed } from './labels.ts'

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

export type Selection =
  | { readonly ok: true; readonly matches: ((listed: Listed) => boolean) | undefined }
  | { readonly ok: false; readonly reason: string }

/** A misspelt parameter is refused: to leave it out would list everything. */
export function selectionOf(query: Query): Selection {
  const wanted: { readonly label: string; readonly values: readonly string[] }[] = []
  for (const [name, given] of Object.entries(query)) {
    const label = name === 'job' ? name : /^label\.(?!__)(.+)$/.exec(name)?.[1]
    if (label === undefined || given === undefined)
      return {
        ok: false,
        reason: `${JSON.stringify(name)}: not a parameter of /sd; job and label.<name> are`,
      }
    wanted.push({ label, values: [given].flat() })
  }
  if (wanted.length === 0) return { ok: true, matches: undefined }
  return {
    ok: true,
    matches: ({ labels }) =>
      wanted.every(({ label, values }) =>
        values.includes(Object.hasOwn(labels, label) ? labels[label]! : ''),
      ),
  }
}
