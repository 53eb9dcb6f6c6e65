// When is what due? One timer and one heap for any number of keys, so that ten thousand endpoints
// cost one timer.

import type { Clock } from './clock.ts'
import type { Mono } from './model.ts'

export interface Schedule<K> {
  /** Calls back once for `key` at `at`; a later call for the same key moves it. */
  set(key: K, at: Mono): void
  delete(key: K): void
  stop(): void
}

/**
 * `at` is where the heap has it, `due` when it is really due. Moving a key to later, which every live read
 * does, only changes `due`: the entry sinks to its place once it comes up. So `at` never exceeds `due`.
 */
interface Entry<K> {
  readonly key: K
  at: Mono
  due: Mono
  dropped: boolean
}

export function createSchedule<K>(clock: Clock, onDue: (key: K) => void): Schedule<K> {
  const entries = new Map<K, Entry<K>>()
  const heap: Entry<K>[] = []
  let armedFor = Number.POSITIVE_INFINITY
  let disarm = () => {}

  function arm(): void {
    const next = heap[0]?.at ?? Number.POSITIVE_INFINITY
    if (next === armedFor) return
    disarm()
    armedFor = next
    disarm = heap.length === 0 ? () => {} : clock.after(Math.max(0, Math.ceil(next - clock.now())), ring)
  }

  function ring(): void {
    armedFor = Number.POSITIVE_INFINITY
    const now = clock.now()
    for (let top = heap[0]; top && top.at <= now; top = heap[0]) {
      if (!top.dropped && top.due > now) {
        top.at = top.due
        sink(heap, 0)
        continue
      }
      removeTop(heap)
      if (top.dropped) continue
      entries.delete(top.key)
      onDue(top.key)
    }
    arm()
  }

  function drop(key: K): void {
    const entry = entries.get(key)
    if (entry) entry.dropped = true
    entries.delete(key)
  }

  return {
    set(key, at) {
      const known = entries.get(key)
      if (known && at >= known.at) {
        known.due = at
        return
      }
      drop(key)
      const entry = { key, at, due: at, dropped: false }
      entries.set(key, entry)
      heap.push(entry)
      rise(heap, heap.length - 1)
      arm()
    },
    delete: drop,
    stop() {
      disarm()
      entries.clear()
      heap.length = 0
    },
  }
}

function rise<K>(heap: Entry<K>[], from: number): void {
  const entry = heap[from]!
  let at = from
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent]!.at <= entry.at) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = entry
}

function sink<K>(heap: Entry<K>[], from: number): void {
  const entry = heap[from]!
  let at = from
  for (;;) {
    const left = 2 * at + 1
    if (left >= heap.length) break
    const child = left + 1 < heap.length && heap[left + 1]!.at < heap[left]!.at ? left + 1 : left
    if (heap[child]!.at >= entry.at) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = entry
}

function removeTop<K>(heap: Entry<K>[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  heap[0] = last
  sink(heap, 0)
}
