// Virtual time. Nothing waits: what is due next happens next, each thing by itself, and all promises that can
// settle do so before the next one.

export interface Scheduler {
  /** Milliseconds since the start. */
  now(): number
  /** Calls back at `time`, or next if that has passed; what is due at the same time comes in the order of asking. */
  at(time: number, callback: () => void): () => void
  /** Lets time pass until `time`. */
  passUntil(time: number): Promise<void>
  /** How many callbacks were called. */
  steps(): number
}

interface Due {
  readonly time: number
  readonly order: number
  callback: (() => void) | undefined
}

export function createScheduler(): Scheduler {
  const heap: Due[] = []
  let [now, order, steps] = [0, 0, 0]

  function nextBy(time: number): Due | undefined {
    while (heap[0] && !heap[0].callback) pop(heap)
    return heap[0] && heap[0].time <= time ? pop(heap) : undefined
  }

  return {
    now: () => now,
    steps: () => steps,
    at(time, callback) {
      order += 1
      const due: Due = { time: Math.max(now, time), order, callback }
      push(heap, due)
      return () => {
        due.callback = undefined
      }
    },
    passUntil: (time) =>
      new Promise((resolve, reject) => {
        function next(): void {
          const due = nextBy(time)
          if (!due) {
            now = time
            resolve()
            return
          }
          now = due.time
          steps += 1
          try {
            due.callback!()
          } catch (error) {
            reject(error)
            return
          }
          onceSettled(next)
        }
        onceSettled(next)
      }),
  }
}

/**
 * Calls back once no promise can settle any more: what a microtask hands to `nextTick` runs after all other microtasks.
 * Makes no promise of its own, since it comes after each step.
 */
function onceSettled(callback: () => void): void {
  queueMicrotask(() => process.nextTick(queueMicrotask, callback))
}

const isBefore = (a: Due, b: Due) => a.time < b.time || (a.time === b.time && a.order < b.order)

function push(heap: Due[], due: Due): void {
  let at = heap.length
  heap.push(due)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (isBefore(heap[parent]!, due)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = due
}

function pop(heap: Due[]): Due {
  const first = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return first
}
