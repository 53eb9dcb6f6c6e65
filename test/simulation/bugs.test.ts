// Known bugs can be put back, and one is: the simulation finds it. `npm run simulate -- --bugs` does it with all.

import { expect, test } from 'vitest'
import { bugs, withEdit } from './bugs.ts'
import type { Played, Task } from './worker.ts'
import { playInThreads } from './workers.ts'

const task: Task = {
  ...{ first: 1, step: 1, scenarios: 10, events: 200, without: [] },
  ...{ isStrict: false, isReal: false, isShrunk: false },
}

async function findingOf(task: Task): Promise<Played | undefined> {
  let found: Played | undefined
  await playInThreads(task, 1, (played) => {
    if (played.finding !== undefined) found ??= played
    return !found
  })
  return found
}

test.each(bugs.flatMap(({ name, edits }) => edits.map((edit) => ({ name, edit }))))(
  'the source still has what the bug $name replaces',
  ({ edit }) => {
    expect(withEdit(edit)).toContain(edit.to)
  },
)

test('a scrape that is dropped when its timer fires early is found', async () => {
  const found = await findingOf({ ...task, bug: 'early-timer' })
  expect(found?.finding).toContain('not scraped')
})

test('with stand-ins for Ed25519 and zstd nothing is found', async () => {
  expect(await findingOf({ ...task, scenarios: 2 })).toBeUndefined()
})
